// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "artifact/artifact.hpp"

namespace wasmx::artifact {

TEST_SUITE_BEGIN("artifact");

TEST_CASE("a package is at the one path that the contract gives it") {
    const std::string folder = "/wasmx/dist/";
    const std::string name = "ngx_wasm_runtime-v8-13.1.201.15-linux-arm64.tar.gz";
    const auto found = find_recipe_at(folder + name);
    REQUIRE(found);
    CHECK(found->version == "13.1.201.15");
    CHECK(found->package_path() == folder + name);
    CHECK_FALSE(find_recipe_at("/wasmx/dist/ngx_wasm_runtime-wasmtime-14.0.3-linux-x86_64.tar.gz"));
    for (const std::string& path :
         {name, "/" + name, "wasmx/dist/" + name, "/wasmx/dist//" + name, "//wasmx/dist/" + name,
          "/wasmx/dist/./" + name, "/x/../wasmx/dist/" + name, "/wasmx/dist/x/" + name, folder + name + "/",
          folder + name + "/.", folder + name + ".sha256",
          folder + "ngx_wasm_runtime-v8-13.1.201.15-linux-aarch64.tar.gz",
          folder + "ngx_wasm_runtime-v8-*-linux-arm64.tar.gz", folder + "ngx_wasm_runtime-v8-..-linux-arm64.tar.gz",
          folder + ".bashrc", folder, std::string("/"), std::string()}) {
        CAPTURE(path);
        CHECK_FALSE(find_recipe_at(path));
    }
}

TEST_SUITE_END();

}  // namespace wasmx::artifact
