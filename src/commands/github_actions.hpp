// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "commands/command.hpp"

namespace wasmx::commands {

/// Whether a step of a workflow on GitHub runs us. (docs.github.com, "Variables reference": GITHUB_ACTIONS)
bool in_github_actions();

enum class Level { warning, error };
/// Shows on the page of the run. (docs.github.com, "Workflow commands for GitHub Actions")
void annotate(App& app, Level level, std::string_view title, std::string_view message);

/// Appends Markdown to the step's page; nothing where there is none.
void add_to_step_summary(App& app, std::string_view markdown);

}  // namespace wasmx::commands
