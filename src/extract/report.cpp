// SPDX-License-Identifier: Apache-2.0
#include "extract/report.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/markdown.hpp"
#include "base/text.hpp"
#include "io/json.hpp"

namespace wasmx::extract {

namespace {

using Type = io::TarEntry::Type;
using Json = nlohmann::ordered_json;

constexpr int schema_version = 1;

std::string_view name_of(Type type) {
    switch (type) {
        case Type::file: return "file";
        case Type::directory: return "directory";
        case Type::symlink: return "symlink";
        case Type::hardlink: return "hardlink";
        case Type::whiteout:
        case Type::other: break;
    }
    return "special";
}

std::string mode_of(const TreeEntry& entry) {
    std::string out = entry.type == Type::directory ? "d"
                      : entry.type == Type::symlink ? "l"
                      : entry.type == Type::other   ? "?"
                                                    : "-";
    for (int bit = 8; bit >= 0; --bit) out += (entry.mode >> bit & 1U) != 0 ? "rwx"[(8 - bit) % 3] : '-';
    return out;
}

std::string time_of(const TreeEntry& entry) {
    // What a clock cannot show, fmt refuses.
    constexpr std::int64_t latest = 253'402'300'799;  // the end of the year 9999
    return fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(std::clamp<std::int64_t>(entry.mtime, 0, latest)));
}

// A backslash before the digest says that the name is escaped. (coreutils manual, "md5sum invocation")
std::string sum_line(const std::string& digest, const std::string& path) {
    const std::string name = escaped(path);
    return fmt::format("{}{}  {}", name == path ? "" : "\\", digest, name);
}

bool is_file(const Item& item) { return item.entry.type == Type::file; }

}  // namespace

std::string lines_of(const Report& report) {
    if (report.tree) return *report.tree;
    std::string out;
    for (const Item& item : report.items)
        if (is_file(item)) out += (out.empty() ? "" : "\n") + sum_line(item.entry.digest.hex(), item.path);
    return out;
}

std::string listing_of(const Report& report) {
    std::size_t width = 0;
    for (const Item& item : report.items) width = std::max(width, std::to_string(item.entry.size).size());
    std::string out;
    for (const auto& [path, entry] : report.items) {
        const bool is_link = entry.type == Type::symlink || entry.type == Type::hardlink;
        const std::string_view arrow = entry.type == Type::symlink ? " -> " : " link to ";
        out += fmt::format("{}{} {:>{}} {} {}{}", out.empty() ? "" : "\n", mode_of(entry), entry.size, width,
                           time_of(entry), printable(path), entry.type == Type::directory ? "/" : "");
        if (is_link) out += fmt::format("{}{}", arrow, printable(entry.target));
    }
    return out;
}

std::string json_of(const Report& report) {
    Json out{{"schema_version", schema_version},     {"image", report.image},
             {"digest", report.digest.str()},        {"entries", Json::array()},
             {"fetched", report.fetched.bytes},      {"image_size", report.fetched.image_size},
             {"layers_read", report.fetched.layers}, {"verified", report.verified}};
    if (report.tree) out["tree"] = *report.tree;
    for (const auto& [path, entry] : report.items) {
        Json row{{"path", path},         {"type", name_of(entry.type)},
                 {"size", entry.size},   {"mode", fmt::format("{:04o}", entry.mode)},
                 {"mtime", entry.mtime}, {"layer", entry.layer + 1}};
        if (entry.digest != Digest()) row["sha256"] = entry.digest.hex();
        if (!entry.target.empty()) row["target"] = entry.target;
        out["entries"].push_back(std::move(row));
    }
    return io::json_text(out, 2);
}

std::string markdown_of(const Report& report) {
    std::string out = "### wasmx-image extract\n\n| file | size | sha256 |\n|---|---:|---|\n";
    for (const Item& item : report.items)
        if (is_file(item))
            out += fmt::format("| {} | {} | `{}` |\n", markdown_cell(item.path), human_bytes(item.entry.size),
                               item.entry.digest.hex());
    out +=
        fmt::format("\nfrom {}: fetched {} of {}{}\n", markdown_cell(report.image), human_bytes(report.fetched.bytes),
                    human_bytes(report.fetched.image_size), report.verified ? ", verified" : "");
    return out;
}

}  // namespace wasmx::extract
