// SPDX-License-Identifier: Apache-2.0
#include "build/dockerfile.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.hpp"
#include "images/data.hpp"

namespace wasmx::build {

namespace {

// Lines as instructions: continued ones joined, comments and blank ones gone.
std::vector<std::string> instructions(std::string_view text) {
    std::vector<std::string> out;
    std::string held;
    char escape = '\\';
    bool directives = true;
    for (const std::string_view raw : split(text, '\n')) {
        const std::string_view line = trim(raw);
        if (line.starts_with('#')) {
            const std::string directive = lower(line.substr(1));
            const auto equals = directive.find('=');
            if (directives && equals != std::string::npos && trim(std::string_view(directive).substr(0, equals)) == "escape" &&
                trim(std::string_view(directive).substr(equals + 1)) == "`")
                escape = '`';
            continue;
        }
        directives = false;
        if (line.empty()) continue;
        if (line.back() == escape) {
            held += std::string(line.substr(0, line.size() - 1)) + ' ';
            continue;
        }
        out.push_back(held + std::string(line));
        held.clear();
    }
    if (!held.empty()) out.push_back(held);
    return out;
}

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < line.size();) {
        const auto from = line.find_first_not_of(" \t", i);
        if (from == std::string_view::npos) break;
        i = std::min(line.find_first_of(" \t", from), line.size());
        out.emplace_back(line.substr(from, i - from));
    }
    return out;
}

std::string unquoted(std::string_view text) {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
        return std::string(text.substr(1, text.size() - 2));
    return std::string(text);
}

// $NAME, ${NAME}, ${NAME:-default}, ${NAME:+other}
std::string expanded(std::string_view text, const std::map<std::string, std::string>& values) {
    const auto value_of = [&](std::string_view name) {
        const auto found = values.find(std::string(name));
        return found == values.end() ? std::string() : found->second;
    };
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '$' || i + 1 == text.size()) {
            out += text[i++];
        } else if (text[i + 1] == '{') {
            const auto end = std::min(text.find('}', i), text.size());
            const auto inner = text.substr(i + 2, end - i - 2);
            const auto colon = inner.find(':');
            const std::string value = value_of(inner.substr(0, colon));
            if (colon != std::string_view::npos && colon + 1 < inner.size()) {
                const bool wants_set = inner[colon + 1] == '+';
                out += wants_set == value.empty() ? (wants_set ? std::string() : value)
                       : wants_set                ? std::string(inner.substr(colon + 2))
                                                  : value;
                if (!wants_set && value.empty()) out += inner.substr(colon + 2);
            } else {
                out += value;
            }
            i = end + 1;
        } else {
            std::size_t end = i + 1;
            while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) ++end;
            out += value_of(text.substr(i + 1, end - i - 1));
            i = end;
        }
    }
    return out;
}

}  // namespace

std::vector<std::string> base_images(std::string_view dockerfile, const std::map<std::string, std::string>& args) {
    std::vector<std::string> out;
    std::map<std::string, std::string> values;
    std::set<std::string> stages;
    for (const std::string& instruction : instructions(dockerfile)) {
        auto words = words_of(instruction);
        const std::string keyword = words.empty() ? std::string() : lower(words.front());
        if (keyword == "arg" && stages.empty() && out.empty()) {
            for (std::size_t i = 1; i < words.size(); ++i) {
                const auto equals = words[i].find('=');
                const std::string name = words[i].substr(0, equals);
                if (const auto given = args.find(name); given != args.end()) {
                    values[name] = given->second;
                } else if (equals != std::string::npos) {
                    values[name] = expanded(unquoted(std::string_view(words[i]).substr(equals + 1)), values);
                }
            }
        } else if (keyword == "from") {
            std::erase_if(words, [](const std::string& word) { return word.starts_with("--"); });
            if (words.size() < 2) continue;
            const std::string image = expanded(unquoted(words[1]), values);
            const bool own = image.empty() || image == "scratch" || stages.contains(lower(image));
            if (!own && std::find(out.begin(), out.end(), image) == out.end()) out.push_back(image);
            if (words.size() >= 4 && lower(words[2]) == "as") stages.insert(lower(words[3]));
        }
    }
    return out;
}

std::string runtime_dockerfile(const std::string& base) {
    std::string out(images::runtime_dockerfile());
    const auto fill = [&](std::string_view mark, const std::string& text) {
        // The last one: the file's own comment names the marks too.
        out.replace(out.rfind(mark), mark.size(), text);
    };
    fill("@SCRIPT@", nlohmann::json(images::runtime_script()).dump());
    out.replace(out.find("FROM @BASE@"), std::string_view("FROM @BASE@").size(), "FROM " + base);
    return out;
}

}  // namespace wasmx::build
