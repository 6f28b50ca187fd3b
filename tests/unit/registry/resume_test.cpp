// SPDX-License-Identifier: Apache-2.0
#include "registry/scene.hpp"

// What becomes of an upload that does not go through in one PUT.

namespace wasmx::registry {

TEST_SUITE_BEGIN("registry");

namespace {

constexpr std::size_t mebibyte = 1 << 20;

std::string pattern(std::size_t size) {
    std::string out(size, ' ');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 >> 7);
    return out;
}

const std::string bytes = pattern(6 * mebibyte);
const oci::Descriptor blob = blob_of(bytes);
const std::string digest = "digest=" + blob.digest.str();
const std::string post = "POST /v2/kong/x/blobs/uploads/";
const std::string head = "HEAD /v2/kong/x/blobs/" + blob.digest.str();
const test::Reply created{.status = 201};
const test::Reply absent{.status = 404};
const test::Reply dropped{.drop_request_at = 3 * mebibyte};

test::Reply accepted(const std::string& location) { return {.status = 202, .headers = {{"Location", location}}}; }

test::Reply status(const std::string& range, const std::string& location = "/u/2?_state=b") {
    return {.status = 204, .headers = {{"Location", location}, {"Range", range}}};
}

test::Reply too_large() {
    return complaint(416, "REQUESTED_RANGE_NOT_SATISFIABLE", "exceeds the maximum permissible limit of 4.00MiB");
}

void push(Scene& scene) { scene.pushing().put_blob(blob, io::body_of(bytes)); }

}  // namespace

TEST_CASE("an upload that broke off goes on behind what the registry has") {
    for (const std::string range : {"0-2097151", "bytes=0-2097151"}) {
        CAPTURE(range);
        Scene scene({{post, accepted("/u/1?_state=a")},
                     {"PUT /u/1?_state=a&" + digest, dropped},
                     {"GET /u/1?_state=a", status(range)},
                     {"PUT /u/2?_state=b&" + digest, created}});
        push(scene);
        scene.check();
        const auto rest = scene.seen()[3];
        CHECK(rest.header("content-range") == "2097152-6291455");
        CHECK(rest.header("content-length") == "4194304");
        CHECK(rest.body == bytes.substr(2 * mebibyte));
    }
}

TEST_CASE("a commit that was not answered is asked for again, without the bytes") {
    Scene scene({{post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, {.status = 502}},
                 {"GET /u/1", status("0-6291455")},
                 {"PUT /u/2?_state=b&" + digest, created}});
    push(scene);
    scene.check();
    CHECK(scene.seen()[3].header("content-length") == "0");
    CHECK(scene.seen()[3].headers.count("content-range") == 0);
}

TEST_CASE("what a session says of itself is not believed when it cannot be") {
    for (const test::Reply& said : {status("0-0"), status("0-9999999"), status("0-x"), status("5-9"),
                                    status("0-18446744073709551615"), test::Reply{.status = 204},
                                    test::Reply{.status = 200}, test::Reply{.status = 405}, complaint(403, "DENIED")}) {
        Scene scene({{post, accepted("/u/1")},
                     {"PUT /u/1?" + digest, dropped},
                     {"GET /u/1", said},
                     {head, absent},
                     {post, accepted("/u/3")},
                     {"PUT /u/3?" + digest, created}});
        push(scene);
        scene.check();
        CHECK(scene.seen()[5].body == bytes);
        CHECK(scene.seen()[5].headers.count("content-range") == 0);
    }
}

TEST_CASE("a storage that refuses to be asked does not end the upload") {
    test::HttpServer storage([](const test::Seen& seen) -> test::Reply {
        if (seen.method == "GET") return {.status = 403};  // signed for PUT
        if (seen.target.starts_with("/1")) return {.drop_request_at = std::size_t{1} << 20};
        return created;
    });
    Scene scene(
        {{post, accepted(storage.url() + "/1?sig=a")}, {head, absent}, {post, accepted(storage.url() + "/2?sig=b")}});
    push(scene);
    scene.check();
}

TEST_CASE("a Range that is stuck is gone on from once") {
    Scene scene({{post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, dropped},
                 {"GET /u/1", status("0-1048575", "/u/1")},
                 {"PUT /u/1?" + digest, complaint(416, "RANGE_INVALID")},
                 {"GET /u/1", status("0-1048575", "/u/1")},
                 {head, absent},
                 {post, accepted("/u/3")},
                 {"PUT /u/3?" + digest, created}});
    push(scene);
    scene.check();
    CHECK(scene.seen()[7].body == bytes);
}

