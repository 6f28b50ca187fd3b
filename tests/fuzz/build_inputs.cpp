// SPDX-License-Identifier: Apache-2.0
// What a build reads of a module and of an engine. The first byte says as what the rest is read: a Dockerfile, a
// .dockerignore with paths, a workflow, a Makefile, the text of a builder, BuildKit's trace.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "build/cause.hpp"
#include "build/dockerfile.hpp"
#include "build/output.hpp"
#include "build/steps.hpp"
#include "recipe/recipe.hpp"
#include "source/source.hpp"
#include "support/recording.hpp"

using namespace wasmx;

namespace {

void check(bool holds) {
    if (!holds) std::abort();
}

void read_dockerfile(std::string_view text) {
    const auto images = build::base_images(text);
    check(std::set(images.begin(), images.end()).size() == images.size());
    for (const std::string& image : images) check(!image.empty() && image != "scratch");
}

// Rules up to a NUL, then paths, one a line.
void read_dockerignore(std::string_view text) {
    const auto end = std::min(text.find('\0'), text.size());
    try {
        const source::DockerIgnore rules(text.substr(0, end));
        for (const std::string_view path : split(text.substr(std::min(end + 1, text.size())), '\n'))
            check(!rules.excludes_from_context(path) || rules.excludes(path));
    } catch (const Error& error) {
        check(error.fault() == Fault::config);
    }
}

// A version that is found can stand in a tag, whatever the file says.
template <class Find>
void read_version(Find&& find) {
    try {
        if (const std::optional<recipe::Version> version = find()) recipe::check_version(version->text);
    } catch (const Error& error) {
        check(error.fault() == Fault::config && printable(error.message()) == error.message());
    }
}

std::vector<std::string> told_of(const std::string_view text, std::size_t at_once) {
    test::Recording progress;
    {
        build::Steps steps(progress);
        for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(at_once, rest.size())))
            steps.take({engine::BuildEvent::Kind::text, std::string(rest.substr(0, at_once))});
        steps.close("failed");
        const auto lines = steps.last_lines();
        check(lines.size() <= 151);
        for (const std::string& line : lines) check(line.size() <= 1000 && printable(line) == line);
        check(steps.failed_step().size() <= 200);
        (void)build::cause_of(lines);
    }
    {
        build::ScriptOutput output;
        for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(at_once, rest.size())))
            output.add(rest.substr(0, at_once));
        check(printable(output.phase()) == output.phase());
        for (const std::string& line : output.explaining_lines()) check(line.size() <= 1000 && printable(line) == line);
        for (const std::string& line : output.missing()) check(line.size() <= 1000 && printable(line) == line);
    }
    return progress.lines;
}

void read_trace(std::string_view bytes) {
    test::Recording progress;
    build::Steps steps(progress);
    steps.take({engine::BuildEvent::Kind::trace, std::string(bytes)});
    steps.take({engine::BuildEvent::Kind::trace, std::string(bytes)});
    steps.close("failed");
    check(printable(steps.failed_step()) == steps.failed_step());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
    switch (data[0] % 6) {
        case 0: read_dockerfile(text); break;
        case 1: read_dockerignore(text); break;
        case 2: read_version([&] { return recipe::find_version_in_workflow(text, recipe::Runtime::v8, "w"); }); break;
        case 3: read_version([&] { return recipe::find_version_in_makefile(text, recipe::Runtime::v8, "m"); }); break;
        case 4: check(told_of(text, size) == told_of(text, 1)); break;
        default: read_trace(text); break;
    }
    return 0;
}
