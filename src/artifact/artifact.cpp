// SPDX-License-Identifier: Apache-2.0
#include "artifact/artifact.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "artifact/listing.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::artifact {

namespace {

// A broken archive can have a point against each member; the first ones tell what it is about.
constexpr std::size_t most_points = 50;

// Passes the bytes on and remembers whether they began as a gzip file does: TarReader takes other compressions too, and
// none, where consumers run `tar xzf` and Bazel goes by the name. (RFC 1952, 2.3.1)
class GzipSniffer final : public io::Source {
public:
    explicit GzipSniffer(io::SourcePtr upstream) : upstream_(std::move(upstream)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = upstream_->read(buffer);
        for (std::size_t i = 0; i < count && seen_ < magic.size(); ++i, ++seen_)
            matches_ = matches_ && buffer[i] == magic[seen_];
        return count;
    }
    bool is_gzip() const noexcept { return seen_ == magic.size() && matches_; }

private:
    static constexpr std::array magic{std::byte{0x1f}, std::byte{0x8b}};
    io::SourcePtr upstream_;
    std::size_t seen_ = 0;
    bool matches_ = true;
};

std::vector<std::string> points_against(const Listing& listing, const Contract& contract) {
    std::vector<std::string> points;
    const auto tops = listing.top_names();
    if (tops.empty()) points.emplace_back("it holds nothing");
    if (tops.size() > 1) points.push_back(fmt::format("more than one name at the top: {}", fmt::join(tops, ", ")));
    if (tops.size() == 1 && tops[0] != contract.top_directory)
        points.push_back(fmt::format("the top directory is {}, not {}", tops[0], contract.top_directory));
    // Below whatever the one directory is called, so that a wrong name is one point and not as many as there are files.
    const std::string& top = tops.size() == 1 ? tops[0] : contract.top_directory;
    if (listing.find_file(top)) points.push_back(fmt::format("{} is a file, no directory", top));
    for (const std::string& name : contract.required_files) {
        const auto size = listing.find_file(fmt::format("{}/{}", top, name));
        if (!size) points.push_back(fmt::format("{} is missing", name));
        if (size == 0U) points.push_back(fmt::format("{} is empty", name));
    }
    for (std::string& violation : listing.violations()) points.push_back(std::move(violation));
    return points;
}

void throw_if_any(std::vector<std::string> points, const std::string& package_name) {
    if (points.empty()) return;
    if (points.size() > most_points) {
        const std::size_t more = points.size() - most_points;
        points.resize(most_points);
        points.push_back(fmt::format("and {} more", more));
    }
    std::string text = fmt::format("{} is not what its consumers expect:", package_name);
    for (const std::string& point : points) text += "\n  - " + printable(point);
    throw Error(Fault::integrity, std::move(text));
}

}  // namespace

Summary inspect(io::SourcePtr tarball, const Contract& contract) {
    io::Tally tally;
    GzipSniffer source(io::digesting(std::move(tarball), tally));
    Listing listing;
    in_context(fmt::format("reading {}", contract.package_name), [&] {
        io::TarReader reader(source);
        while (const auto member = reader.next()) listing.add(*member);
        io::drain(source);  // the digest is of the whole file
    });
    auto points = points_against(listing, contract);
    if (!source.is_gzip()) points.insert(points.begin(), "it is not compressed with gzip");
    throw_if_any(std::move(points), contract.package_name);
    return {.digest = tally.digest, .size = tally.size, .files = listing.files()};
}

}  // namespace wasmx::artifact
