// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace wasmx::build {

/// The images that a Dockerfile starts FROM, without its own stages and `scratch`, each once. Global ARGs are expanded
/// with their defaults or `args`. A line that cannot be read is left to the engine, which says so better.
/// (docs.docker.com, "Dockerfile reference": parser directives, FROM, ARG)
std::vector<std::string> base_images(std::string_view dockerfile, const std::map<std::string, std::string>& args = {});

}  // namespace wasmx::build
