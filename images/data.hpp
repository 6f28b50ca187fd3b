// SPDX-License-Identifier: Apache-2.0
#pragma once
// images: the texts, and one program, that are compiled into ours. They are written by cmake/embed*.cmake from the
// files themselves, so that what runs is what can be read in the repository.

#include <string_view>

namespace wasmx::images {

/// images/runtime.sh: what the build container runs
std::string_view runtime_script() noexcept;
/// images/consumer.c: what a user of a package does first
std::string_view consumer_program() noexcept;
/// images/probe.cpp, compiled: a program for an image of its own
std::string_view probe_program() noexcept;
/// .github/workflows/release.yml of this project
std::string_view release_workflow() noexcept;

}  // namespace wasmx::images
