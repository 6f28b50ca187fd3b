// SPDX-License-Identifier: Apache-2.0
#include "artifact/trial.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <filesystem>

#include "artifact/artifact.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "images/data.hpp"
#include "io/process.hpp"

namespace wasmx::artifact {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::minutes compile_limit{5};  // V8 is a hundred megabytes to link
constexpr std::chrono::minutes run_limit{1};
constexpr std::uint64_t most_unpacked = 16'000'000'000;

// A folder that goes with the object.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string name = (io::scratch_folder() / "wasmx-image-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw io::scratch_error(system_error("creating a folder " + name, errno));
        path_ = name;
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    const fs::path& path() const noexcept { return path_; }

private:
    fs::path path_;
};

void write_file(const fs::path& path, io::Source& content) {
    const io::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file) throw system_error("creating " + path.string(), errno);
    io::FdSink sink(file.get());
    io::copy(content, sink);
}

std::vector<std::string> compiler() {
    std::vector<std::string> out;
    const std::string named = environment("CC");
    for (const std::string_view word : split(named, ' '))
        if (!word.empty()) out.emplace_back(word);
    if (out.empty()) out.emplace_back("cc");
    return out;
}

std::vector<std::string> compile_command(const recipe::Recipe& recipe, const fs::path& folder, const fs::path& source,
                                         const fs::path& program) {
    const fs::path top = folder / recipe.top_directory();
    std::vector<std::string> out = compiler();
    const recipe::RuntimeFacts& facts = recipe::facts_of(recipe.runtime);
    out.insert(out.end(), facts.compile_flags.begin(), facts.compile_flags.end());
    for (const std::string& word : {std::string("-I"), (top / "include").string(), source.string(), std::string("-o"),
                                    program.string(), std::string("-L"), (top / "lib").string()})
        out.push_back(word);
    out.insert(out.end(), facts.link_line.begin(), facts.link_line.end());
    return out;
}

std::vector<std::string> last_lines(const std::string& text) {
    constexpr std::size_t most = 10;
    std::vector<std::string> out;
    for (const std::string_view line : split(text, '\n'))
        if (!trim(line).empty()) out.emplace_back(clipped(line, 500));
    if (out.size() > most) out.erase(out.begin(), out.end() - most);
    return out;
}

void fail(Point& point, std::string observed, std::vector<std::string> details) {
    point.verdict = Verdict::fail;
    point.observed = std::move(observed);
    point.details = std::move(details);
}

/// What publishers made is compiled, linked and run without our secrets: with the few variables that any program needs,
/// and those that tell a compiler where its parts are. (GCC manual, "Environment Variables Affecting GCC")
io::ProcessCommand untrusting(std::vector<std::string> argv, const fs::path& folder, std::chrono::seconds limit) {
    io::ProcessCommand out{.argv = std::move(argv),
                           .env = {"TMPDIR=" + folder.string()},
                           .inherited = io::ProcessCommand::Environment::few,
                           .input = {},
                           .limit = limit};
    for (const char* name : {"CPATH", "C_INCLUDE_PATH", "LIBRARY_PATH", "COMPILER_PATH", "GCC_EXEC_PREFIX", "SDKROOT",
                             "LD_LIBRARY_PATH", "CCACHE_DIR"})
        if (const std::string value = environment(name); !value.empty())
            out.env.push_back(fmt::format("{}={}", name, value));
    return out;
}

void build_and_run(Point& point, const recipe::Recipe& recipe, const fs::path& folder, const std::stop_token& stop) {
    const fs::path source = folder / "consumer.c";
    const fs::path program = folder / "consumer";
    write_file(source, *io::from_string(std::string(images::consumer_program())));
    const auto command = compile_command(recipe, folder, source, program);
    io::ProcessResult compiled;
    try {
        compiled = io::run(untrusting(command, folder, compile_limit), stop);
    } catch (const Error& error) {
        if (error.fault() != Fault::not_found) throw;
        point.hint = "install a C compiler (Debian: apt-get install g++), or name one in $CC";
        return fail(point, error.message(), {});
    }
    if (compiled.exit_code != 0)
        return fail(point,
                    fmt::format("a program that uses it cannot be built: {} ended with {}", command.front(),
                                compiled.exit_code),
                    last_lines(compiled.err));
    const auto ran = io::run(untrusting({program.string()}, folder, run_limit), stop);
    if (ran.exit_code != 0)
        return fail(point, fmt::format("a program that uses it ended with {}", ran.exit_code), last_lines(ran.err));
    point.observed = fmt::format("a program linked with it ran: {}", printable(trim(ran.out)));
}

Point run_point() { return {.id = "run", .title = "a program that links it as the contract says runs"}; }

}  // namespace

Point not_tried(std::string why) {
    Point point = run_point();
    point.verdict = Verdict::skip;
    point.observed = std::move(why);
    return point;
}

Point try_out(const io::Body& tarball, const recipe::Recipe& recipe, const std::stop_token& stop) {
    if (const auto here = oci::Platform::of_this_machine(); !(recipe.platform == here))
        return not_tried(
            fmt::format("it is for {}, this machine is {}", recipe.platform.docker_platform(), here.docker_platform()));
    Point point = run_point();
    const ScratchFolder folder;
    try {
        in_context("unpacking " + recipe.package_name(), [&] {
            io::TreeWriter writer(folder.path());
            (void)unpack(tarball, writer, most_unpacked);
            writer.finish();
        });
        build_and_run(point, recipe, folder.path(), stop);
    } catch (const Error& error) {
        if (error.fault() != Fault::integrity && error.fault() != Fault::unavailable) throw;
        fail(point, error.message(), {});
    }
    return point;
}

}  // namespace wasmx::artifact
