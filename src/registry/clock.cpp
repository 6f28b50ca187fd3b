// SPDX-License-Identifier: Apache-2.0
#include "registry/clock.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <condition_variable>
#include <mutex>

#include "base/error.hpp"

namespace wasmx::registry {

namespace {

class SystemClock final : public Clock {
public:
    TimePoint now() const override { return std::chrono::system_clock::now(); }

    void wait(milliseconds duration, const std::stop_token& stop) override {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        never.wait_for(lock, stop, duration, [] { return false; });
        if (stop.stop_requested()) throw_interrupted();
    }
};

/// Reads a text of fixed shape from left to right; after the first mismatch everything fails.
class Cursor {
public:
    explicit Cursor(std::string_view text) : text_(text) {}

    Cursor& expect(std::string_view literal) {
        ok_ = ok_ && text_.starts_with(literal);
        if (ok_) text_.remove_prefix(literal.size());
        return *this;
    }
    // Exactly `digits` digits.
    int number(std::size_t digits) {
        int value = 0;
        ok_ = ok_ && text_.size() >= digits;
        for (std::size_t i = 0; ok_ && i < digits; ++i) {
            ok_ = text_[i] >= '0' && text_[i] <= '9';
            value = value * 10 + (text_[i] - '0');
        }
        if (ok_) text_.remove_prefix(digits);
        return ok_ ? value : 0;
    }
    // One of several words of three letters; its place, from 0.
    template <std::size_t count>
    int word(const std::array<std::string_view, count>& words) {
        for (std::size_t i = 0; ok_ && i < count; ++i) {
            if (!text_.starts_with(words[i])) continue;
            text_.remove_prefix(words[i].size());
            return static_cast<int>(i);
        }
        ok_ = false;
        return 0;
    }
    void skip_fraction() {
        if (!text_.starts_with('.')) return;
        text_.remove_prefix(1);
        while (!text_.empty() && text_[0] >= '0' && text_[0] <= '9') text_.remove_prefix(1);
    }
    std::string_view rest() const { return text_; }
    bool ok() const { return ok_; }
    bool at_end() const { return ok_ && text_.empty(); }

private:
    std::string_view text_;
    bool ok_ = true;
};

std::optional<TimePoint> time_of(int year, int month, int day, int hour, int minute, int second) {
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    // Before and after that, a system_clock that counts nanoseconds is close to its ends, or beyond them.
    if (year < 1970 || year > 2200) return std::nullopt;
    if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;  // 60: a leap second
    return std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
           std::chrono::seconds(second);
}

constexpr std::array<std::string_view, 7> weekdays{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Unit {
    std::string_view name;
    double in_milliseconds;
};
// Longer names first: "ms" is no "m". The micro sign has two code points (U+00B5, U+03BC).
constexpr std::array units{Unit{"ns", 1e-6}, Unit{"us", 1e-3}, Unit{"\xc2\xb5s", 1e-3}, Unit{"\xce\xbcs", 1e-3},
                           Unit{"ms", 1},    Unit{"s", 1e3},   Unit{"m", 60e3},         Unit{"h", 3600e3}};

}  // namespace

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

std::optional<TimePoint> parse_http_date(std::string_view text) {
    Cursor at(text);
    (void)at.word(weekdays);
    const int day = at.expect(", ").number(2);
    const int month = at.expect(" ").word(months) + 1;
    const int year = at.expect(" ").number(4);
    const int hour = at.expect(" ").number(2);
    const int minute = at.expect(":").number(2);
    const int second = at.expect(":").number(2);
    if (!at.expect(" GMT").at_end()) return std::nullopt;
    return time_of(year, month, day, hour, minute, second);
}

std::optional<TimePoint> parse_timestamp(std::string_view text) {
    Cursor at(text);
    const int year = at.number(4);
    const int month = at.expect("-").number(2);
    const int day = at.expect("-").number(2);
    const int hour = at.expect(text.find('t') == std::string_view::npos ? "T" : "t").number(2);
    const int minute = at.expect(":").number(2);
    const int second = at.expect(":").number(2);
    at.skip_fraction();
    if (!at.ok()) return std::nullopt;
    std::chrono::minutes offset{0};
    if (const auto zone = at.rest(); zone.starts_with('+') || zone.starts_with('-')) {
        const int sign = zone[0] == '+' ? 1 : -1;
        const int hours = at.expect(zone.substr(0, 1)).number(2);
        offset = sign * (std::chrono::hours(hours) + std::chrono::minutes(at.expect(":").number(2)));
    } else {
        at.expect(zone == "z" ? "z" : "Z");
    }
    const auto local = at.at_end() ? time_of(year, month, day, hour, minute, second) : std::nullopt;
    return local ? std::optional(*local - offset) : std::nullopt;
}

std::optional<milliseconds> parse_go_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    double total = 0;
    while (!text.empty()) {
        double value = 0;
        // Checked first, since from_chars would also take "inf", "nan" and a sign.
        if (text[0] != '.' && (text[0] < '0' || text[0] > '9')) return std::nullopt;
        const auto [end, error] =
            std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
        if (error != std::errc()) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        const Unit* found = nullptr;
        for (const Unit& unit : units)
            if (found == nullptr && text.starts_with(unit.name)) found = &unit;
        if (found == nullptr) return std::nullopt;
        text.remove_prefix(found->name.size());
        total += value * found->in_milliseconds;
    }
    constexpr double longest = 1e12;  // some thirty years: what is above does not fit and is no sensible wait
    if (total > longest) return std::nullopt;
    return milliseconds(static_cast<milliseconds::rep>(std::ceil(total)));
}

}  // namespace wasmx::registry
