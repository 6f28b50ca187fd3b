// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <csignal>
#include <filesystem>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/display.hpp"
#include "cli/help.hpp"
#include "cli/parse.hpp"
#include "cli/signals.hpp"
#include "cli/views.hpp"
#include "commands/registry_access.hpp"
#include "io/file.hpp"

namespace wasmx::cli {

namespace {

bool is_dumb_terminal() { return ::isatty(STDERR_FILENO) == 0 || environment("TERM") == "dumb"; }

Colour colour_of_errors() { return is_dumb_terminal() || !environment("NO_COLOR").empty() ? Colour::no : Colour::yes; }

std::unique_ptr<View> view_for(const Invocation& invocation) {
    if (invocation.quiet) return quiet_view(STDERR_FILENO);
    switch (invocation.progress) {
        case ProgressForm::json: return json_view(STDERR_FILENO);
        case ProgressForm::plain: return plain_view(STDERR_FILENO);
        case ProgressForm::tty:
            return tty_view(STDERR_FILENO, environment("NO_COLOR").empty() ? Colour::yes : Colour::no);
        case ProgressForm::automatic: break;
    }
    return is_dumb_terminal() ? plain_view(STDERR_FILENO) : tty_view(STDERR_FILENO, colour_of_errors());
}

std::string rendered(const Error& error, const std::string& log_path, Colour wanted) {
    const bool colour = wanted == Colour::yes;
    std::string out;
    for (const std::string& line : error.lines()) out += "  | " + line + "\n";
    out += colour ? "\x1b[1;31merror:\x1b[0m " : "error: ";
    std::string indent;
    for (const std::string& frame : error.frames()) {
        out += indent + frame + "\n";
        indent = "  ";
    }
    out += indent + error.message() + "\n";
    if (!error.hint().empty()) out += (colour ? "\x1b[1mhint:\x1b[0m " : "hint: ") + error.hint() + "\n";
    if (!log_path.empty()) out += "log: " + log_path + "\n";
    return out;
}

int exit_code_of(const Error& error, int signal) {
    switch (error.fault()) {
        case Fault::interrupted: return 128 + (signal == 0 ? SIGINT : signal);
        case Fault::usage:
        case Fault::config: return 2;
        default: return 1;
    }
}

// Whoever is sent the log should not have to ask for the terminal's last lines.
void add_to_log(const std::string& log_path, const std::string& text) {
    const io::Fd log(log_path.empty() ? -1 : ::open(log_path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (log) io::write_all(log.get(), io::bytes_of(text), log_path);
}

int say_error(const Error& error, const std::string& log_path, int signal) {
    const auto attempt = [](auto&& write) {
        try {
            write();
        } catch (const Error&) {  // a full disk or a closed terminal: what can still be told is
        }
    };
    const std::string text = rendered(error, log_path, colour_of_errors());
    attempt([&] { io::write_all(STDERR_FILENO, io::bytes_of(text), "standard error"); });
    attempt([&] { add_to_log(log_path, rendered(error, {}, Colour::no)); });
    return exit_code_of(error, signal);
}

// Passwords and tokens must not end in a core file. The limit of 1 is the one that also a core handler behind a pipe
// respects (core(5), "Piping core dumps to a program").
void forbid_core_files() {
    const rlimit limit{1, 1};
    (void)::setrlimit(RLIMIT_CORE, &limit);
}

void write_result(std::string_view text) { io::write_all(STDOUT_FILENO, io::bytes_of(text), "standard output"); }

// A file that we open must not become standard output because that was closed. The other direction, so that to write
// there stays an error.
void open_missing_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF)
            (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // the lowest free one: `fd`
}

// Whether the user's locale has characters beyond ASCII. (POSIX, "Environment Variables", the order of precedence)
bool is_utf8_locale() {
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
        if (const std::string value = lower(environment(name)); !value.empty())
            return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
    return false;
}

commands::Output output_form() {
    commands::Output out;
    if (::isatty(STDOUT_FILENO) == 0 || environment("TERM") == "dumb") return out;
    out.colour = environment("NO_COLOR").empty();
    out.symbols = is_utf8_locale();
    winsize size{};
    out.width = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 60 ? size.ws_col : 80;
    return out;
}

void execute(const Invocation& invocation, Display& display, const Signals& signals, std::string& log_path) {
    io::HttpClient http(signals.stop(), "wasmx-image/" WASMX_VERSION);
    http.trust(commands::registry_trust());
    commands::App app{.http = http,
                      .progress = display,
                      .stop = signals.stop(),
                      .has_hung_up = [&] { return signals.received() == SIGHUP; },
                      .result = [](std::string_view line) { write_result(std::string(line) + "\n"); },
                      .keep_log =
                          [&](const std::filesystem::path& path) {
                              display.add(log_view(path));
                              log_path = path.string();
                              display.note("log:     " + log_path);
                          },
                      .tell_runner =
                          [](std::string_view line) {
                              io::write_all(STDERR_FILENO, io::bytes_of(std::string(line) + "\n"), "standard error");
                          },
                      .output = output_form()};
    invocation.command->run(app, invocation.arguments);
}

}  // namespace

int run(int argc, char** argv) {
    open_missing_streams();
    std::setlocale(LC_CTYPE, "C.UTF-8");  // names in archives are UTF-8 whatever the user's locale is
    forbid_core_files();
    const Signals signals;
    std::string log_path;
    Display display;
    try {
        const Invocation invocation = parse({argv + 1, argv + argc});
        if (invocation.command == nullptr) {
            write_result(invocation.answer);
            return 0;
        }
        display.add(view_for(invocation));
        execute(invocation, display, signals, log_path);
        display.finish();
        return 0;
    } catch (const Error& error) {
        display.finish();
        return say_error(error, log_path, signals.received());
    } catch (const std::bad_alloc&) {
        display.finish();
        return say_error({Fault::io, "out of memory", "free some memory and run the same command again"}, log_path, 0);
    } catch (const std::filesystem::filesystem_error& error) {
        display.finish();
        return say_error({Fault::io, error.what(), "see that the folder is there and may be written to"}, log_path, 0);
    } catch (const std::exception& error) {
        display.finish();
        return say_error({Fault::bug, error.what(),
                          "this is a fault of wasmx-image: please report it with the command and this message"},
                         log_path, 0);
    }
}

}  // namespace wasmx::cli
