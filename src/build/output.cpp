// SPDX-License-Identifier: Apache-2.0
#include "build/output.hpp"

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace wasmx::build {

namespace {

constexpr std::size_t longest_line = 1000;
constexpr std::size_t longest_open_line = std::size_t{64} * 1024;
constexpr std::size_t most_failure_lines = 40;
constexpr std::size_t lines_after_error = 12;
constexpr std::size_t most_facts = 100;
constexpr std::string_view mark_prefix = "==> ";

std::string shown(const std::string& line) { return std::string(clipped(printable(line), longest_line)); }

std::optional<std::string_view> after(std::string_view text, std::string_view prefix) {
    return text.starts_with(prefix) ? std::optional(text.substr(prefix.size())) : std::nullopt;
}

// "[812/1993] CXX x.o", as ninja's default NINJA_STATUS writes it.
std::optional<ScriptOutput::Count> count_in(std::string_view line) {
    const auto slash = line.find('/');
    const auto end = line.find("] ");
    if (!line.starts_with('[') || slash == std::string_view::npos || end == std::string_view::npos || end < slash)
        return std::nullopt;
    const auto done = parse_number(line.substr(1, slash - 1));
    const auto total = parse_number(line.substr(slash + 1, end - slash - 1));
    if (!done || !total || *total == 0 || *done > *total) return std::nullopt;
    return ScriptOutput::Count{*done, *total};
}

}  // namespace

void Tail::add(std::string_view bytes) {
    for (const char c : bytes) {
        if (c != '\n') {
            if (std::exchange(returned_, c == '\r') && c != '\r') open_.clear();  // a progress line writes over itself
            if (c != '\r' && open_.size() < 2 * longest_line)
                open_ += c;  // what is cut is the shown line, escape sequences gone
            continue;
        }
        returned_ = false;
        if (!open_.empty()) lines_.push_back(shown(std::exchange(open_, {})));
        if (lines_.size() > limit_) lines_.pop_front();
    }
}

std::vector<std::string> Tail::lines() const {
    std::vector<std::string> out(lines_.begin(), lines_.end());
    if (!open_.empty()) out.push_back(shown(open_));
    return out;
}

void ScriptOutput::add(std::string_view bytes, Progress::Stream stream) {
    std::string& open = open_[stream == Progress::Stream::out ? 0 : 1];
    while (!bytes.empty()) {
        const auto end = bytes.find('\n');
        const std::string_view piece = bytes.substr(0, end);
        if (open.size() < longest_open_line) open += piece.substr(0, longest_open_line - open.size());
        if (end == std::string_view::npos) return;
        bytes.remove_prefix(end + 1);
        const std::string line = std::exchange(open, {});
        tail_.add(line + "\n");
        take_line(line);
    }
}

void ScriptOutput::take_line(const std::string& line) {
    if (const auto mark = after(line, mark_prefix)) return take_mark(*mark);
    const auto count = count_in(line);
    // util/runtimes/v8.sh writes so what it gives to gn.
    constexpr std::string_view settings = "build settings: ";
    if (const auto at = line.find(settings); at != std::string::npos)
        facts_["settings"] = shown(line.substr(at + settings.size()));
    const bool begins_failure = line.starts_with("FAILED: ");
    const bool is_error = line.find("error:") != std::string::npos || line.find("Error:") != std::string::npos;
    if (begins_failure && !is_ninja_) {  // better than a compiler's error that stood outside of ninja
        failure_.clear();
        is_ninja_ = true;
        state_ = Failure::open;
    } else if (state_ == Failure::none && is_error) {
        state_ = Failure::open;
    } else if (state_ == Failure::open && (count || begins_failure || line.starts_with("ninja: "))) {
        state_ = Failure::closed;
    }
    const std::size_t most = is_ninja_ ? most_failure_lines : lines_after_error;
    if (state_ == Failure::open && failure_.size() < most && !trim(line).empty()) failure_.push_back(shown(line));
    if (count) count_ = count;
}

void ScriptOutput::take_mark(std::string_view mark) {
    if (const auto what = after(mark, "missing: ")) {
        missing_.push_back(shown(std::string(*what)));
    } else if (const auto kills = after(mark, "oom kills: ")) {
        has_oom_kills_ = kills->find_first_of("123456789") != std::string_view::npos;
    } else if (const auto space = after(mark, "free: ")) {
        if (const auto kib = parse_number(space->substr(0, space->find(' '))))
            free_bytes_ = std::min(free_bytes_.value_or(*kib * 1024), *kib * 1024);
    } else if (const auto fact = after(mark, "fact ")) {
        take_fact(*fact);
    } else {
        phase_ = printable(mark);
    }
}

void ScriptOutput::take_fact(std::string_view fact) {
    const auto colon = fact.find(": ");
    if (colon == 0 || colon == std::string_view::npos) return;
    const std::string name = shown(std::string(fact.substr(0, colon)));
    if (facts_.size() < most_facts || facts_.contains(name))
        facts_[name] = shown(std::string(trim(fact.substr(colon + 2))));
}

std::vector<std::string> ScriptOutput::explaining_lines() const {
    if (!failure_.empty()) return failure_;
    Tail tail = tail_;
    for (const std::string& open : open_)
        if (!open.empty()) tail.add(open + "\n");
    return tail.lines();
}

}  // namespace wasmx::build
