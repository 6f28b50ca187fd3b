// SPDX-License-Identifier: Apache-2.0
#include "engine/space.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/text.hpp"
#include "engine/capacity.hpp"
#include "io/file.hpp"

namespace wasmx::engine {

namespace {

std::optional<Space> space_at(int fd, std::string from) {
    struct statvfs status {};
    if (::fstatvfs(fd, &status) != 0) return std::nullopt;
    return Space{.size = static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize,
                 .free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize,
                 .from = std::move(from)};
}

// A path as the process sees it, links included. (openat2(2): RESOLVE_IN_ROOT)
std::optional<Space> space_seen_by(pid_t process, const std::string& path) {
    const io::Fd root(::open(fmt::format("/proc/{}/root", process).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return std::nullopt;
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT;
    const io::Fd folder(static_cast<int>(::syscall(SYS_openat2, root.get(), path.c_str(), &how, sizeof how)));
    return folder ? space_at(folder.get(), "statvfs " + path) : std::nullopt;
}

// For a user who may not look into the engine's process. Its cgroup says whether it stands in a container, where the
// same path is another place.
bool is_in_container(pid_t process) {
    const std::string cgroups = text_of_file(fmt::format("/proc/{}/cgroup", process));
    for (const std::string_view name : {"docker-", "/docker/", "libpod", "kubepods", "lxc", "crio", "containerd"})
        if (cgroups.find(name) != std::string::npos) return true;
    return cgroups.empty();
}

// The row of `df -P -k`: "overlay 263174212 180244224 69488940 73% /". (POSIX df)
Space space_in(std::string_view output, const std::string& image) {
    const auto lines = split(trim(output), '\n');
    std::vector<std::string_view> words;
    for (const auto word : split(trim(lines.back()), ' '))
        if (!word.empty()) words.push_back(word);
    const auto size = words.size() >= 6 ? parse_number(words[1]) : std::nullopt;
    const auto free = words.size() >= 6 ? parse_number(words[3]) : std::nullopt;
    if (!size || !free) throw Error(Fault::failed, "`df -P -k /` printed " + printable(clipped(output, 200)));
    return {.size = *size * 1024, .free = *free * 1024, .from = fmt::format("df in a container of {}", image)};
}

}  // namespace

std::optional<Space> find_local_space(const Endpoint& endpoint, const Info& info) {
    const auto process = find_local_process(endpoint, info);
    if (!process) return std::nullopt;
    if (auto space = space_seen_by(*process, info.root)) return space;
    if (is_in_container(*process)) return std::nullopt;
    const io::Fd folder(::open(info.root.c_str(), O_PATH | O_CLOEXEC));
    return folder ? space_at(folder.get(), "statvfs " + info.root) : std::nullopt;
}

Space space_in_container(Engine& engine, const std::string& image) {
    const CommandOutcome outcome = engine.run_command(image, {"df", "-P", "-k", "/"});
    if (outcome.exit_code != 0)
        throw Error(Fault::failed, fmt::format("`df -P -k /` in a container of {} ended with exit code {}: {}", image,
                                               outcome.exit_code, printable(clipped(trim(outcome.output), 200))));
    return space_in(outcome.output, image);
}

}  // namespace wasmx::engine
