// SPDX-License-Identifier: Apache-2.0
#include "engine/folder_reader.hpp"

#include <nlohmann/json.hpp>

#include <ctime>

#include "engine/owner.hpp"
#include "engine/scene.hpp"
#include "extract/tars.hpp"

using namespace wasmx;
using namespace wasmx::engine;

namespace {

Scene::Step create(const std::string& id) {
    return {"POST /v1.41/containers/create?name=wasmx-image-reader-*",
            json_reply(201, nlohmann::json{{"Id", id}}.dump())};
}
Scene::Step removal(const std::string& id) {
    return {"DELETE /v1.41/containers/" + id + "?force=1&v=1", {.status = 204}};
}
Scene::Step list(const std::string& rows = "[]") { return {"GET /v1.41/containers/json?all=1", json_reply(200, rows)}; }
Scene::Step archive(const std::string& id, const std::string& path, const std::string& bytes) {
    return {"GET /v1.41/containers/" + id + "/archive?path=" + path, {.body = bytes}};
}

}  // namespace

TEST_SUITE_BEGIN("engine");

TEST_CASE("folders of the engine's machine are mounted read-only in a container that is never started") {
    const std::string file = test::tar({test::file("x", "text")});
    Scene scene({create("c1"),
                 archive("c1", "%2F0%2Fa%2Fx", file),
                 {"HEAD /v1.41/containers/c1/archive?path=%2F1%2Fy", {.status = 200}},
                 {"HEAD /v1.41/containers/c1/archive?path=%2F1%2Fz", {.status = 404}},
                 archive("c1", "%2F1%2Fb%2F.", "tree"),
                 removal("c1"),
                 list()});
    {
        FolderReader reader(scene.engine(), "sha256:ab", {"/one", "/two"});
        CHECK(io::read_all(*reader.open_file(0, "a/x"), 10) == "text");
        CHECK(reader.has(1, "y"));
        CHECK_FALSE(reader.has(1, "z"));
        CHECK(io::read_all(*reader.open_tree(1, "b"), 10) == "tree");
    }
    CHECK(scene.verdict().empty());
    const auto settings = nlohmann::json::parse(scene.seen()[0].body);
    CHECK(settings.at("Image") == "sha256:ab");
    const auto& mounts = settings.at("HostConfig").at("Mounts");
    REQUIRE(mounts.size() == 2);
    const nlohmann::json mount{{"Type", "bind"},
                               {"Source", "/two"},
                               {"Target", "/1"},
                               {"ReadOnly", true},
                               {"BindOptions", {{"NonRecursive", true}}}};
    CHECK(mounts[1] == mount);
}

TEST_CASE("each stream that is open has a container of its own, which the next one takes over") {
    Scene scene({create("c1"), archive("c1", "%2F0%2Fa%2F.", "one"), create("c2"), archive("c2", "%2F0%2Fb%2F.", "two"),
                 archive("c2", "%2F0%2Fc%2F.", "three"), removal("c1"), removal("c2"), list()});
    {
        FolderReader reader(scene.engine(), "x:1", {"/one"});
        const auto first = reader.open_tree(0, "a");
        CHECK(io::read_all(*reader.open_tree(0, "b"), 10) == "two");
        CHECK(io::read_all(*reader.open_tree(0, "c"), 10) == "three");
        CHECK(io::read_all(*first, 10) == "one");
    }
    CHECK(scene.verdict().empty());
}

TEST_CASE("containers of clients that were killed are removed in the end") {
    const std::string here = owner_mark().substr(0, owner_mark().find('.') + 1);
    REQUIRE(here.size() == 13);
    // A process that has that number now began at another time; nobody has the other one. Of a process of another
    // machine or container nothing can be told but its container's age.
    const auto now = static_cast<std::int64_t>(std::time(nullptr));
    const auto labelled = [](const std::string& id, const std::string& mark, std::int64_t created) {
        return nlohmann::json{{"Id", id}, {"Labels", {{"wasmx-image.reader", mark}}}, {"Created", created}};
    };
    const auto named = [](const std::string& id, const std::string& name, std::int64_t created) {
        return nlohmann::json{{"Id", id}, {"Names", {"/" + name}}, {"Labels", nullptr}, {"Created", created}};
    };
    const auto rows = nlohmann::json::array(
        {labelled("reused", here + "1.0", now), labelled("gone", here + "4294967295.1", now),
         labelled("elsewhere", "000000000000.4294967295.1", now - 3600), labelled("strange", "", now),
         labelled("old", "00000000-0000-0000-0000-000000000000/pid:[1]/1:0", now - 2 * 24 * 3600),
         named("layer", "wasmx-image-layer-" + here + "4294967295.1-1", now),
         named("reader", "wasmx-image-reader-" + here + "4294967295.1-1", now),
         named("used", "wasmx-image-reader-" + owner_mark() + "-1", now),
         named("stranger", "x-wasmx-image-layer-" + here + "1.0-1", now),
         named("aged", "wasmx-image-layer-0123456789abcdef", now - 2 * 24 * 3600)});
    Scene scene({create("c1"), removal("c1"), list(rows.dump()), removal("reused"), removal("gone"), removal("old"),
                 removal("layer"), removal("reader"), removal("aged")});
    { const FolderReader reader(scene.engine(), "x:1", {}); }
    CHECK(scene.verdict().empty());
    // What cannot be tidied up is no failure.
    Scene ill({create("c1"), removal("c1"), {"GET /v1.41/containers/json*", json_reply(500, "{}")}});
    { const FolderReader reader(ill.engine(), "x:1", {}); }
    CHECK(ill.verdict().empty());
}

TEST_CASE("what an engine does not give is an error in its words") {
    SUBCASE("a path that is not there") {
        Scene scene({create("c1"),
                     {"GET /v1.41/containers/c1/archive*", json_reply(404, R"({"message":"no such"})")},
                     {"GET /v1.41/containers/c1/archive*", json_reply(404, R"({"message":"no such"})")},
                     {"HEAD /v1.41/containers/c1/archive*", {.status = 500}},
                     removal("c1"),
                     list()});
        {
            FolderReader reader(scene.engine(), "x:1", {"/one"});
            CHECK(error_of([&] { reader.open_tree(0, "a"); }).fault() == Fault::not_found);
            CHECK(error_of([&] { reader.open_file(0, "a"); }).fault() == Fault::not_found);
            CHECK_THROWS_AS(reader.has(0, "a"), Error);
        }
        CHECK(scene.verdict().empty());
    }
    SUBCASE("a bind mount that is not allowed") {
        Scene scene({{"POST /v1.41/containers/create*", json_reply(403, R"({"message":"denied by policy"})")}});
        const Error error = error_of([&] { const FolderReader reader(scene.engine(), "x:1", {"/one"}); });
        CHECK(contains(error.message(), "denied by policy"));
        CHECK(scene.verdict().empty());
    }
}

TEST_SUITE_END();
