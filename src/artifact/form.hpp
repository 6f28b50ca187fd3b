// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/tar.hpp"

namespace wasmx::artifact {

/// Whether an archive has the form in which equal files give equal bytes: members sorted, of one time, owned by nobody;
/// and a gzip header that says neither a name nor a time.
class Form {
public:
    void add(const io::TarEntry& member);
    /// The first bytes of the .gz.
    void add_gzip_header(std::string_view head);

    /// A line for each thing that is not so.
    std::vector<std::string> deviations() const;

private:
    std::optional<std::string> last_;
    std::optional<std::int64_t> time_;
    std::string unsorted_;
    std::string owned_;
    std::string other_time_;
    std::string header_;
};

}  // namespace wasmx::artifact
