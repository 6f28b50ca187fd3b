// SPDX-License-Identifier: Apache-2.0
#include "commands/wanted.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace wasmx::commands {

namespace {

std::vector<std::string> ids_in(const Arguments& arguments, std::string_view option) {
    std::vector<std::string> out;
    if (!arguments.has(option)) return out;
    const std::string list = arguments.text(option);
    for (const auto id : split(list, ','))
        if (!trim(id).empty()) out.emplace_back(trim(id));
    if (out.empty())
        throw Error(Fault::usage, fmt::format("{} names no check", option), "`wasmx-image doctor --list` lists them");
    return out;
}

void check_not_empty(const Arguments& arguments) {
    for (const std::string_view name : {"--source", "--ref", "--base-image", "--repository", "--tag", "--output",
                                        "--workflow", "--platform", "--runtime-version"})
        if (arguments.has(name) && arguments.text(name).empty())
            throw Error(Fault::usage, fmt::format("{} is empty", name), "give it a value, or leave it out");
}

oci::Reference tag_from(const Arguments& arguments) {
    auto tag = oci::Reference::parse(arguments.text("--tag"));
    if (tag.digest() || !tag.tag())
        throw Error(Fault::usage, fmt::format("--tag {} has no tag", arguments.text("--tag")),
                    "it is the image's whole name, as NAME:TAG");
    return tag;
}

oci::Reference repository_from(const Arguments& arguments) {
    auto repository = oci::Reference::parse(arguments.text("--repository"));
    if (repository.digest() || repository.tag())
        throw Error(Fault::usage, fmt::format("--repository {} has a tag", arguments.text("--repository")),
                    "leave the tag to the contract, or use --tag with the whole name");
    return repository;
}

}  // namespace

std::optional<std::uint64_t> size_in(const Arguments& arguments, std::string_view option) {
    if (!arguments.has(option)) return std::nullopt;
    const std::string text = arguments.text(option);
    if (const auto bytes = parse_bytes(text)) return bytes;
    throw Error(Fault::usage, fmt::format("{} {} is no size", option, printable(text)),
                "a size is a whole number and a unit: 8GB, 7500MB, 8GiB");
}

doctor::Request request_from(const Arguments& arguments) {
    if (arguments.has("--tag") && arguments.has("--repository"))
        throw Error(Fault::usage, "--tag and --repository exclude each other: --tag is the whole name",
                    "leave one of them out");
    check_not_empty(arguments);
    using doctor::Request;
    Request out;
    out.host = arguments.text("--host");
    out.source.location = arguments.text_or("--source", recipe::default_source);
    out.source.ref = arguments.text("--ref");
    out.source.allow_dirty = arguments.has("--allow-dirty");
    out.runtime = recipe::parse_runtime(arguments.text_or("--runtime", "v8"));
    out.runtime_version = arguments.text("--runtime-version");
    if (!out.runtime_version.empty()) recipe::check_version(out.runtime_version);
    out.workflow = arguments.text("--workflow");
    if (arguments.has("--platform")) out.platform = oci::Platform::parse(arguments.text("--platform"));
    if (arguments.has("--base-image")) {
        out.base_image = arguments.text("--base-image");
        oci::Reference::parse(*out.base_image);
    }
    if (arguments.has("--tag")) out.tag = tag_from(arguments);
    if (arguments.has("--repository")) out.repository = repository_from(arguments);
    out.min_memory = size_in(arguments, "--min-memory");
    out.min_disk = size_in(arguments, "--min-disk");
    if (arguments.has("--allow-emulation")) out.emulation = Request::Emulation::allow;
    if (arguments.has("--overwrite")) out.published = Request::Published::overwrite;
    return out;
}

doctor::Selection selection_from(const Arguments& arguments) {
    doctor::Selection out{.only = ids_in(arguments, "--only"), .ignore = ids_in(arguments, "--ignore")};
    if (arguments.has("--strict")) out.warnings = doctor::Selection::Warnings::fail;
    doctor::check_selection(out);
    return out;
}

}  // namespace wasmx::commands
