// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "commands/command.hpp"

namespace wasmx::commands {

/// Whether a step of a workflow on GitHub runs us. (docs.github.com, "Variables reference": GITHUB_ACTIONS)
bool in_github_actions();

enum class Level { warning, error };
/// Shows on the page of the run. (docs.github.com, "Workflow commands for GitHub Actions")
void annotate(App& app, Level level, std::string_view title, std::string_view message);

/// Does the work; what it fails with is also shown on the page of the run, if there is one.
template <class Work>
void annotating(App& app, std::string_view title, Work&& work);

/// A value for the steps that follow; nothing outside of GitHub Actions. (docs.github.com, "Workflow commands":
/// outputs)
void set_output(std::string_view name, std::string_view value);

/// Appends Markdown to the step's page; nothing where there is none.
void add_to_step_summary(App& app, std::string_view markdown);

template <class Work>
void annotating(App& app, std::string_view title, Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        if (in_github_actions() && error.fault() != Fault::interrupted)
            annotate(app, Level::error, title,
                     error.hint().empty() ? error.message() : error.message() + "\n" + error.hint());
        throw;
    }
}

}  // namespace wasmx::commands
