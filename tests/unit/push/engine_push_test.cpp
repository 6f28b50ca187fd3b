// SPDX-License-Identifier: Apache-2.0
#include "push/engine_push.hpp"

#include <doctest/doctest.h>

namespace wasmx::push {

TEST_SUITE_BEGIN("push");

TEST_CASE("what an engine says of the blob that it commits") {
    const std::string hex(64, 'a');
    const Digest digest = Digest::parse("sha256:" + hex);
    CHECK(committed_digest("digest=sha256%3A" + hex) == digest);
    CHECK(committed_digest("digest=sha256:" + hex + "&from=a") == digest);
    // containerd adds to what the location has.
    CHECK(committed_digest("mount=sha256%3A" + std::string(64, 'b') + "&digest=sha256%3A" + hex) == digest);
    for (const char* query : {"", "digest", "digest=", "digest=sha256%3Ashort", "xdigest=sha256%3A", "mount=sha256%3A"})
        CHECK_FALSE(committed_digest(query));
    CHECK_FALSE(committed_digest("mydigest=sha256%3A" + hex));
    CHECK(upload_name("blobs/uploads/12") == "12");
    CHECK(upload_name("12") == "12");
}

TEST_SUITE_END();

}  // namespace wasmx::push
