// SPDX-License-Identifier: Apache-2.0
#pragma once
// doctor: tells beforehand whether `build --push` will work here: named checks, each with what it saw and what mends
// it. It changes nothing but the cache of sources, and does not know how an image is built or pushed.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "doctor/scene.hpp"
#include "image/published.hpp"

namespace wasmx::doctor {

enum class Verdict { pass, warn, fail, skip };
std::string_view name_of(Verdict verdict);  ///< "pass"

/// What a check finds. It passes unless it says otherwise; an Error that leaves it makes it a fail, with the error's
/// message and hint.
struct Result {
    Verdict verdict = Verdict::pass;
    std::string observed;                          ///< one line
    std::string required;                          ///< one line
    std::string where;                             ///< where it was read: a file, a variable, a URL
    std::string hint;                              ///< the next step; a command where there is one
    std::vector<std::string> details;              ///< more lines, for who wants to know
    std::map<std::string, std::uint64_t> figures;  ///< for programs: "memory_bytes"
    Fault fault = Fault::failed;                   ///< of a fail: the kind of the error
};

/// One row of the table in checks.cpp.
struct Check {
    std::string id;          ///< "engine-memory": its function's name, with dashes
    std::string_view group;  ///< "engine", "inputs", "registry"
    std::string_view title;
    std::vector<std::string> needs;  ///< ids of those that run before, since it may want to know what they learned
    void (*run)(Scene&, Result&);
};
const std::vector<Check>& checks();

/// A check that has run, or has been skipped.
struct Finding {
    Check check;
    Result result;
    double seconds = 0;
    bool ignored = false;  ///< it failed, and that counts as a warning only
};

/// Which checks, and what their failure means.
struct Selection {
    std::vector<std::string> only;    ///< these and what they need; empty: all
    std::vector<std::string> ignore;  ///< a fail of these becomes a warning
    enum class Warnings { bear, fail };
    Warnings warnings = Warnings::bear;
};
/// Throws Fault::usage for an id that no check has, with the nearest.
void check_selection(const Selection& selection);

struct Report {
    std::vector<Finding> findings;  ///< in the table's order
    double seconds = 0;
    Selection::Warnings warnings = Selection::Warnings::bear;

    /// Nothing failed; nor warned, where that fails.
    bool is_well() const;
    /// The ids of the checks that make it not so.
    std::vector<std::string> culprits() const;
    std::size_t count(Verdict verdict) const;
    std::vector<std::string> ids(Verdict verdict) const;
};

/// What a registry has under a tag, held against what is to be published there: the one rule on overwriting.
struct PublishedTag {
    Digest digest;
    std::optional<image::Published> image;  ///< nullopt when it is no image for the platform
    std::vector<std::string> differences;   ///< empty: the same commit, version and base
};
/// nullopt: nothing.
std::optional<PublishedTag> find_published_tag(registry::Repository& repository, const oci::Reference& target,
                                               const oci::Platform& platform, const recipe::Provenance& wanted);
/// "… is published, and another one: commit 1a2b instead of 3c4d"
std::string text_of(const PublishedTag& tag, const oci::Reference& target);
inline constexpr std::string_view overwrite_hint =
    "take another version or --tag; --overwrite replaces it, and breaks whoever has pinned the sha256 of its package";

/// Runs the checks, those that do not need one another at the same time. What they learn stays in the scene. Throws
/// only when we are asked to stop.
Report examine(Scene& scene, const Selection& selection, const std::vector<Check>& table = checks());

/// How text is to look.
struct Style {
    bool colour = false;
    bool symbols = false;      ///< ✓ and ✗ instead of words
    bool verbose = false;      ///< all that is known of every check
    std::size_t width = 4096;  ///< longer lines go on below
};
std::string text_of(const Report& report, const Style& style);
/// One finding, as `text_of` has it, without a newline at the end.
std::string text_of(const Finding& finding, const Style& style);
/// "11 passed, 1 warning, 1 failed, 2 skipped"
std::string summary_of(const Report& report);
/// As src/doctor/report.schema.json describes it.
std::string json_of(const Report& report);
/// A table for the summary of a step in GitHub Actions.
std::string markdown_of(const Report& report);

}  // namespace wasmx::doctor
