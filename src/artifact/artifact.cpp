// SPDX-License-Identifier: Apache-2.0
#include "artifact/artifact.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <span>
#include <utility>

#include "artifact/form.hpp"
#include "artifact/library.hpp"
#include "artifact/listing.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "io/ar.hpp"
#include "io/compression.hpp"
#include "io/elf.hpp"

namespace wasmx::artifact {

namespace {

// A broken archive can have a point against each member; the first ones tell what it is about.
constexpr std::size_t most_lines = 50;
constexpr std::size_t most_libraries = 1000;

constexpr std::string_view gzip_magic = "\x1f\x8b";          // RFC 1952, 2.3.1
constexpr std::string_view zstd_magic = "\x28\xb5\x2f\xfd";  // RFC 8878, 3.1.1

// Passes the bytes of a stream on, which it does not own, and keeps the first ones.
class Headed final : public io::Source {
public:
    explicit Headed(io::Source& upstream) : upstream_(upstream) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = upstream_.read(buffer);
        const std::size_t wanted = std::min(count, most - head_.size());
        head_ += io::text_of(buffer.first(wanted));
        return count;
    }
    const std::string& head() const noexcept { return head_; }

private:
    static constexpr std::size_t most = 10;
    io::Source& upstream_;
    std::string head_;
};

// Everything that one pass over the tarball learns.
struct Seen {
    Listing listing;
    Form form;
    std::map<std::string, Library> libraries;  // by path in the archive
    std::vector<std::string> faults;           // of the archive itself
    bool is_whole = false;
};

// In every library, since only at the end it is known which is behind a link of a name that is asked for.
Search search_of(const Contract& contract) {
    Search out{.builtins = !contract.builtins_library.empty()};
    for (const auto& [library, functions] : contract.functions)
        out.functions.insert(out.functions.end(), functions.begin(), functions.end());
    return out;
}

// By its name, or by what it begins with: a library may stand behind a link of the name that is asked for.
void examine_member(io::TarReader& reader, const io::TarEntry& member, const Contract& contract, Seen& seen) {
    if (member.type != io::TarEntry::Type::file) return;
    auto content = reader.member();
    std::string head(8, '\0');
    std::size_t filled = 0;
    for (std::size_t count = 1; filled < head.size() && count > 0; filled += count)
        count = content->read(std::as_writable_bytes(std::span(head)).subspan(filled));
    head.resize(filled);
    if (!member.path.ends_with(".a") && !io::is_ar(head)) return;
    if (seen.libraries.size() == most_libraries)
        throw Error(Fault::integrity, fmt::format("it has more than {} static libraries", most_libraries));
    const auto whole = io::resumed(std::move(head), std::move(content));
    seen.libraries[normal_path(member.path)] = examine_library(*whole, contract.platform, search_of(contract));
}

void read_archive(io::Source& plain, const Contract& contract, Seen& seen) {
    io::TarReader reader(plain);
    while (const auto member = reader.next()) {
        seen.listing.add(*member);
        seen.form.add(*member);
        examine_member(reader, *member, contract, seen);
    }
    io::drain(plain);  // the checksum of gzip is at its end
}

Seen read_tarball(io::Source& file, const Contract& contract) {
    Seen seen;
    Headed compressed(file);
    const auto decompressed = io::decompressed(compressed, most_plain_bytes);
    Headed plain(*decompressed);
    try {
        read_archive(plain, contract, seen);
        seen.is_whole = true;
    } catch (const Error& error) {
        if (error.fault() != Fault::integrity) throw;
        seen.faults.push_back(fmt::format("it cannot be read to its end: {}", error.message()));
    }
    if (compressed.head().empty()) seen.is_whole = false;
    // Consumers run `tar xzf`, and Bazel goes by the name; what was read may be zstd, or no compression.
    if (!compressed.head().starts_with(gzip_magic)) {
        seen.faults.insert(seen.faults.begin(), "it is not compressed with gzip");
    } else {
        seen.form.add_gzip_header(compressed.head());
        if (plain.head().starts_with(gzip_magic) || plain.head().starts_with(zstd_magic))
            seen.faults.insert(seen.faults.begin(), "it is compressed twice");
    }
    return seen;
}

// Passes unless something is wrong; of an archive that was not read to its end nothing can be said to be right.
Point judged(Point point, const Seen& seen, std::vector<std::string> faults, std::string observed) {
    point.details = std::move(faults);
    if (!point.details.empty()) {
        point.verdict = Verdict::fail;
        point.observed = point.details.size() == 1 ? point.details.front()
                                                   : fmt::format("{} things are wrong", point.details.size());
    } else if (!seen.is_whole) {
        point.verdict = Verdict::skip;
        point.observed = "the archive cannot be read to its end";
    } else {
        point.observed = std::move(observed);
    }
    return point;
}

Point skipped(Point point, std::string why) {
    point.verdict = Verdict::skip;
    point.observed = std::move(why);
    return point;
}

// Below whatever the one directory is called, so that a wrong name is one point and not as many as there are files.
std::string top_of(const Seen& seen, const Contract& contract) {
    const auto tops = seen.listing.top_names();
    return tops.size() == 1 ? tops[0] : contract.top_directory;
}

Point archive_point(const Seen& seen) {
    Point point{.id = "archive", .title = "it is a tar, compressed with gzip, and whole"};
    return judged(std::move(point), seen, seen.faults, fmt::format("gzip, {} files", seen.listing.files()));
}

Point top_point(const Seen& seen, const Contract& contract) {
    std::vector<std::string> faults;
    const auto tops = seen.listing.top_names();
    if (tops.empty() && seen.is_whole) faults.emplace_back("it holds nothing");
    if (tops.size() > 1) faults.push_back(fmt::format("more than one name at the top: {}", fmt::join(tops, ", ")));
    if (tops.size() == 1 && tops[0] != contract.top_directory)
        faults.push_back(fmt::format("the top directory is {}, not {}", tops[0], contract.top_directory));
    if (const std::string top = top_of(seen, contract); seen.listing.find_file(top))
        faults.push_back(fmt::format("{} is a file, no directory", top));
    Point point{.id = "top-directory", .title = "there is one name at the top, of runtime, version and platform"};
    return judged(std::move(point), seen, std::move(faults), contract.top_directory);
}

Point files_point(const Seen& seen, const Contract& contract) {
    std::vector<std::string> faults;
    for (const std::string& name : contract.required_files) {
        if (!seen.is_whole) break;
        const auto size = seen.listing.find_file(fmt::format("{}/{}", top_of(seen, contract), name));
        if (!size) faults.push_back(fmt::format("{} is missing", name));
        if (size == 0U) faults.push_back(fmt::format("{} is empty", name));
    }
    Point point{.id = "files", .title = "headers and libraries of the runtime are there"};
    return judged(std::move(point), seen, std::move(faults),
                  fmt::format("{}", fmt::join(contract.required_files, ", ")));
}

Point paths_point(const Seen& seen) {
    Point point{.id = "paths", .title = "no path and no link leads out of the top directory"};
    return judged(std::move(point), seen, seen.listing.violations(), "nothing leads out of the top directory");
}

// The library at a path below the top directory; nullptr when there is none.
const Library* find_library(const Seen& seen, const Contract& contract, const std::string& name) {
    const auto path = seen.listing.find_resolved_file(fmt::format("{}/{}", top_of(seen, contract), name));
    const auto found = path ? seen.libraries.find(*path) : seen.libraries.end();
    return found == seen.libraries.end() ? nullptr : &found->second;
}

Point libraries_point(const Seen& seen, const Contract& contract) {
    std::vector<std::string> faults;
    std::uint64_t members = 0;
    for (const auto& [path, library] : seen.libraries) {
        members += library.members;
        const std::string name = path.substr(path.find('/') + 1);
        for (const std::string& fault : library.faults) faults.push_back(fmt::format("{}: {}", printable(name), fault));
    }
    for (const std::string& name : contract.required_files) {
        // Whether the file is there at all is said by another point.
        const auto size = seen.listing.find_file(fmt::format("{}/{}", top_of(seen, contract), name));
        if (name.ends_with(".a") && size && !find_library(seen, contract, name))
            faults.push_back(fmt::format("{}: it is no static library", name));
    }
    Point point{.id = "libraries", .title = "every member of every library is an object for the platform"};
    if (seen.is_whole && seen.libraries.empty() && faults.empty())
        return skipped(std::move(point), "there is no library in it");
    return judged(
        std::move(point), seen, std::move(faults),
        fmt::format("{} objects for {} in {} {}", members, io::elf_machine_name(contract.platform.elf_machine()),
                    seen.libraries.size(), seen.libraries.size() == 1 ? "library" : "libraries"));
}

// What a library that lacks something may have it in after all.
void add_unsearched(std::vector<std::string>& faults, const Library& library) {
    for (const std::string& line : library.unsearched) faults.push_back("not searched: " + line);
}

// "a, b, c and 2 more"
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t most_named = 3;
    const std::size_t named = std::min(names.size(), most_named);
    std::string out = fmt::format("{}", fmt::join(std::span(names).first(named), ", "));
    return names.size() > named ? fmt::format("{} and {} more", out, names.size() - named) : out;
}

