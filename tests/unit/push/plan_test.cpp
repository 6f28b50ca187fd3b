// SPDX-License-Identifier: Apache-2.0
#include "push/plan.hpp"

#include <doctest/doctest.h>

#include "io/stream.hpp"
#include "support/error_of.hpp"

using namespace wasmx;
using namespace wasmx::push;

namespace {

// One letter a layer: e exists, c cached, s stored, any of them at once ("es"), - nothing; "=" the same as the first.
std::vector<LayerState> layers_of(const std::vector<std::string>& rows) {
    std::vector<LayerState> out;
    for (const std::string& row : rows) {
        const auto has = [&](char letter) { return row.find(letter) != std::string::npos; };
        if (row == "=") {
            out.push_back(out.front());
            continue;
        }
        out.push_back({.diff_id = io::sha256(std::to_string(out.size())),
                       .exists = has('e'),
                       .is_cached = has('c'),
                       .is_stored = has('s')});
    }
    return out;
}

}  // namespace

TEST_SUITE_BEGIN("push");

TEST_CASE("a layer takes the cheapest route that there is") {
    using enum Route;
    const struct {
        Via via;
        std::vector<std::string> layers;
        std::vector<Route> routes;
    } rows[] = {
        {Via::automatic, {}, {}},
        {Via::automatic, {"ecs", "cs", "s", "-"}, {skip, upload_cached, read_store, read_export}},
        {Via::automatic, {"e", "c", "es", "ec"}, {skip, upload_cached, skip, skip}},
        {Via::automatic, {"s", "=", "-"}, {read_store, skip, read_export}},
        {Via::store, {"e", "c", "s"}, {skip, upload_cached, read_store}},
        {Via::store, {"ecs", "cs", "s", "s"}, {skip, upload_cached, read_store, read_store}},
        {Via::exported, {"ecs", "cs", "s", "-", "="}, {skip, upload_cached, read_export, read_export, skip}},
        {Via::exported, {"-", "="}, {read_export, skip}},
    };
    for (const auto& row : rows) {
        CAPTURE(&row - rows);
        CHECK(plan_routes(row.via, layers_of(row.layers)) == row.routes);
    }
}

TEST_CASE("--via store reads nothing else") {
    const Error error = test::error_of([] { plan_routes(Via::store, layers_of({"e", "-"})); });
    CHECK(error.fault() == Fault::failed);
    CHECK(error.hint().find("--via auto") != std::string::npos);
}

TEST_SUITE_END();
