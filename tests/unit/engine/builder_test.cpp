// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "engine/engine.hpp"
#include "support/folder.hpp"

using namespace wasmx;
using namespace wasmx::engine;

TEST_SUITE_BEGIN("engine");

TEST_CASE("which builder") {
    struct Row {
        const char* what;
        Identity identity;
        const char* version;
        bool containerd_store;
        std::optional<std::string> wish;
        Builder builder;
    };
    const Identity docker{.podman = false, .newest_api = "1.41", .api_version = "1.41", .buildkit = true};
    const Identity classic_docker{.podman = false, .newest_api = "1.41", .api_version = "1.41", .buildkit = false};
    const Identity podman{.podman = true, .newest_api = "1.41", .api_version = "1.41", .buildkit = false};
    const Row rows[] = {
        {"docker", docker, "20.10.24+dfsg1", false, std::nullopt, Builder::buildkit},
        {"podman", podman, "4.3.1", false, std::nullopt, Builder::classic},
        {"podman has none, whatever is wished", podman, "5.4.2", false, "1", Builder::classic},
        {"set up for the classic one", classic_docker, "28.5.2", false, std::nullopt, Builder::classic},
        {"and yet it has BuildKit", classic_docker, "28.5.2", false, "1", Builder::buildkit},
        {"DOCKER_BUILDKIT=0", docker, "28.5.2", false, "0", Builder::classic},
        {"DOCKER_BUILDKIT=1", docker, "28.5.2", false, "1", Builder::buildkit},
        {"DOCKER_BUILDKIT is empty", docker, "28.5.2", false, "", Builder::buildkit},
        {"its own store", docker, "26.1.5+dfsg1", false, std::nullopt, Builder::buildkit},
        {"containerd's store, where the context is lost", docker, "26.1.5+dfsg1", true, std::nullopt, Builder::classic},
        {"also when BuildKit is wished", docker, "26.1.5", true, "1", Builder::classic},
        {"27.4", docker, "27.4.1", true, std::nullopt, Builder::classic},
        {"27.5", docker, "27.5.0", true, std::nullopt, Builder::buildkit},
        {"28", docker, "28", true, std::nullopt, Builder::buildkit},
        {"28.0.0-rc.1", docker, "28.0.0-rc.1", true, std::nullopt, Builder::buildkit},
        {"29", docker, "29.7.2", true, std::nullopt, Builder::buildkit},
        {"a version that is none", docker, "dev", true, std::nullopt, Builder::classic},
    };
    for (const Row& row : rows) {
        CAPTURE(row.what);
        const test::Variable wish("DOCKER_BUILDKIT", row.wish);
        Info info;
        info.version = row.version;
        info.containerd_store = row.containerd_store;
        CHECK(choose_builder(row.identity, info) == row.builder);
    }
}

TEST_SUITE_END();
