// SPDX-License-Identifier: Apache-2.0
#include "commands/extract.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <future>

#include "artifact/artifact.hpp"
#include "base/text.hpp"
#include "commands/github_actions.hpp"
#include "commands/registry_access.hpp"
#include "commands/wanted.hpp"
#include "extract/extract.hpp"
#include "extract/report.hpp"
#include "io/file.hpp"
#include "io/tree_writer.hpp"
#include "recipe/provenance.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::commands {

namespace {

namespace fs = std::filesystem;
using extract::Report;

bool wants_json(const Arguments& arguments) { return arguments.has("--json") || arguments.text("--format") == "json"; }

void check_combination(const Arguments& arguments) {
    const auto exclude = [&](std::string_view one, std::string_view other, std::string_view why) {
        if (arguments.has(one) && arguments.has(other))
            throw Error(Fault::usage, fmt::format("{} and {} exclude each other{}", one, other, why),
                        "leave one of them out");
    };
    exclude("--stdout", "--output", "");
    exclude("--stdout", "--unpack", "");
    exclude("--stdout", "--list", "");
    exclude("--list", "--unpack", "");
    exclude("--list", "--output", ": --list writes no file");
    if (arguments.has("--stdout") && wants_json(arguments))
        throw Error(Fault::usage, "--stdout and --format json both want standard output", "leave one of them out");
}

std::string name_in(const std::string& path) { return path.substr(path.rfind('/') + 1); }
std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// One run: what was asked for, and the image it is asked of.
class Extraction {
public:
    Extraction(App& app, const Arguments& arguments)
        : app_(app),
          arguments_(arguments),
          reference_(oci::Reference::parse(arguments.operand)),
          recipe_(recipe::Recipe::from_tag(reference_.tag().value_or(""))),
          output_(arguments.text_or("--output", ".")) {
        if (const auto size = size_in(arguments, "--max-size")) limits_.kept_bytes = *size;
        if (arguments.has("--path")) check_path(arguments.text("--path"));
    }

    void run() {
        in_context("extracting from " + reference_.familiar(), [&] {
            registry::Repository repository(app_.http, reference_,
                                            user_access(app_, reference_, registry::Access::pull));
            image_ = image::open_published(repository, reference_, platform());
            note_ = image::PackageNote::find_in(image_.manifest.annotations);
            report_.image = fmt::format("{}@{}", reference_.familiar_name(), image_.digest.str());
            report_.digest = image_.digest;
            app_.progress.note("image: " + report_.image);
            if (arguments_.has("--list")) return list(repository);
            const std::string path = wanted_path();
            if (extract::Selection::is_for_several(path)) return take_tree(repository, path, {});
            take_file_or_folder(repository, path);
        });
    }

private:
    static void check_path(const std::string& path) {
        if (trim(path).empty()) throw Error(Fault::usage, "--path is empty", "give it a value, or leave it out");
        (void)extract::Selection::parse(path);
    }

    oci::Platform platform() const {
        if (arguments_.has("--platform")) return oci::Platform::parse(arguments_.text("--platform"));
        return recipe_ ? recipe_->platform : oci::Platform::of_this_machine();
    }

    std::string wanted_path() const {
        if (arguments_.has("--path")) return arguments_.text("--path");
        if (recipe_) return recipe_->package_path();
        if (note_ && names_package(note_->path)) return note_->path;
        throw Error(
            Fault::usage, fmt::format("the tag of {} does not say which runtime is in it", arguments_.operand),
            "name the file with --path /wasmx/dist/…, or the image by a tag such as v8-13.1.201.15-linux-arm64");
    }

    bool is_named_by_user() const { return arguments_.has("--path") || recipe_; }

    // Who publishes an image must not choose which file here is written: an annotation counts for the one name of the
    // contract, and replaces nothing.
    bool names_package(const std::string& path) const {
        const auto recipe = artifact::find_recipe_at(path);
        return recipe && recipe->platform == platform();
    }

