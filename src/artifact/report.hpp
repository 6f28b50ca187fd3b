// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wasmx::artifact {

enum class Verdict { pass, warn, fail, skip };
std::string_view name_of(Verdict verdict);  ///< "pass"

/// One thing that the contract asks, and what was found.
struct Point {
    std::string id;     ///< "libraries"
    std::string title;  ///< "every member of every library is an object for the platform"
    Verdict verdict = Verdict::pass;
    std::string observed{};              ///< one line: what is right, or wrong; of what was skipped: why
    std::vector<std::string> details{};  ///< one for each thing that is wrong
    std::string hint{};                  ///< the next step, where one is known
};

struct Report {
    std::string subject;  ///< what was verified: a file, an image with its digest
    std::string package_name;
    std::string platform;  ///< linux/arm64
    std::string digest;    ///< of the package; empty when it was not read
    std::uint64_t size = 0;
    std::uint64_t files = 0;
    std::vector<Point> points;
    bool strict = false;  ///< a warning fails too

    bool is_well() const;
    /// The ids of the points that make it not so.
    std::vector<std::string> culprits() const;
    std::size_t count(Verdict verdict) const;
};

/// How text is to look.
struct Style {
    bool colour = false;
    bool symbols = false;  ///< ✓ and ✗ instead of words
    bool verbose = false;
    std::size_t width = 4096;  ///< longer lines go on below
};
/// Without a newline at the end.
std::string text_of(const Report& report, const Style& style);
/// As src/artifact/report.schema.json describes it.
std::string json_of(const Report& report);

}  // namespace wasmx::artifact
