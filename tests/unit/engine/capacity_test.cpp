// SPDX-License-Identifier: Apache-2.0
#include "engine/capacity.hpp"

#include "engine/scene.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

Info info_of_another_machine() {
    Info info;
    info.os = "linux";
    info.architecture = "aarch64";
    info.kernel = "of another machine";
    info.memory = 1 << 30;
    info.processors = 3;
    info.root = "/";
    return info;
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("the process of an engine on another machine is not looked for here") {
    CHECK_FALSE(find_local_process({"/nowhere.sock", "--host"}, info_of_another_machine()));
}

TEST_SUITE_END();
