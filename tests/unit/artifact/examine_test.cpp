// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "../extract/tars.hpp"
#include "artifact/artifact.hpp"
#include "support/error_of.hpp"
#include "support/objects.hpp"

namespace wasmx::artifact {

namespace {

using namespace test;

const recipe::Recipe recipe_for_arm{
    .runtime = recipe::Runtime::v8, .version = "13.1.201.15", .platform = oci::Platform(oci::Architecture::arm64)};
const Contract contract = contract_of(recipe_for_arm);
const std::string top = contract.top_directory;

std::string object(std::uint16_t machine) { return Object{.machine = machine, .symbol = "f"}.bytes(); }
std::string builtins(std::uint16_t machine, const std::string& code) {
    return Object{.machine = machine, .code = code}.bytes();
}

// An object for each function that consumers call, but for some that are left out, or are as they are given.
ArMembers api(const std::string& library, const std::vector<std::string>& without = {},
              const std::optional<Object>& instead = {}) {
    ArMembers out;
    for (const auto& [name, functions] : contract.functions)
        for (const std::string& function : functions) {
            if (name != library) continue;
            const bool is_left_out = std::find(without.begin(), without.end(), function) != without.end();
            Object member = is_left_out && instead ? *instead : Object{.code = "1234"};
            member.symbol = function;
            if (!is_left_out || instead) out.emplace_back(fmt::format("{}.o", out.size()), member.bytes());
        }
    return out;
}

ArMembers operator+(ArMembers a, const ArMembers& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

const ArMembers embedded{{"embedded.o", builtins(EM_AARCH64, arm64_code(100))}};
const ArMembers wee8_api = api("lib/libwee8.a");
const ArMembers bridge_api = api("lib/libv8bridge.a");
const std::string bridge = ar(bridge_api);
const std::string wee8 = ar(wee8_api + embedded);

// In the order in which tar sorts them.
Members package(const std::string& with_wee8 = wee8, const std::string& with_bridge = bridge) {
    return {folder(top),
            folder(top + "/include"),
            file(top + "/include/v8bridge.h", "1"),
            file(top + "/include/wasm.h", "1"),
            folder(top + "/lib"),
            file(top + "/lib/libv8bridge.a", with_bridge),
            file(top + "/lib/libwee8.a", with_wee8)};
}

Members with(Members members, const Member& more) {
    members.push_back(more);
    return members;
}

Members without(const std::string& path) {
    Members out = package();
    std::erase_if(out, [&](const Member& member) { return member.path == path; });
    return out;
}

std::map<std::string, Point> points_of(const std::string& bytes) {
    std::map<std::string, Point> out;
    for (Point& point : examine(io::from_string(bytes), contract).points) {
        CHECK_FALSE(point.observed.empty());
        out.emplace(point.id, std::move(point));
    }
    return out;
}

// "archive,files": the points with a verdict.
std::string ids(const std::map<std::string, Point>& points, Verdict verdict) {
    std::string out;
    for (const auto& [id, point] : points)
        if (point.verdict == verdict) out += (out.empty() ? "" : ",") + id;
    return out;
}

std::string gz(const Members& members) { return gzipped(tar(members)); }

std::string changed_byte() {
    std::string bytes = gz(package());
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    return bytes;
}

std::string changed_checksum() {
    std::string bytes = gz(package());
    bytes[bytes.size() - 8] = static_cast<char>(bytes[bytes.size() - 8] ^ 1);
    return bytes;
}

struct No {
    const char* name;
    std::string bytes;
    const char* point;
    const char* says;
};

const std::vector<No> nos{
    {"an x86-64 object in an arm64 archive",
     gz(package(ar(ArMembers{{"api.o", object(EM_X86_64)}} + wee8_api + embedded))), "libraries",
     "lib/libwee8.a: 1 of 27 members are for x86-64, not for AArch64: api.o"},
    {"a missing header", gz(without(top + "/include/wasm.h")), "files", "include/wasm.h is missing"},
    {"two top directories", gz(with(package(), file("other/x", "1"))), "top-directory",
     "more than one name at the top: other, "},
    {"a changed byte in the checksum", changed_checksum(), "archive", "not those of the checksum"},
    {"an arm64 library with x86-64 builtins",
     gz(package(ar(wee8_api + ArMembers{{"embedded.o", builtins(EM_AARCH64, x86_64_code(100))}}))), "builtins",
     "the builtins in embedded.o are x86-64 machine code, not AArch64 (400 markers of x86-64 and 0 of AArch64"},
    {"builtins that are no machine code",
     gz(package(ar({{"embedded.o", builtins(EM_AARCH64, std::string(10'000, '\0'))}}))), "builtins",
     "the builtins in embedded.o are not the machine code of AArch64"},
    {"a second set of builtins",
     gz(package(ar({{"a.o", builtins(EM_AARCH64, arm64_code(100))}, {"b.o", builtins(EM_AARCH64, x86_64_code(100))}}))),
     "builtins", "the builtins in b.o are x86-64"},
    {"no builtins", gz(package(ar({{"api.o", object(EM_AARCH64)}}))), "builtins",
     "lib/libwee8.a does not define v8_Default_embedded_blob_code_"},
    {"damaged builtins", gz(package(ar({{"embedded.o", Object{.code = "1", .size = 2}.bytes()}}))), "builtins",
     "not searched: embedded.o: the object is damaged"},
    {"no object with the C API", gz(package(ar(embedded))), "api",
     "lib/libwee8.a does not define wasm_engine_new, wasm_store_new, wasm_module_new and 22 more"},
    {"one function missing", gz(package(ar(api("lib/libwee8.a", {"wasm_func_call"}) + embedded))), "api",
     "lib/libwee8.a does not define wasm_func_call"},
    {"a function that is only referred to",
     gz(package(ar(api("lib/libwee8.a", {"wasm_func_call"}, Object{.section = SHN_UNDEF}) + embedded))), "api",
     "lib/libwee8.a does not define wasm_func_call"},
    {"a common symbol in place of a function",
     gz(package(ar(api("lib/libwee8.a", {"wasm_func_call"}, Object{.section = SHN_COMMON}) + embedded))), "api",
     "lib/libwee8.a does not define wasm_func_call"},
    {"functions in another library", gz(package(ar(wee8_api + bridge_api + embedded), ar(api("lib/libwee8.a")))), "api",
     "lib/libv8bridge.a does not define ngx_v8_enable_wasm_trap_handler, ngx_v8_set_flags"},
    {"a damaged library", gz(package(wee8.substr(0, wee8.size() - 100))), "libraries",
     "lib/libwee8.a: the static library is damaged"},
    {"a library that is none", gz(package("1")), "libraries", "lib/libwee8.a: it is no static library"},
    {"a library behind a link that is none",
     gz(with(without(top + "/lib/libwee8.a"), symlink(top + "/lib/libwee8.a", "../include/wasm.h"))), "libraries",
     "lib/libwee8.a: it is no static library"},
    {"a library of another machine behind a link",
     gz(with(with(without(top + "/lib/libwee8.a"), file(top + "/lib/x", ar({{"x.o", object(EM_X86_64)}}))),
             symlink(top + "/lib/libwee8.a", "x"))),
     "libraries", "lib/x: 1 of 1 members are for x86-64"},
    {"an absolute path", gz(with(package(), file("/x", "1"))), "paths", "/x: an absolute path"},
    {"a link to outside", gz(with(package(), symlink(top + "/x", "/etc/passwd"))), "paths", "out of the top directory"},
    {"no gzip", tar(package()), "archive", "it is not compressed with gzip"},
    {"gzip in gzip", gzipped(gz(package())), "archive", "it is compressed twice"},
    {"half of it", gz(package()).substr(0, 500), "archive", "it cannot be read to its end"},
    {"something behind it", gz(package()) + "more", "archive", "it cannot be read to its end"},
};

}  // namespace

TEST_SUITE_BEGIN("artifact");

TEST_CASE("the contract follows from the recipe") {
    CHECK(contract.package_name == recipe_for_arm.package_name());
    CHECK(contract.platform == recipe_for_arm.platform);
    CHECK(contract.required_files == recipe_for_arm.required_files());
    CHECK(contract.builtins_library == "lib/libwee8.a");
}

TEST_CASE("a package that keeps the contract passes every point") {
    const auto points = points_of(gz(package()));
    CHECK(ids(points, Verdict::pass) == "api,archive,builtins,files,libraries,paths,reproducible,top-directory");
    CHECK(points.at("libraries").observed == "28 objects for AArch64 in 2 libraries");
    CHECK(points.at("api").observed == "25 in lib/libwee8.a, 2 in lib/libv8bridge.a");
    CHECK(points.at("builtins").observed == "2.0 KiB of AArch64 machine code in embedded.o");
}

TEST_CASE("it says no, names the point, and inspect throws the same") {
    for (const No& no : nos) {
        CAPTURE(std::string(no.name));
        const auto points = points_of(no.bytes);
        const Point& point = points.at(no.point);
        CHECK(point.verdict == Verdict::fail);
        CHECK(fmt::format("{}", fmt::join(point.details, "\n")).find(no.says) != std::string::npos);
        if (std::string_view(no.point) == "api") {
            CHECK_NOTHROW(inspect(io::from_string(no.bytes), contract));
            continue;
        }
        const Error error = error_of([&] { inspect(io::from_string(no.bytes), contract); });
        CHECK(error.fault() == Fault::integrity);
        CHECK(error.message().find(no.says) != std::string::npos);
    }
    CHECK(ids(points_of(changed_byte()), Verdict::fail).find("archive") != std::string::npos);
}

TEST_CASE("what is wrong with one thing is wrong with that alone") {
    CHECK(ids(points_of(nos[0].bytes), Verdict::fail) == "libraries");
    CHECK(ids(points_of(nos[1].bytes), Verdict::fail) == "files");
    CHECK(ids(points_of(nos[2].bytes), Verdict::fail) == "top-directory");
    CHECK(ids(points_of(nos[4].bytes), Verdict::fail) == "builtins");
    CHECK(ids(points_of(gz(without(top + "/lib/libwee8.a"))), Verdict::fail) == "files");
    CHECK(ids(points_of(gz(without(top + "/lib/libwee8.a"))), Verdict::skip) == "api,builtins");
    CHECK(ids(points_of(gz(without(top + "/lib/libv8bridge.a"))), Verdict::skip) == "api");
    CHECK(ids(points_of(gz(package(ar(embedded)))), Verdict::fail) == "api");
}

TEST_CASE("an object that was too large to search is named where a function is missing, and else not") {
    const ArMembers large{{"large.o", object(EM_AARCH64) + std::string(16 << 20, '\0')}};
    const auto lacking = points_of(gz(package(ar(api("lib/libwee8.a", {"wasm_func_call"}) + large + embedded))));
    CHECK(lacking.at("api").details == std::vector<std::string>{"lib/libwee8.a does not define wasm_func_call",
                                                                "not searched: large.o: 16.0 MiB are too many"});
    CHECK(points_of(gz(package(ar(large + wee8_api + embedded)))).at("api").verdict == Verdict::pass);
}

TEST_CASE("functions may be weak, and in a library behind a link") {
    CHECK(points_of(gz(package(ar(api("lib/libwee8.a", {"wasm_func_call"}, Object{.code = "1", .binding = STB_WEAK}) +
                                  embedded))))
              .at("api")
              .verdict == Verdict::pass);
    Members members = with(without(top + "/lib/libwee8.a"), file(top + "/lib/x", wee8));
    CHECK(points_of(gz(with(members, symlink(top + "/lib/libwee8.a", "x")))).at("api").verdict == Verdict::pass);
    // What is missing is told though there is another library that is not there at all.
    Members lacking = package(ar(embedded));
    std::erase_if(lacking, [](const Member& member) { return member.path.ends_with("libv8bridge.a"); });
    CHECK(ids(points_of(gz(lacking)), Verdict::fail) == "api,files");
}

TEST_CASE("of an archive that cannot be read to its end nothing is said to be right") {
    const std::string bytes = gz(package());
    for (std::size_t size = 0; size < bytes.size(); size += 13) {
        const auto points = points_of(bytes.substr(0, size));
        CAPTURE(size);
        CHECK(ids(points, Verdict::pass) == "");
        CHECK(points.at("archive").verdict == Verdict::fail);
        CHECK(points.at("files").verdict == Verdict::skip);
    }
}

TEST_CASE("the form that makes it reproducible is asked, and only warned of") {
    struct Case {
        const char* name;
        std::string bytes;
        const char* says;
    };
    Members unsorted = package();
    std::swap(unsorted[2], unsorted[3]);
    std::string header = gz(package());
    header[4] = 1;
    std::string named = gz(package());
    named[3] = 8;
    named.insert(10, std::string("x.tar\0", 6));
    const auto members_of = [](auto change) {
        const Members members = package();
        return gzipped(all_of(io::tar_of([&, i = std::size_t{0}]() mutable -> std::optional<io::TarMember> {
            if (i == members.size()) return std::nullopt;
            const Member& member = members[i++];
            io::TarMember out{.entry = {.path = member.path, .type = member.type, .size = member.text.size()},
                              .content = [text = member.text] { return io::from_string(text); }};
            if (i == 3) change(out.entry);
            return out;
        })));
    };
    for (const Case& c : std::vector<Case>{
             {"unsorted", gz(unsorted), "not sorted by name: "},
             {"a user", members_of([](io::TarEntry& entry) { entry.uid = 1000; }), "by 1000:0"},
             {"a group", members_of([](io::TarEntry& entry) { entry.gid = 1000; }), "by 0:1000"},
             {"another time", members_of([](io::TarEntry& entry) { entry.mtime = 7; }), "is of 7, others of 0"},
             {"a time in the header", header, "the gzip header has a time"},
             {"a name in the header", named, "the gzip header has a name or more"}}) {
        CAPTURE(std::string(c.name));
        const auto points = points_of(c.bytes);
        CHECK(ids(points, Verdict::fail) == "");
        CHECK(ids(points, Verdict::warn) == "reproducible");
        CHECK(points.at("reproducible").observed.find(c.says) != std::string::npos);
        CHECK_NOTHROW(inspect(io::from_string(c.bytes), contract));
    }
}

TEST_CASE("members are sorted folder by folder, as tar sorts them") {
    CHECK(points_of(gz({folder(top + "/a"), file(top + "/a/z", "1"), file(top + "/a-b", "1"), file(top + "/a.c", "1")}))
              .at("reproducible")
              .verdict == Verdict::pass);
    CHECK(points_of(gz({folder(top + "/a"), file(top + "/a-b", "1"), file(top + "/a/z", "1")}))
              .at("reproducible")
              .verdict == Verdict::warn);
}

TEST_CASE("libraries are not counted without end") {
    Members members = package();
    for (int i = 0; i < 1000; ++i) members.push_back(file(top + "/" + std::to_string(i) + ".a", ""));
    CHECK(points_of(gz(members)).at("archive").observed.find("more than 1000 static libraries") != std::string::npos);
}

TEST_CASE("a stream that breaks off is no point") {
    class Broken final : public io::Source {
    public:
        std::size_t read(std::span<std::byte>) override { throw Error(Fault::unavailable, "the registry hung up"); }
    };
    CHECK(error_of([&] { examine(std::make_unique<Broken>(), contract); }).fault() == Fault::unavailable);
}

TEST_CASE("the .sha256 file is a point") {
    const Digest digest = io::sha256("x");
    CHECK(checksum_point(digest.hex() + "  x.tar.gz\n", "x.tar.gz", digest).verdict == Verdict::pass);
    CHECK(checksum_point(std::nullopt, "x.tar.gz", digest).verdict == Verdict::skip);
    const Point point = checksum_point(io::sha256("y").hex() + "  x.tar.gz\n", "x.tar.gz", digest);
    CHECK(point.verdict == Verdict::fail);
    CHECK(point.observed.find("x.tar.gz.sha256 says") != std::string::npos);
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
