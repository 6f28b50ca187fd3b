// SPDX-License-Identifier: Apache-2.0
#include "engine/owner.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>

#include "base/text.hpp"
#include "io/file.hpp"
#include "io/stream.hpp"

namespace wasmx::engine {

namespace {

// A file of the kernel; one that may not be read is as good as not there.
std::string text_of_file(const std::string& path) {
    try {
        return io::find_file(path).value_or("");
    } catch (const Error&) {
        return {};
    }
}

// Empty where the kernel does not tell.
const std::string& place() {
    constexpr std::size_t digits = 12;
    static const std::string here = [] {
        const std::string boot(trim(text_of_file("/proc/sys/kernel/random/boot_id")));
        std::error_code ignored;
        const std::string processes = std::filesystem::read_symlink("/proc/self/ns/pid", ignored).string();
        return boot.empty() || processes.empty() ? std::string()
                                                 : io::sha256(boot + processes).hex().substr(0, digits) + ".";
    }();
    return here;
}

// Empty: there is no such process.
std::string mark_of(std::string_view process) {
    constexpr std::size_t start_after_name = 20;
    const std::string stat = text_of_file(fmt::format("/proc/{}/stat", process));
    const auto words = split(std::string_view(stat).substr(std::min(stat.rfind(')'), stat.size())), ' ');
    return words.size() > start_after_name && !place().empty()
               ? fmt::format("{}{}.{}", place(), process, words[start_after_name])
               : std::string();
}

}  // namespace

std::string owner_mark() { return mark_of(std::to_string(::getpid())); }

std::string owned_name(std::string_view purpose) {
    static std::atomic<unsigned> number = 0;
    return fmt::format("wasmx-image-{}-{}-{}", purpose, owner_mark(), ++number);
}

std::string_view mark_in(std::string_view name) {
    if (name.starts_with('/')) name.remove_prefix(1);
    for (const std::string_view prefix : {"wasmx-image-layer-", "wasmx-image-probe-", "wasmx-image-reader-"}) {
        if (!name.starts_with(prefix)) continue;
        name.remove_prefix(prefix.size());
        return name.substr(0, name.rfind('-'));
    }
    return {};
}

bool has_owner_ended(std::string_view mark, std::int64_t created) {
    if (!place().empty() && mark.starts_with(place())) {
        const std::string_view process = mark.substr(place().size());
        const auto number = parse_number(process.substr(0, process.find('.')));
        return number && mark_of(std::to_string(*number)) != mark;
    }
    constexpr std::int64_t longest_push = 24 * 3600;
    return created < ::time(nullptr) - longest_push;
}

}  // namespace wasmx::engine
