// SPDX-License-Identifier: Apache-2.0
#include "recipe/provenance.hpp"

#include <doctest/doctest.h>

#include "io/stream.hpp"
#include "recipe/base_image.hpp"
#include "support/error_of.hpp"

using namespace wasmx;
using namespace wasmx::recipe;

namespace {

using Lines = std::vector<std::string>;

const Digest base_layer = io::sha256("base");
const Digest other_layer = io::sha256("other");
const Digest top_layer = io::sha256("top");

Provenance image() {
    return {.revision = std::string(40, 'a'),
            .version = "13.1",
            .base_name = "base:1",
            .base_tree = "",
            .diff_ids = {base_layer, top_layer}};
}
Provenance wanted() {
    Provenance out = image();
    out.diff_ids = {base_layer};
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("recipe");

TEST_CASE("the same commit, version and base") {
    CHECK(differences(image(), wanted()).empty());
    Provenance unknown = wanted();
    unknown.diff_ids.clear();  // the base is not there yet
    CHECK(differences(image(), unknown).empty());
}

TEST_CASE("what differs is named") {
    Provenance other = image();
    other.revision = std::string(40, 'b');
    CHECK(differences(other, wanted()) == Lines{"commit bbbbbbbbbbbb instead of commit aaaaaaaaaaaa"});
    other = image();
    other.version = "13.2";
    CHECK(differences(other, wanted()) == Lines{"version 13.2 instead of version 13.1"});
    other = image();
    other.base_name = "base:2";
    CHECK(differences(other, wanted()) == Lines{"base image base:2 instead of base image base:1"});
    other.base_name = "";
    CHECK(differences(other, wanted()) == Lines{"no base image instead of base image base:1"});
    other = image();
    other.diff_ids = {other_layer, top_layer};
    CHECK(differences(other, wanted()) == Lines{"other layers of the base image base:1"});
    other.diff_ids = {};
    CHECK(differences(other, wanted()).size() == 1);
    other = image();
    other.version = "x\x1b[31m";
    other.revision = "";
    CHECK(differences(other, wanted()) == Lines{"it does not say its commit", "version x instead of version 13.1"});
}

TEST_CASE("two images without a commit are not the same") {
    Provenance nothing = image();
    nothing.revision = "";
    Provenance folder = wanted();
    folder.revision = "";
    CHECK(differences(nothing, folder) == Lines{"it does not say its commit"});
    CHECK(differences(image(), folder) == Lines{"commit aaaaaaaaaaaa instead of no commit"});
}

TEST_CASE("a base that was built from another state of the module") {
    Provenance published = image();
    Provenance next = wanted();
    published.base_tree = "1111";
    CHECK(differences(published, next).empty());  // only one of them says it
    next.base_tree = "2222";
    CHECK(differences(published, next) == Lines{"another state of the base image base:1"});
    next.base_tree = "1111";
    CHECK(differences(published, next).empty());
}

TEST_CASE("from labels") {
    const auto found = provenance_of({{"org.opencontainers.image.revision", "abc"},
                                      {"org.opencontainers.image.version", "13.1"},
                                      {"org.opencontainers.image.base.name", "base:1"},
                                      {"dev.wasmx.base.tree", "1111"},
                                      {"x", "y"}},
                                     {base_layer});
    CHECK(found.revision == "abc");
    CHECK(found.version == "13.1");
    CHECK(found.base_name == "base:1");
    CHECK(found.base_tree == "1111");
    CHECK(found.diff_ids == std::vector{base_layer});
    CHECK(provenance_of({}, {}).revision.empty());
}

TEST_CASE("what has to be done for the base image") {
    const oci::Platform arm64(oci::Architecture::arm64);
    const BaseWanted by_default{.name = "wasmx-build-ubuntu", .is_default = true, .platform = arm64};
    const BaseWanted named{.name = "base:1", .is_default = false, .platform = arm64};
    const auto there = [](const std::string& tree) {
        return BaseThere::with("linux", "aarch64",
                               tree.empty() ? std::map<std::string, std::string>{}
                                            : std::map<std::string, std::string>{{"dev.wasmx.base.tree", tree}},
                               {});
    };
    CHECK(state_of_base(by_default, std::nullopt, "1111") == BaseState::to_be_built);
    CHECK(state_of_base(named, std::nullopt, "1111") == BaseState::to_be_pulled);
    CHECK(state_of_base(by_default, there("1111"), "1111") == BaseState::present);
    CHECK(state_of_base(by_default, there("1111"), "2222") == BaseState::outdated);
    CHECK(state_of_base(by_default, there("1111"), std::nullopt) == BaseState::present);
    CHECK(state_of_base(by_default, there(""), "2222") == BaseState::present);  // not ours to build again
    CHECK(state_of_base(named, there("1111"), "2222") == BaseState::present);
    const auto foreign = BaseThere::with("linux", "amd64", {}, {});
    CHECK(test::error_of([&] { state_of_base(named, foreign, "1111"); }).fault() == Fault::failed);
    CHECK(test::error_of([&] { state_of_base(by_default, BaseThere::with("windows", "arm64", {}, {}), "1"); })
              .hint()
              .find("docker rmi wasmx-build-ubuntu") != std::string::npos);
}

TEST_CASE("a base image that hands on what a build over it cannot do with is refused") {
    const BaseWanted wanted{.name = "base:1", .is_default = false, .platform = oci::Platform(oci::Architecture::arm64)};
    struct Row {
        oci::Inherited inherited;
        const char* named;  // in the error; empty: it will do
    };
    const Row rows[] = {
        {{}, ""},
        {{.user = "root"}, ""},
        {{.user = "0:100"}, ""},
        {{.user = "nobody"}, ""},
        {{.volumes = {"/wasmx"}}, "/wasmx"},
        {{.volumes = {"/data", "/usr/../wasmx/"}}, "/usr/../wasmx/"},
        {{.volumes = {"wasmx/work"}}, "wasmx/work"},
        {{.volumes = {"/"}}, "volume /"},
        {{.volumes = {"/tmp", "/root", "/wasmx2", "/var/wasmx", "/root/.cache"}}, ""},
        {{.on_build = {"RUN x", "COPY . /"}}, "ONBUILD trigger"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.named);
        const auto there = BaseThere::with("linux", "arm64", {}, row.inherited);
        if (std::string_view(row.named).empty()) {
            CHECK_NOTHROW(check_base(wanted, there));
            continue;
        }
        const Error error = test::error_of([&] { check_base(wanted, there); });
        CHECK(error.fault() == Fault::failed);
        CHECK(error.message().find(row.named) != std::string::npos);
        CHECK(error.hint().find("--base-image") != std::string::npos);
        CHECK(test::error_of([&] { state_of_base(wanted, there, std::nullopt); }).message() == error.message());
    }
}

TEST_CASE("steps of ours, as engines write them into an image's history") {
    CHECK(recipe::is_step_of_ours("wasmx-image source"));
    CHECK(recipe::is_step_of_ours("wasmx-image build 9a8ce7abf8d7"));
    CHECK(recipe::is_step_of_ours("FROM docker.io/library/wasmx-image-source:7eb62dab313e"));  // podman
    CHECK_FALSE(recipe::is_step_of_ours("FROM localhost/wasmx-test-base:bookworm"));
    CHECK_FALSE(recipe::is_step_of_ours("wasmx-images"));
    CHECK_FALSE(recipe::is_step_of_ours(""));
}

TEST_SUITE_END();
