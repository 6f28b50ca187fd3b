// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "cli/display.hpp"

namespace wasmx::cli {

enum class Colour { no, yes };

/// "1.2 MiB of 3.4 MiB, 5.6 MiB/s": how far a task is, and how fast.
std::string amount_of(const View::Task& task);

/// "812 of 1993 steps, 12 min left": how far ninja is; a range while there is little to go by; empty: no steps.
std::string steps_of(const View::Task& task);
/// "7.3 GiB of memory, 3.9 processors": what it takes; empty: not known.
std::string usage_of(const View::Task& task);
/// Seconds until the last step, as the steps of late went; nullopt: nothing to go by.
std::optional<double> seconds_left(const View::Task& task);

/// Lines that stay, as `docker build --progress plain` writes them; for pipes, CI and log files.
std::unique_ptr<View> plain_view(int fd);
/// The same into a new file, with the time of day on each line. Throws Error when it cannot be created.
std::unique_ptr<View> log_view(const std::filesystem::path& path);
/// What runs now, redrawn in place with its last lines; what is over stays above it.
std::unique_ptr<View> tty_view(int fd, Colour colour);
/// One JSON object a line: {"event": "started"|"log"|"progress"|"steps"|"usage"|"ended"|"note"|"warning", …}; rates in
/// bytes a second.
std::unique_ptr<View> json_view(int fd);
/// Only warnings.
std::unique_ptr<View> quiet_view(int fd);

}  // namespace wasmx::cli