// A library may lack the object with the C API, or have one that only refers to it; neither is an object's fault.
Point api_point(const Seen& seen, const Contract& contract) {
    Point point{.id = "api", .title = "the functions that consumers call are defined"};
    if (contract.functions.empty()) return skipped(std::move(point), "of this runtime none are known");
    std::vector<std::string> faults;
    std::vector<std::string> counts;
    std::string absent;
    for (const auto& [name, functions] : contract.functions) {
        const Library* library = find_library(seen, contract, name);
        if (library == nullptr) {
            if (absent.empty()) absent = name;
            continue;
        }
        std::vector<std::string> missing;
        for (const std::string& function : functions)
            if (!library->functions.contains(function)) missing.push_back(function);
        counts.push_back(fmt::format("{} in {}", functions.size(), name));
        if (missing.empty()) continue;
        faults.push_back(fmt::format("{} does not define {}", name, some_of(missing)));
        add_unsearched(faults, *library);
    }
    if (faults.empty() && !absent.empty() && seen.is_whole)
        return skipped(std::move(point), fmt::format("{} is not there as a library", absent));
    return judged(std::move(point), seen, std::move(faults), fmt::format("{}", fmt::join(counts, ", ")));
}

std::string spelt(oci::Architecture architecture) {
    return io::elf_machine_name(oci::Platform(architecture).elf_machine());
}

