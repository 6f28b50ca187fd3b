// SPDX-License-Identifier: Apache-2.0
#include "push/existing.hpp"

#include <doctest/doctest.h>

#include "support/http_server.hpp"

using namespace wasmx;
using namespace wasmx::push;

namespace {

oci::Descriptor form_of(const std::string& bytes, std::string_view type = oci::media_type::oci_layer_gzip) {
    return {.media_type = std::string(type), .digest = io::sha256(bytes), .size = bytes.size(), .annotations = {}};
}

}  // namespace

TEST_SUITE_BEGIN("push");

TEST_CASE("a layer exists when this machine knows its blob and the registry has it; tags are not asked") {
    const Digest made = io::sha256("made here");
    const Digest gone = io::sha256("made here, and removed there");
    const test::HttpServer server([&](const test::Seen& seen) {
        if (seen.target == "/v2/") return test::Reply{};
        const bool is_there = seen.target.find("/blobs/" + form_of("made").digest.str()) != std::string::npos;
        if (is_there && seen.method == "GET") return test::Reply{.status = 206, .body = "x"};  // its last byte
        return test::Reply{.status = is_there ? 200 : 404};
    });
    io::HttpClient http(std::stop_token(), "test");
    registry::Repository repository(http, oci::Reference::parse(server.host() + "/kong/x:1"), {});
    const auto found = find_existing(repository, {{made, form_of("made")}, {gone, form_of("gone")}});
    CHECK(found == std::map<Digest, oci::Descriptor>{{made, form_of("made")}});
    std::size_t questions = 0;
    for (const test::Seen& seen : server.seen()) {
        CHECK((seen.target == "/v2/" || seen.target.find("/blobs/sha256:") != std::string::npos));
        questions += seen.method == "HEAD" ? 1 : 0;
    }
    CHECK(questions == 2);
}

TEST_SUITE_END();
