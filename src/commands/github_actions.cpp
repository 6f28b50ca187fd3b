// SPDX-License-Identifier: Apache-2.0
#include "commands/github_actions.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/file.hpp"

namespace wasmx::commands {

namespace {

// (actions/toolkit, packages/core/src/command.ts: escapeData and escapeProperty)
std::string encoded(std::string_view text, std::string_view special) {
    std::string out;
    for (const char c : text) {
        if (special.find(c) == std::string_view::npos) {
            out += c;
        } else {
            out += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    return out;
}

void append(const std::string& path, std::string_view text) {
    const io::Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
    if (!file) throw system_error("opening " + path, errno);
    io::write_all(file.get(), io::bytes_of(text), path);
}

}  // namespace

bool in_github_actions() { return environment("GITHUB_ACTIONS") == "true"; }

void annotate(App& app, Level level, std::string_view title, std::string_view message) {
    std::string lines;
    for (const std::string_view line : split(message, '\n'))
        lines.append(lines.empty() ? "" : "\n").append(printable(line));
    app.tell_runner(fmt::format("::{} title={}::{}", level == Level::error ? "error" : "warning",
                                encoded(printable(title), "%:,"), encoded(lines, "%\n")));
}

void set_output(std::string_view name, std::string_view value) {
    const std::string path = environment("GITHUB_OUTPUT");
    if (path.empty()) return;
    // The next step would go on with nothing: that it cannot be said is a failure.
    if (value.find_first_of("\r\n") != std::string_view::npos)
        throw Error(Fault::usage, fmt::format("the output {} cannot hold a line's end: {}", name, printable(value)));
    append(path, fmt::format("{}={}\n", name, value));
}

void add_to_step_summary(App& app, std::string_view markdown) {
    const std::string path = environment("GITHUB_STEP_SUMMARY");
    if (path.empty()) return;
    try {
        append(path, markdown);
    } catch (const Error& error) {  // the work is done all the same
        app.progress.warn("the step's summary cannot be written: " + error.message());
    }
}

}  // namespace wasmx::commands
