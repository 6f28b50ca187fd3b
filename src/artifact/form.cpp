// SPDX-License-Identifier: Apache-2.0
#include "artifact/form.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace wasmx::artifact {

namespace {

// `tar --sort=name` goes folder by folder: "a/b" before "a.c", though "/" is behind ".".
bool is_before(std::string_view a, std::string_view b) {
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto weight = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
        return weight(x) < weight(y);
    });
}

}  // namespace

void Form::add(const io::TarEntry& member) {
    std::string path = member.path;
    if (path.ends_with('/')) path.pop_back();
    if (unsorted_.empty() && last_ && is_before(path, *last_))
        unsorted_ = fmt::format("not sorted by name: {} is behind {}", printable(path), printable(*last_));
    if (owned_.empty() && (member.uid != 0 || member.gid != 0))
        owned_ = fmt::format("not owned by 0:0: {} by {}:{}", printable(path), member.uid, member.gid);
    if (time_ && other_time_.empty() && member.mtime != *time_)
        other_time_ = fmt::format("not of one time: {} is of {}, others of {}", printable(path), member.mtime, *time_);
    if (!time_) time_ = member.mtime;
    last_ = std::move(path);
}

// RFC 1952, 2.3
void Form::add_gzip_header(std::string_view head) {
    if (head.size() < 10) return;
    const auto flags = static_cast<unsigned char>(head[3]);
    constexpr unsigned extra = 4;
    constexpr unsigned name = 8;
    constexpr unsigned comment = 16;
    if (head.substr(4, 4) != std::string_view("\0\0\0\0", 4)) header_ = "the gzip header has a time";
    if ((flags & (extra | name | comment)) != 0)
        header_ += header_.empty() ? "the gzip header has a name or more" : ", and a name or more";
}

std::vector<std::string> Form::deviations() const {
    std::vector<std::string> out{unsorted_, other_time_, owned_, header_};
    std::erase(out, "");
    return out;
}

}  // namespace wasmx::artifact