TEST_CASE("a rest that makes something else of it: once from the start, and then it is over") {
    const std::vector<Scene::Step> wrongly_joined{{post, accepted("/u/1")},
                                                  {"PUT /u/1?" + digest, dropped},
                                                  {"GET /u/1", status("0-1048575", "/u/1")},
                                                  {"PUT /u/1?" + digest, complaint(400, "DIGEST_INVALID")},
                                                  {head, absent},
                                                  {post, accepted("/u/3")}};
    auto mended = wrongly_joined;
    mended.push_back({"PUT /u/3?" + digest, created});
    Scene good(mended);
    push(good);
    good.check();
    CHECK(good.seen()[6].body == bytes);

    auto hopeless = wrongly_joined;
    hopeless.push_back({"PUT /u/3?" + digest, complaint(400, "DIGEST_INVALID")});
    hopeless.push_back({head, absent});
    Scene bad(hopeless);
    CHECK(contains(error_of([&] { push(bad); }).message(), "DIGEST_INVALID"));
    bad.check();
}

TEST_CASE("after a digest that is refused, our own bytes are checked") {
    Scene scene({{post, accepted("/u/1")}, {"PUT /u/1?" + digest, complaint(400, "DIGEST_INVALID")}, {head, absent}});
    auto other = bytes;
    other.back() = '!';
    CHECK(error_of([&] { scene.pushing().put_blob(blob, io::body_of(other)); }).fault() == Fault::integrity);
    scene.check();
}

TEST_CASE("an upload that gets further each time is not given up") {
    std::vector<Scene::Step> steps{{post, accepted("/u/1")}};
    for (int i = 1; i < 6; ++i) {
        steps.push_back({"PUT /u/1?" + digest, {.drop_request_at = mebibyte}});
        steps.push_back({"GET /u/1", status("0-" + std::to_string(i * mebibyte - 1), "/u/1")});
    }
    steps.push_back({"PUT /u/1?" + digest, created});
    Scene scene(steps);
    push(scene);
    scene.check();
    CHECK(scene.seen().back().body == bytes.substr(5 * mebibyte));
}

TEST_CASE("a registry that breaks off each time from the start is given up") {
    std::vector<Scene::Step> steps;
    for (int i = 0; i < 4; ++i) {
        if (i > 0) steps.insert(steps.end(), {{"GET /u/1", absent}, {head, absent}});
        steps.push_back({post, accepted("/u/1")});
        steps.push_back({"PUT /u/1?" + digest, dropped});
    }
    steps.push_back({head, absent});
    Scene scene(steps);
    CHECK(contains(error_of([&] { push(scene); }).message(), "(4 attempts)"));
    scene.check();
}

TEST_CASE("a session that does not answer is asked twice") {
    Scene again({{post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, dropped},
                 {"GET /u/1", {.status = 503}},
                 {"GET /u/1", status("0-2097151", "/u/1")},
                 {"PUT /u/1?" + digest, created}});
    push(again);
    again.check();

    Scene never({{post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, dropped},
                 {"GET /u/1", {.status = 503}},
                 {"GET /u/1", {.status = 503}},
                 {head, {}}});
    push(never);
    never.check();
}

TEST_CASE("a resumed upload is authorised anew, and resent from where it began") {
    Scene scene({{post, challenge()},
                 {post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, dropped},
                 {"GET /u/1", status("0-2097151", "/u/1")},
                 {"PUT /u/1?" + digest, challenge(R"(,error="invalid_token")")},
                 {"PUT /u/1?" + digest, created}},
                {{push_token_of_otto, token("old")}, {push_token_of_otto, token("new")}});
    push(scene);
    scene.check();
    CHECK(scene.seen()[5].header("authorization") == "Bearer new");
    CHECK(scene.seen()[5].header("content-range") == "2097152-6291455");
    CHECK(scene.seen()[5].body == bytes.substr(2 * mebibyte));
}

TEST_CASE("chunks, where the whole is refused as too large for a request") {
    for (const test::Reply& refusal : {too_large(), test::Reply{.status = 413, .body = "<html>nginx</html>"}}) {
        Scene scene({{post, accepted("/u/1")},
                     {"PUT /u/1?" + digest, refusal},
                     {head, absent},
                     {post, accepted("/u/2?s=1")},
                     {"PATCH /u/2?s=1", {.status = 202, .headers = {{"Location", "/u/2?s=2"}, {"Range", "0-0"}}}},
                     {"PATCH /u/2?s=2", {.status = 202, .headers = {{"Location", "/u/2?s=3"}, {"Range", "0-0"}}}},
                     {"PUT /u/2?s=3&" + digest, created}});
        push(scene);
        scene.check();
        const auto seen = scene.seen();
        CHECK(seen[4].header("content-range") == "0-4194303");
        CHECK(seen[5].header("content-range") == "4194304-6291455");
        CHECK(seen[4].body + seen[5].body == bytes);
        CHECK(seen[6].header("content-length") == "0");
        CHECK(scene.clock.waits().empty());
    }
}

TEST_CASE("a layer that the registry itself finds too large is not cut into pieces") {
    Scene scene({{post, accepted("/u/1")}, {"PUT /u/1?" + digest, complaint(413, "SIZE_INVALID")}});
    const Error error = error_of([&] { push(scene); });
    scene.check();
    CHECK(contains(error.hint(), "of this size"));
}