std::vector<std::string> faults_of(const Library::Builtins& builtins, const Contract& contract) {
    const auto& [member, markers] = builtins;
    const auto found = markers.architecture();
    if (found == contract.platform.architecture()) return {};
    const std::string counted = fmt::format("{} markers of x86-64 and {} of AArch64 in {}", markers.x86_64,
                                            markers.arm64, human_bytes(markers.size));
    const std::string what =
        found ? fmt::format("are {} machine code, not {}", spelt(*found), spelt(contract.platform.architecture()))
              : fmt::format("are not the machine code of {}", spelt(contract.platform.architecture()));
    return {fmt::format("the builtins in {} {} ({})", printable(member), what, counted)};
}

// An object's header says what the linker was told; the builtins in it are bytes that mksnapshot wrote, perhaps for the
// machine it ran on. Bytes that are neither machine's fail too: of real builtins there is no doubt (machine_code.cpp),
// and an engine does not start on anything else.
Point builtins_point(const Seen& seen, const Contract& contract) {
    Point point{.id = "builtins", .title = "V8's embedded builtins are machine code of the platform"};
    if (contract.builtins_library.empty()) return skipped(std::move(point), "only V8 has them");
    const Library* library = find_library(seen, contract, contract.builtins_library);
    if (library == nullptr && seen.is_whole)
        return skipped(std::move(point), fmt::format("{} is not there as a library", contract.builtins_library));
    std::vector<std::string> faults;
    std::string observed;
    if (library != nullptr) {
        for (const Library::Builtins& builtins : library->builtins) {
            for (std::string& fault : faults_of(builtins, contract)) faults.push_back(std::move(fault));
            observed = fmt::format("{} of {} machine code in {}", human_bytes(builtins.markers.size),
                                   spelt(contract.platform.architecture()), printable(builtins.member));
        }
        if (library->builtins.empty()) {
            faults.push_back(fmt::format("{} does not define {}", contract.builtins_library, builtins_symbol));
            add_unsearched(faults, *library);
        }
    }
    return judged(std::move(point), seen, std::move(faults), std::move(observed));
}

Point form_point(const Seen& seen) {
    Point point{.id = "reproducible",
                .title =
                    "it has the form in which equal files give equal bytes: sorted, of one time, owned by 0:0, "
                    "without name and time in the gzip header"};
    point =
        judged(std::move(point), seen, seen.form.deviations(), "sorted, of one time, owned by 0:0, plain gzip header");
    if (point.verdict == Verdict::fail) point.verdict = Verdict::warn;
    return point;
}

void throw_if_any_failed(const std::vector<Point>& points, const std::string& package_name) {
    std::vector<std::string> lines;
    for (const Point& point : points)
        if (point.verdict == Verdict::fail) lines.insert(lines.end(), point.details.begin(), point.details.end());
    if (lines.empty()) return;
    if (lines.size() > most_lines) {
        const std::size_t more = lines.size() - most_lines;
        lines.resize(most_lines);
        lines.push_back(fmt::format("and {} more", more));
    }
    std::string text = fmt::format("{} is not what its consumers expect:", package_name);
    for (const std::string& line : lines) text += "\n  - " + printable(line);
    throw Error(Fault::integrity, std::move(text));
}

}  // namespace

Examined examine(io::SourcePtr tarball, const Contract& contract) {
    io::Tally tally;
    const auto file = io::digesting(std::move(tarball), tally);
    const Seen seen = in_context(fmt::format("reading {}", contract.package_name), [&] {
        Seen out = read_tarball(*file, contract);
        // The digest is of the whole file, wherever reading stopped.
        io::drain(*file);
        return out;
    });
    return {.summary = {.digest = tally.digest, .size = tally.size, .files = seen.listing.files()},
            .points = {archive_point(seen), top_point(seen, contract), files_point(seen, contract), paths_point(seen),
                       libraries_point(seen, contract), api_point(seen, contract), builtins_point(seen, contract),
                       form_point(seen)}};
}

Summary inspect(io::SourcePtr tarball, const Contract& contract) {
    Contract without_api = contract;
    without_api.functions.clear();
    const Examined examined = examine(std::move(tarball), without_api);
    throw_if_any_failed(examined.points, contract.package_name);
    return examined.summary;
}

}  // namespace wasmx::artifact