    // What it is depends on what is there: `docker cp` does not ask either.
    void take_file_or_folder(registry::Repository& repository, const std::string& path) {
        try {
            take_file(repository, path);
        } catch (const extract::IsDirectory& directory) {
            if (arguments_.has("--stdout") || arguments_.has("--unpack"))
                throw Error(Fault::usage, directory.message(), "name one file with --path");
            if (directory.path().empty()) throw;
            std::string folder;
            for (const std::string& name : directory.path()) folder += "/" + name;
            take_tree(repository, folder + "/.", name_in(path));
        }
    }

    void take_file(registry::Repository& repository, const std::string& path) {
        auto file = extract::extract_file(repository, image_, path, note_, limits_, app_.progress);
        const std::string name = name_in(path);
        if (file.sha256_file) artifact::check_sha256_file(*file.sha256_file, name, file.entry.digest);
        report_.fetched = file.fetched;
        auto verdict = begin_check(path, file.content.body());
        if (arguments_.has("--stdout")) {
            report_.verified = verdict.get();
            io::FdSink out(STDOUT_FILENO);
            io::copy(*file.content.body().open(), out);
            return tell_fetched();
        }
        io::create_folders(output_);
        extract::Item item{.path = path, .entry = file.entry};
        if (arguments_.has("--unpack")) {
            report_.verified = verdict.get();
            report_.tree = unpack(name, file.content.body());
        } else {
            if (!is_named_by_user()) io::check_is_free(output_ / name);
            io::AtomicFile out(output_ / name);
            io::copy(*file.content.body().open(), out);
            out.sync();  // the disk is slow, and meanwhile the package is examined
            report_.verified = verdict.get();
            out.finish();
            item.path = (output_ / name).lexically_normal().string();
        }
        report_.items.push_back(std::move(item));
        finish();
    }

    // The package is for consumers that trust its form: a wrong one must not reach them. False: it is none of ours, or
    // is not to be looked at.
    std::future<bool> begin_check(const std::string& path, const io::Body& content) const {
        const auto recipe = recipe_ ? recipe_ : recipe::Recipe::from_package_name(name_in(path));
        const bool is_ours = recipe && extract::steps_of(path) == extract::steps_of(recipe->package_path());
        return std::async(std::launch::async, [=, wanted = is_ours && !arguments_.has("--no-verify")] {
            if (wanted) (void)artifact::inspect(content.open(), artifact::contract_of(*recipe));
            return wanted;
        });
    }

    // Returns the path of what the tarball's one top directory became.
    std::string unpack(const std::string& name, const io::Body& tarball) {
        return in_context("unpacking " + name, [&] {
            io::TreeWriter writer(output_);
            const std::string top = artifact::unpack(tarball, writer, limits_.kept_bytes);
            writer.finish();
            return (output_ / top).lexically_normal().string();
        });
    }

    void take_tree(registry::Repository& repository, const std::string& text, const std::string& prefix) {
        if (arguments_.has("--stdout") || arguments_.has("--unpack"))
            throw Error(Fault::usage, fmt::format("--path {} may be several files", text), "name one file");
        const auto tree = selected(repository, text, extract::Content::taken);
        io::TreeWriter writer(output_);
        const std::string above = prefix.empty() ? "" : prefix + "/";
        for (const auto& [path, entry] : tree.entries) {
            if (!is_to_write(path, entry)) continue;
            write(writer, tree, above + path, entry);
            report_.items.push_back({(output_ / (above + path)).lexically_normal().string(), entry});
        }
        writer.finish();
        finish();
    }

    // What would not be what it is in the image, or lead to files of this machine, is left out.
    bool is_to_write(const std::string& path, const extract::TreeEntry& entry) {
        using Type = io::TarEntry::Type;
        if (entry.type == Type::symlink && io::leads_out(path, entry.target)) {
            app_.progress.warn(fmt::format("{} is a link that leads out of what is taken, to {}, and left out",
                                           printable(path), printable(clipped(entry.target, 256))));
            return false;
        }
        const bool is_known = entry.type == Type::directory || entry.type == Type::file || entry.type == Type::symlink;
        if (!is_known) app_.progress.warn(fmt::format("{} is a device or the like, and left out", printable(path)));
        return is_known;
    }

