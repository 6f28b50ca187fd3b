// SPDX-License-Identifier: Apache-2.0
#include "build/key.hpp"

#include <fmt/format.h>

#include "images/data.hpp"
#include "io/tar.hpp"
#include "recipe/provenance.hpp"

namespace wasmx::build {

namespace {

constexpr std::size_t key_digits = 12;

std::string digits_of(const std::string& text) { return io::sha256(text).hex().substr(0, key_digits); }

std::string identity_of(const source::Tree& tree) {
    if (tree.revision()) return "commit " + *tree.revision();
    io::Tally tally;
    const auto archive = io::digesting(io::tar_of(tree.members("", "wasmx", source::Tree::Ignore::none)), tally);
    io::drain(*archive);
    return "files " + tally.digest.str();
}

}  // namespace

BuildKey key_of(const recipe::Recipe& recipe, const source::Tree& tree, const std::string& base_id,
                const std::map<std::string, std::string>& labels, const std::string& depot_tools) {
    const std::string source = fmt::format("{}\n{}\n", base_id, identity_of(tree));
    std::string all =
        source + fmt::format("{}\n{}\n{}\n", recipe.package_path(), io::sha256(images::runtime_script()).str(),
                             io::sha256(images::consumer_program()).str());
    for (const auto& [name, value] : labels) all += fmt::format("{}={}\n", name, value);
    if (!depot_tools.empty()) all += fmt::format("depot_tools {}\n", depot_tools);
    BuildKey out;
    out.text = digits_of(all);
    out.container = fmt::format("{}{}-{}", container_prefix, recipe.tag(), out.text);
    out.volume = recipe.work_volume();
    out.comment = fmt::format("{}build {}", recipe::step_comment, out.text);
    out.source_image = oci::Reference::parse(fmt::format("{}:{}", source_image_name, digits_of(source)));
    return out;
}

}  // namespace wasmx::build
