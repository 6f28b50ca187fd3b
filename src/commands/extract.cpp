// SPDX-License-Identifier: Apache-2.0
#include "commands/extract.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "artifact/artifact.hpp"
#include "base/text.hpp"
#include "commands/registry_access.hpp"
#include "extract/extract.hpp"
#include "io/file.hpp"
#include "recipe/recipe.hpp"

namespace wasmx::commands {

namespace {

std::string wanted_path(const Arguments& arguments, const std::optional<recipe::Recipe>& recipe) {
    if (std::string path = arguments.text("--path"); !path.empty()) return path;
    if (recipe) return recipe->package_path();
    throw Error(Fault::usage, fmt::format("the tag of {} does not say which runtime is in it", arguments.operand),
                "name the file with --path /wasmx/dist/…, or the image by a tag such as v8-13.1.201.15-linux-arm64");
}

// Holds what was extracted until all that is known of it has been checked.
class Spool final : public io::Sink {
public:
    void write(std::span<const std::byte> bytes) override { file_.write(bytes); }
    void finish() override {}
    io::SourcePtr open() const { return file_.body().open(); }

private:
    io::TempFile file_;
};

extract::Extracted extract_checked(registry::Repository& repository, const image::Published& image,
                                   const std::string& path, const std::string& name, io::Sink& sink,
                                   Progress& progress) {
    auto extracted = extract::extract_file(repository, image, path, sink, progress);
    if (extracted.sha256_file) artifact::check_sha256_file(*extracted.sha256_file, name, extracted.digest);
    return extracted;
}

}  // namespace

void run_extract(App& app, const Arguments& arguments) {
    if (arguments.has("--stdout") && arguments.has("--output"))
        throw Error(Fault::usage, "--stdout and --output exclude each other", "leave one of them out");
    const auto reference = oci::Reference::parse(arguments.operand);
    const auto recipe = recipe::Recipe::from_tag(reference.tag().value_or(""));
    const std::string path = wanted_path(arguments, recipe);
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name.empty() || name == "." || name == "..")
        throw Error(Fault::usage, fmt::format("--path {} names no file", path), "name one file");
    const auto platform = arguments.has("--platform") ? oci::Platform::parse(arguments.text("--platform"))
                          : recipe                    ? recipe->platform
                                                      : oci::Platform::of_this_machine();

    in_context("extracting from " + reference.familiar(), [&] {
        registry::Repository repository(app.http, reference, user_access(app, reference, registry::Access::pull));
        const auto image = image::open_published(repository, reference, platform);
        app.progress.note(fmt::format("image: {}@{}", reference.familiar_name(), image.digest.str()));
        if (arguments.has("--stdout")) {
            Spool spool;
            extract_checked(repository, image, path, name, spool, app.progress);
            io::FdSink out(STDOUT_FILENO);
            io::copy(*spool.open(), out);
            return;
        }
        const std::filesystem::path folder = arguments.text_or("--output", ".");
        std::filesystem::create_directories(folder);
        io::AtomicFile file(folder / name);
        const auto extracted = extract_checked(repository, image, path, name, file, app.progress);
        file.finish();
        app.progress.note(
            fmt::format("fetched {} of {}", human_bytes(extracted.fetched), human_bytes(extracted.image_size)));
        app.result(fmt::format("{}  {}", extracted.digest.hex(), (folder / name).lexically_normal().string()));
    });
}

}  // namespace wasmx::commands
