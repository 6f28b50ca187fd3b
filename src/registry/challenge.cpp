// SPDX-License-Identifier: Apache-2.0
#include "registry/challenge.hpp"

#include "base/text.hpp"

namespace wasmx::registry {

namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// (RFC 9110, 5.6.2)
constexpr bool is_token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

/// Walks one header line.
class LineParser {
public:
    explicit LineParser(std::string_view line) : rest_(line) {}

    void run(std::vector<Challenge>& out) {
        for (skip_separators(); !rest_.empty(); skip_separators()) {
            Challenge challenge;
            challenge.scheme = lower(take_while(is_token_char));
            if (challenge.scheme.empty()) {  // garbage: go on behind the next comma
                take_while([](char c) { return c != ','; });
                continue;
            }
            skip_token68();
            while (take_parameter(challenge)) {
            }
            out.push_back(std::move(challenge));
        }
    }

private:
    template <class Accepts>
    std::string_view take_while(Accepts accepts) {
        std::size_t count = 0;
        while (count < rest_.size() && accepts(rest_[count])) ++count;
        const auto taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    void skip_blanks() { take_while(is_blank); }
    void skip_separators() {
        take_while([](char c) { return is_blank(c) || c == ','; });
    }

    // A scheme may be followed by one opaque value instead of parameters: "Negotiate YIIC==".
    void skip_token68() {
        const auto before = rest_;
        skip_blanks();
        const auto letters = take_while([](char c) { return is_token_char(c) || c == '/'; });
        take_while([](char c) { return c == '='; });
        skip_blanks();
        // Where a parameter's value or the next scheme follows, it was none.
        if (letters.empty() || before.size() == rest_.size() || !(rest_.empty() || rest_[0] == ',')) rest_ = before;
    }

    // False, and nothing taken, when what follows is the next scheme.
    bool take_parameter(Challenge& challenge) {
        const auto before = rest_;
        skip_separators();
        const std::string name = lower(take_while(is_token_char));
        skip_blanks();
        if (name.empty() || !rest_.starts_with('=')) {
            rest_ = before;
            return false;
        }
        rest_.remove_prefix(1);
        skip_blanks();
        challenge.parameters.emplace(name, take_value());
        return true;
    }

    std::string take_value() {
        // Wider than the grammar: unquoted URLs are real.
        if (!rest_.starts_with('"')) return std::string(take_while([](char c) { return c != ',' && !is_blank(c); }));
        rest_.remove_prefix(1);
        std::string value;
        while (!rest_.empty() && rest_[0] != '"') {
            if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
            value += rest_[0];
            rest_.remove_prefix(1);
        }
        if (!rest_.empty()) rest_.remove_prefix(1);
        return value;
    }

    std::string_view rest_;
};

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
    const auto found = parameters.find(name);
    return found == parameters.end() ? std::string() : found->second;
}

bool Challenge::wants_more_scope() const {
    return parameter("error") == "insufficient_scope" && !parameter("scope").empty();
}

std::vector<Challenge> parse_challenges(const std::vector<std::string>& lines) {
    std::vector<Challenge> out;
    for (const std::string& line : lines) LineParser(line).run(out);
    return out;
}

const Challenge* choose_challenge(const std::vector<Challenge>& challenges) {
    for (const std::string_view scheme : {"bearer", "basic"})
        for (const Challenge& challenge : challenges)
            if (challenge.scheme == scheme) return &challenge;
    return nullptr;
}

}  // namespace wasmx::registry
