// SPDX-License-Identifier: Apache-2.0
#include "source/source.hpp"

#include <fmt/format.h>

#include "base/text.hpp"
#include "doctor/doctor.hpp"

namespace wasmx::doctor {

namespace {

/// Keeps warnings and notes, which become part of the finding; passes on the rest.
class Listener final : public Progress {
public:
    explicit Listener(Progress& inner) : inner_(inner) {}
    std::unique_ptr<Task> task(std::string name, std::uint64_t total) override {
        return inner_.task(std::move(name), total);
    }
    void note(std::string_view line) override { notes.emplace_back(line); }
    void warn(std::string_view line) override { warnings.emplace_back(line); }

    std::vector<std::string> warnings;
    std::vector<std::string> notes;

private:
    Progress& inner_;
};

}  // namespace

void source(Scene& scene, Result& result) {
    result.required = "the ngx_wasm_module tree, at a commit";
    result.where = scene.request.source.location == recipe::default_source ? "the default source" : "--source, --ref";
    Listener listener(scene.progress);
    auto tree = source::open(scene.request.source, listener, scene.stop);
    const std::string script = recipe::Recipe{scene.request.runtime, {}, oci::Platform::of_this_machine()}.script();
    if (tree->has_files() && !tree->find_file(script))
        throw Error(Fault::not_found, fmt::format("{} has no {}", tree->description(), script),
                    "--source wants the ngx_wasm_module tree");
    const auto& revision = tree->revision();
    result.observed = fmt::format("{}, {}", tree->description(),
                                  revision ? "commit " + revision->substr(0, 12) : std::string("no commit"));
    if (revision) result.details.push_back("commit " + *revision);
    result.details.insert(result.details.end(), listener.notes.begin(), listener.notes.end());
    if (!listener.warnings.empty()) {
        result.verdict = Verdict::warn;
        result.observed = listener.warnings.front();
        result.details.insert(result.details.end(), listener.warnings.begin() + 1, listener.warnings.end());
        if (!revision) result.hint = "commit the changes, or name a commit with --ref";
    }
    scene.tree.set(std::move(tree));
}

}  // namespace wasmx::doctor
