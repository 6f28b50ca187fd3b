// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "extract/extract.hpp"

namespace wasmx::extract {

/// Something that was taken, or that is there.
struct Item {
    std::string path;  ///< where it was written, or where it is in the image
    TreeEntry entry;
};

/// What came of an extraction, for people and programs.
struct Report {
    std::string image;  ///< "ghcr.io/kong/x:tag@sha256:…"
    Digest digest;      ///< the image manifest's
    std::vector<Item> items;
    std::optional<std::string> tree;  ///< where the package was unpacked
    Fetched fetched;
    bool verified = false;  ///< the package was held against its contract
};

/// A line for each file as sha256sum writes it; with a tree, its path.
std::string lines_of(const Report& report);
/// As `ls -l` shows it, without owners.
std::string listing_of(const Report& report);
/// As src/extract/report.schema.json describes it.
std::string json_of(const Report& report);
/// For the page of a step.
std::string markdown_of(const Report& report);

}  // namespace wasmx::extract
