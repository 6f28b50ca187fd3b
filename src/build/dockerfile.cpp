// SPDX-License-Identifier: Apache-2.0
#include "build/dockerfile.hpp"

#include <algorithm>
#include <cctype>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "base/text.hpp"

namespace wasmx::build {

namespace {

// "# escape=`", of which there are some at the very top of a file: name and value.
std::optional<std::pair<std::string, std::string>> directive_in(std::string_view comment) {
    const auto equals = comment.find('=');
    const std::string name = lower(trim(comment.substr(1, equals - 1)));
    if (equals == std::string_view::npos || name.empty() || name.find(' ') != std::string::npos) return std::nullopt;
    return std::pair{name, std::string(trim(comment.substr(equals + 1)))};
}

bool is_blank(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> out;
    for (auto at = line.begin(); at != line.end();) {
        const auto begin = std::find_if_not(at, line.end(), is_blank);
        at = std::find_if(begin, line.end(), is_blank);
        if (begin != at) out.emplace_back(begin, at);
    }
    return out;
}

// 3<<-"EOF": what ends it, without the quotes; nullopt for any other word. (moby/buildkit, parser: reHeredoc)
std::optional<std::string> heredoc_in(std::string_view word) {
    while (!word.empty() && is_digit(word.front())) word.remove_prefix(1);
    if (!word.starts_with("<<")) return std::nullopt;
    word.remove_prefix(word.starts_with("<<-") ? 3 : 2);
    const bool is_quoted = word.starts_with('"') || word.starts_with('\'');
    if (is_quoted && (word.size() < 2 || word.back() != word.front())) return std::nullopt;
    if (is_quoted) word = word.substr(1, word.size() - 2);
    const bool is_one = !word.empty() && is_name(word.front()) && !is_digit(word.front()) &&
                        std::all_of(word.begin(), word.end(), [](char c) { return is_name(c) || c == '.'; });
    return is_one ? std::optional(std::string(word)) : std::nullopt;
}

// What ends the heredocs that an instruction begins: RUN <<EOF, COPY <<-"EOF" /path.
std::deque<std::string> heredocs_of(const std::string& instruction) {
    std::deque<std::string> out;
    const std::string keyword = lower(std::string_view(instruction).substr(0, instruction.find_first_of(" \t")));
    if (keyword != "run" && keyword != "copy" && keyword != "add") return out;
    for (const std::string& word : words_of(instruction))
        if (auto end = heredoc_in(word)) out.push_back(*std::move(end));
    return out;
}

// Lines as instructions: continued ones joined; comments, blank lines and the texts of heredocs gone.
std::vector<std::string> instructions(std::string_view text) {
    std::vector<std::string> out;
    std::deque<std::string> heredocs;
    std::string held;
    char escape = '\\';
    bool directives = true;
    for (const std::string_view raw : split(text, '\n')) {
        const std::string_view line = trim(raw);
        if (!heredocs.empty()) {
            if (line == heredocs.front()) heredocs.pop_front();
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

std::string unquoted(std::string_view text) {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front())
        return std::string(text.substr(1, text.size() - 2));
    return std::string(text);
}

using Values = std::map<std::string, std::string, std::less<>>;

std::size_t end_of_name(std::string_view text, std::size_t from) {
    const auto end = std::find_if_not(text.begin() + static_cast<std::ptrdiff_t>(from), text.end(), is_name);
    return static_cast<std::size_t>(end - text.begin());
}

// Longer than any name of an image. ARGs that name one another twice each would fill the memory in a few lines.
constexpr std::size_t longest_value = 4096;

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
        if (out.size() > longest_value) return std::nullopt;
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
    std::set<std::string> seen;
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
            if (!own && seen.insert(image).second) out.push_back(image);
            if (words.size() >= 4 && lower(words[2]) == "as") stages.insert(lower(words[3]));
        }
    }
    return out;
}

}  // namespace wasmx::build