    static void write(io::TreeWriter& writer, const extract::Tree& tree, const std::string& path,
                      const extract::TreeEntry& entry) {
        using Type = io::TarEntry::Type;
        if (entry.type == Type::directory) writer.add_folder(path, entry.mode, entry.mtime);
        if (entry.type == Type::symlink) writer.add_symlink(path, entry.target);
        if (entry.type == Type::file)
            writer.add_file(path, *tree.content.part(entry.at, entry.size).open(), entry.mode, entry.mtime);
    }

    extract::Tree selected(registry::Repository& repository, const std::string& text, extract::Content content,
                           std::size_t lowest = 0) {
        auto [tree, fetched] = extract::extract_tree(repository, image_, extract::Selection::parse(text), content,
                                                     limits_, app_.progress, lowest);
        if (tree.entries.empty() && extract::Selection::is_for_several(text))
            throw Error(Fault::not_found, fmt::format("nothing in the image matches {}", printable(text)),
                        "see what is there with --list --path /wasmx/dist");
        if (tree.entries.empty()) throw Error(Fault::not_found, fmt::format("{} is not in the image", printable(text)));
        report_.fetched = fetched;
        return std::move(tree);
    }

    bool is_of_package_folder(const std::string& text) const {
        if (!recipe_) return false;
        const auto folder = extract::steps_of(folder_of(recipe_->package_path()));
        const auto selection = extract::Selection::parse(text);
        extract::Path path = selection.base;
        if (path != folder && selection.is_literal() && selection.patterns.size() == 1)
            path.push_back(selection.patterns.front());
        return path == folder;
    }

    void list(registry::Repository& repository) {
        std::string text = arguments_.text("--path");
        if (text.empty()) text = folder_of(wanted_path()) + "/";
        // The package's folder is of our layers; what the base image has below is not worth hundreds of megabytes.
        const std::size_t lowest =
            is_of_package_folder(text) ? extract::lowest_layer_of(image_.config, recipe::is_step_of_ours) : 0;
        const auto tree = selected(repository, text, extract::Content::left, lowest);
        std::string base;
        for (const std::string& name : tree.base) base.append("/").append(name);
        for (const auto& [path, entry] : tree.entries)
            report_.items.push_back({fmt::format("{}/{}", base, path), entry});
        tell_fetched();
        app_.result(wants_json(arguments_) ? json_of(report_) : listing_of(report_));
    }

    void tell_fetched() {
        app_.progress.note(fmt::format("fetched {} of {}", human_bytes(report_.fetched.bytes),
                                       human_bytes(report_.fetched.image_size)));
    }

    void finish() {
        tell_fetched();
        if (in_github_actions()) tell_github();
        app_.result(wants_json(arguments_) ? json_of(report_) : lines_of(report_));
    }

    void tell_github() {
        const bool is_one = report_.items.size() == 1;
        set_output("path", report_.tree ? *report_.tree : is_one ? report_.items[0].path : output_.string());
        if (is_one) set_output("sha256", report_.items[0].entry.digest.hex());
        std::uint64_t size = 0;
        for (const extract::Item& item : report_.items) size += item.entry.size;
        set_output("size", std::to_string(size));
        set_output("digest", report_.digest.str());
        add_to_step_summary(app_, markdown_of(report_));
    }

    App& app_;
    const Arguments& arguments_;
    const oci::Reference reference_;
    const std::optional<recipe::Recipe> recipe_;
    const fs::path output_;
    extract::LayerLimits limits_;
    image::Published image_;
    std::optional<image::PackageNote> note_;
    Report report_;
};

}  // namespace

void run_extract(App& app, const Arguments& arguments) {
    annotating(app, "wasmx-image extract", [&] {
        check_combination(arguments);
        Extraction(app, arguments).run();
    });
}

}  // namespace wasmx::commands
