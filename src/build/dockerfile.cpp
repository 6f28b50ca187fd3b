// SPDX-License-Identifier: Apache-2.0
#include "build/dockerfile.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <regex>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "images/data.hpp"

namespace wasmx::build {

namespace {

// "# escape=`", of which there are some at the very top of a file: name and value.
std::optional<std::pair<std::string, std::string>> directive_in(std::string_view comment) {
    const auto equals = comment.find('=');
    const std::string name = lower(trim(comment.substr(1, equals - 1)));
    if (equals == std::string_view::npos || name.empty() || name.find(' ') != std::string::npos) return std::nullopt;
    return std::pair{name, std::string(trim(comment.substr(equals + 1)))};
}

// What ends the heredocs that an instruction begins: RUN <<EOF, COPY <<-"EOF" /path.
std::vector<std::string> heredocs_of(const std::string& instruction) {
    std::vector<std::string> out;
    const std::string keyword = lower(std::string_view(instruction).substr(0, instruction.find_first_of(" \t")));
    if (keyword != "run" && keyword != "copy" && keyword != "add") return out;
    static const std::regex mark(R"((?:^|\s)\d*<<-?(["']?)([A-Za-z_][\w.]*)\1(?=\s|$))");
    for (std::sregex_iterator at(instruction.begin(), instruction.end(), mark); at != std::sregex_iterator(); ++at)
        out.push_back((*at)[2]);
    return out;
}

// Lines as instructions: continued ones joined; comments, blank lines and the texts of heredocs gone.
std::vector<std::string> instructions(std::string_view text) {
    std::vector<std::string> out;
    std::vector<std::string> heredocs;
    std::string held;
    char escape = '\\';
    bool directives = true;
    for (const std::string_view raw : split(text, '\n')) {
        const std::string_view line = trim(raw);
        if (!heredocs.empty()) {
            if (line == heredocs.front()) heredocs.erase(heredocs.begin());
            continue;
        }
        if (line.starts_with('#')) {
            const auto directive = directives ? directive_in(line) : std::nullopt;
            directives = directive.has_value();
            if (directive && directive->first == "escape" && directive->second == "`") escape = '`';
            continue;
        }
        directives = false;
        if (line.empty()) continue;
        // Joined as they are: the end of a line may be the middle of a word.
        held += held.empty() ? line : raw.substr(0, static_cast<std::size_t>(line.end() - raw.begin()));
        if (line.back() == escape) {
            held.pop_back();
            continue;
        }
        heredocs = heredocs_of(held);
        out.push_back(std::exchange(held, {}));
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

using Values = std::map<std::string, std::string, std::less<>>;

std::size_t end_of_name(std::string_view text, std::size_t from) {
    const auto end = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(),
                                  [](char c) { return c != '_' && !std::isalnum(static_cast<unsigned char>(c)); });
    return static_cast<std::size_t>(end - text.begin());
}

// $NAME, ${NAME}, ${NAME:-default}, ${NAME:+other}; nullopt where a name is in it that nobody declared, or another
// form: the engine knows some (TARGETARCH) by itself.
std::optional<std::string> expanded(std::string_view text, const Values& values) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] != '$') {
            out += text[i++];
            continue;
        }
        const bool braced = text.substr(i).starts_with("${");
        const std::size_t begin = i + (braced ? 2 : 1);
        std::size_t end = end_of_name(text, begin);
        const auto found = values.find(text.substr(begin, end - begin));
        std::string value = found == values.end() ? std::string() : found->second;
        bool known = found != values.end();
        if (braced) {
            const std::string_view rest = text.substr(end);
            end = text.find('}', end);
            if (end == std::string_view::npos) return std::nullopt;
            ++end;
            if (const bool plus = rest.starts_with(":+"); plus || rest.starts_with(":-")) {
                known = true;
                if (plus != value.empty()) value = rest.substr(2, rest.find('}') - 2);
                if (value.find('$') != std::string::npos) return std::nullopt;
            } else if (rest.front() != '}') {
                return std::nullopt;
            }
        }
        if (!known) return std::nullopt;
        out += value;
        i = end;
    }
    return out;
}

void declare(std::string_view word, const std::map<std::string, std::string>& args, Values& values) {
    const auto equals = word.find('=');
    const std::string name(word.substr(0, equals));
    if (const auto given = args.find(name); given != args.end()) {
        values[name] = given->second;
    } else if (equals == std::string_view::npos) {
        values.try_emplace(name);
    } else if (auto value = expanded(unquoted(word.substr(equals + 1)), values)) {
        values[name] = *std::move(value);
    }
}

}  // namespace

std::vector<std::string> base_images(std::string_view dockerfile, const std::map<std::string, std::string>& args) {
    std::vector<std::string> out;
    Values values;
    std::set<std::string> stages;
    bool global = true;
    for (const std::string& instruction : instructions(dockerfile)) {
        auto words = words_of(instruction);
        const std::string keyword = words.empty() ? std::string() : lower(words.front());
        if (keyword == "arg" && global) {
            for (std::size_t i = 1; i < words.size(); ++i) declare(words[i], args, values);
        } else if (keyword == "from") {
            global = false;
            std::erase_if(words, [](const std::string& word) { return word.starts_with("--"); });
            if (words.size() < 2) continue;
            const std::string image = expanded(unquoted(words[1]), values).value_or("");
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
