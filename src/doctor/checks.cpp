// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

// The table: one row for each check, in the order of the report; its file has its name. A row is function, group, title
// and what it needs: checks that have to be over first.
#define WASMX_CHECKS(ROW)                                                                                        \
    ROW(engine_reachable, "engine", "a container engine answers", "")                                            \
    ROW(engine_version, "engine", "its version is one we can work with", "engine-reachable")                     \
    ROW(engine_platform, "engine", "it builds for the platform without emulation", "engine-version")             \
    ROW(engine_builder, "engine", "it has a builder", "engine-version")                                          \
    ROW(engine_memory, "engine", "its containers have memory to compile in", "engine-version")                   \
    ROW(engine_disk, "engine", "it has room for the build", "engine-version")                                    \
    ROW(engine_clock, "engine", "its clock agrees with this machine's", "engine-version")                        \
    ROW(base_image, "inputs", "the base image is there, or can be had", "engine-version engine-platform source") \
    ROW(source, "inputs", "the module's source can be read", "")                                                 \
    ROW(runtime_version, "inputs", "the runtime's version is known", "source")                                   \
    ROW(registry_reachable, "registry", "the registry answers", "")                                              \
    ROW(registry_credentials, "registry", "there are credentials for it", "registry-reachable")                  \
    ROW(registry_push, "registry", "it lets us push", "registry-reachable registry-credentials")                 \
    ROW(registry_tag, "registry", "the tag is free",                                                             \
        "registry-reachable registry-credentials engine-platform source runtime-version base-image")             \
    ROW(token_scopes, "registry", "GitHub's token may write packages", "registry-credentials")                   \
    ROW(clock, "registry", "the clock is right", "registry-reachable")

#define WASMX_DECLARE(function, group, title, needs) void function(Scene& scene, Result& result);
WASMX_CHECKS(WASMX_DECLARE)
#undef WASMX_DECLARE

namespace {

Check row(std::string id, std::string_view group, std::string_view title, std::string_view needs,
          void (*run)(Scene&, Result&)) {
    std::replace(id.begin(), id.end(), '_', '-');
    Check out{.id = std::move(id), .group = group, .title = title, .needs = {}, .run = run};
    for (const auto need : split(needs, ' '))
        if (!need.empty()) out.needs.emplace_back(need);
    return out;
}

}  // namespace

const std::vector<Check>& checks() {
#define WASMX_ROW(function, group, title, needs) row(#function, group, title, needs, function),
    static const std::vector<Check> all{WASMX_CHECKS(WASMX_ROW)};
#undef WASMX_ROW
    return all;
}

}  // namespace wasmx::doctor
