// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "doctor/doctor.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"
#include "support/recording.hpp"

namespace wasmx::doctor {

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A scene to run single checks in, with the facts that a test has set.
struct Stage {
    explicit Stage(Request wanted = {}) : scene(std::move(wanted), http, progress, {}) {}

    /// Runs one check of the table as `examine` would, but without those that it needs.
    Result run(const std::string& id) {
        const auto& table = checks();
        const auto found = std::find_if(table.begin(), table.end(), [&](const Check& check) { return check.id == id; });
        REQUIRE(found != table.end());
        const std::vector<Check> alone{{found->id, found->group, found->title, {}, found->run}};
        return examine(scene, {}, alone).findings.at(0).result;
    }

    io::HttpClient http{std::stop_token(), "test"};
    test::Recording progress;
    Scene scene;
};

}  // namespace wasmx::doctor