TEST_CASE("chunks become smaller once") {
    std::vector<Scene::Step> steps{{post, accepted("/u/1")}, {"PUT /u/1?" + digest, {.status = 413}}, {head, absent},
                                   {post, accepted("/u/2")}, {"PATCH /u/2", {.status = 413}},         {head, absent},
                                   {post, accepted("/u/3")}};
    auto enough = steps;
    for (int i = 0; i < 6; ++i) enough.push_back({"PATCH /u/3", {.status = 202}});
    enough.push_back({"PUT /u/3?" + digest, created});
    Scene good(enough);
    push(good);
    good.check();
    CHECK(good.seen()[8].header("content-range") == "1048576-2097151");

    steps.push_back({"PATCH /u/3", {.status = 413}});
    Scene bad(steps);
    CHECK(contains(error_of([&] { push(bad); }).message(), "PATCH"));
    bad.check();
}

TEST_CASE("the least size of a chunk that a registry asks for") {
    struct Row {
        std::string asked;
        std::string first;
    };
    for (const Row& row : {Row{"5242880", "0-5242879"}, Row{"100", "0-4194303"}, Row{"99999999999", "0-6291455"},
                           Row{"many", "0-4194303"}}) {
        CAPTURE(row.asked);
        auto opened = accepted("/u/2");
        opened.headers.emplace_back("OCI-Chunk-Min-Length", row.asked);
        std::vector<Scene::Step> steps{{post, accepted("/u/1")},
                                       {"PUT /u/1?" + digest, too_large()},
                                       {head, absent},
                                       {post, opened},
                                       {"PATCH /u/2", {.status = 202}}};
        if (row.first != "0-6291455") steps.push_back({"PATCH /u/2", {.status = 202}});
        steps.push_back({"PUT /u/2?" + digest, created});
        Scene scene(steps);
        push(scene);
        scene.check();
        CHECK(scene.seen()[4].header("content-range") == row.first);
    }
}

TEST_CASE("a chunk that is lost is sent again, behind what arrived") {
    Scene scene({{post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, too_large()},
                 {head, absent},
                 {post, accepted("/u/2")},
                 {"PATCH /u/2", {.status = 202}},
                 {"PATCH /u/2", {.drop_request_at = 1000}},
                 {"GET /u/2", status("0-4194303", "/u/2?s")},
                 {"PATCH /u/2?s", {.status = 202, .headers = {{"Location", "/u/3"}}}},
                 {"PUT /u/3?" + digest, created}});
    push(scene);
    scene.check();
    CHECK(scene.seen()[7].header("content-range") == "4194304-6291455");
    CHECK(scene.seen()[7].body == bytes.substr(4 * mebibyte));
}

TEST_CASE("a rest that is too large for a request: all of it without a range") {
    Scene scene({{post, accepted("/u/1")},
                 {"PUT /u/1?" + digest, dropped},
                 {"GET /u/1", status("0-1048575", "/u/1")},
                 {"PUT /u/1?" + digest, too_large()},
                 {head, absent},
                 {post, accepted("/u/2")},
                 {"PUT /u/2?" + digest, created}});
    push(scene);
    scene.check();
    CHECK(scene.seen()[6].body == bytes);
}

TEST_CASE("what a refusal of the bytes asks for is done") {
    struct Row {
        test::Reply reply;
        milliseconds least;
    };
    using std::chrono::seconds;
    for (const Row& row :
         {Row{{.status = 408}, seconds(1)}, Row{{.status = 429, .headers = {{"Retry-After", "7"}}}, seconds(7)},
          Row{{.status = 429, .headers = {{"Retry-After", "Fri, 02 Jan 2026 03:00:20 GMT"}}}, seconds(20)},
          Row{complaint(429, "TOOMANYREQUESTS", "retry-after: 2.5s, allowed: 2000/minute"), milliseconds(2500)},
          Row{{.status = 403, .body = R"({"message":"You have exceeded a secondary rate limit"})"}, seconds(60)},
          Row{{.status = 499}, seconds(1)}, Row{{.status = 500}, seconds(1)}, Row{{.status = 502}, seconds(1)},
          Row{{.status = 503}, seconds(1)}, Row{{.status = 504}, seconds(1)}, Row{{.status = 522}, seconds(1)}}) {
        CAPTURE(row.reply.status);
        Scene scene({{post, accepted("/u/1")},
                     {"PUT /u/1?" + digest, row.reply},
                     {"GET /u/1", absent},
                     {head, absent},
                     {post, accepted("/u/2")},
                     {"PUT /u/2?" + digest, created}});
        push(scene);
        scene.check();
        REQUIRE(scene.clock.waits().size() == 1);
        CHECK(scene.clock.waits()[0] >= row.least);
        CHECK(scene.clock.waits()[0] <= row.least + row.least / 5);
    }
}

TEST_CASE("a Location without a scheme") {
    Scene scene({{post, accepted("{host}/u/1")}, {"PUT /u/1?" + digest, created}});
    push(scene);
    scene.check();
}

TEST_SUITE_END();

}  // namespace wasmx::registry
