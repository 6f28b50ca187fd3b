// SPDX-License-Identifier: Apache-2.0
#include "engine/capacity.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/text.hpp"
#include "io/file.hpp"

namespace wasmx::engine {

namespace fs = std::filesystem;

std::string text_of_file(const fs::path& path) {
    try {
        return io::find_file(path).value_or("");
    } catch (const Error&) {
        return {};
    }
}

std::optional<std::uint64_t> processors_of_quota(std::optional<std::uint64_t> quota,
                                                 std::optional<std::uint64_t> period) {
    if (!quota || !period || *quota == 0 || *period == 0) return std::nullopt;
    return std::max<std::uint64_t>(1, (*quota + *period - 1) / *period);
}

namespace {

// Who listens on the socket: the one who called listen(2), which for a socket of systemd's is systemd.
std::optional<pid_t> peer_of(const std::string& socket_path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_path.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size() + 1);
    const io::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return std::nullopt;
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.pid <= 0) return std::nullopt;
    return peer.pid;
}

std::uint64_t memory_of_this_machine() {
    const std::string text = text_of_file("/proc/meminfo");
    for (const auto line : split(text, '\n')) {
        constexpr std::string_view key = "MemTotal:";
        if (!line.starts_with(key)) continue;
        const std::string_view rest = trim(line.substr(key.size()));
        return parse_number(rest.substr(0, rest.find(' '))).value_or(0) * 1024;
    }
    return 0;
}

// The listener may be an ssh that forwards to another machine, or the proxy of a virtual one: kernel and memory tell.
bool is_this_machine(const Info& info) {
    utsname name{};
    return ::uname(&name) == 0 && info.kernel == name.release && info.memory != 0 &&
           info.memory == memory_of_this_machine();
}

/// Takes the tightest of several limits, with the file that sets it.
void tighten(std::optional<std::uint64_t>& limit, std::string& file, std::optional<std::uint64_t> found,
             const fs::path& path) {
    if (!found || (limit && *limit <= *found)) return;
    limit = found;
    file = path.string();
}

// "max 100000", "150000 100000"
std::optional<std::uint64_t> processors_in_cpu_max(const fs::path& file) {
    const std::string text = text_of_file(file);
    const auto parts = split(trim(text), ' ');
    return parts.size() == 2 ? processors_of_quota(parse_number(parts[0]), parse_number(parts[1])) : std::nullopt;
}

void look_at_version_2(const fs::path& folder, CgroupLimits& limits) {
    const fs::path memory = folder / "memory.max";
    tighten(limits.memory, limits.memory_file, parse_number(trim(text_of_file(memory))), memory);
    const fs::path cpu = folder / "cpu.max";
    tighten(limits.processors, limits.processors_file, processors_in_cpu_max(cpu), cpu);
}

void look_at_version_1(const fs::path& folder, CgroupLimits& limits) {
    const fs::path memory = folder / "memory.limit_in_bytes";
    tighten(limits.memory, limits.memory_file, parse_number(trim(text_of_file(memory))), memory);
    const fs::path quota = folder / "cpu.cfs_quota_us";  // -1, no number of ours, is none
    const auto processors = processors_of_quota(parse_number(trim(text_of_file(quota))),
                                                parse_number(trim(text_of_file(folder / "cpu.cfs_period_us"))));
    tighten(limits.processors, limits.processors_file, processors, quota);
}

}  // namespace

CgroupLimits cgroup_limits(pid_t process, const fs::path& proc, const fs::path& cgroup) {
    CgroupLimits limits;
    // "4:memory:/docker/1a2b", "0::/system.slice/docker.service"
    const std::string rows = text_of_file(proc / std::to_string(process) / "cgroup");
    for (const auto row : split(rows, '\n')) {
        const auto first = row.find(':');
        const auto second = row.find(':', first + 1);
        if (first == std::string_view::npos || second == std::string_view::npos) continue;
        const std::string_view controllers = row.substr(first + 1, second - first - 1);
        const fs::path path = fs::path(row.substr(second + 1)).relative_path();
        if (path.string().find("..") != std::string::npos) continue;  // above what we can see
        const bool is_version_2 = controllers.empty();
        const fs::path top = is_version_2 ? cgroup : cgroup / controllers;
        for (fs::path folder = path;; folder = folder.parent_path()) {
            if (is_version_2) {
                look_at_version_2(top / folder, limits);
            } else {
                look_at_version_1(top / folder, limits);
            }
            if (folder.empty()) break;
        }
    }
    return limits;
}

std::optional<pid_t> find_local_process(const Endpoint& endpoint, const Info& info) {
    if (!is_this_machine(info)) return std::nullopt;
    return peer_of(endpoint.socket);
}

Capacity capacity_of(const Endpoint& endpoint, const Info& info) {
    Capacity out{
        .memory = info.memory, .memory_from = "/info", .processors = info.processors, .processors_from = "/info"};
    const auto process = find_local_process(endpoint, info);
    if (!process) return out;
    const CgroupLimits limits = cgroup_limits(*process, "/proc", "/sys/fs/cgroup");
    if (limits.memory && *limits.memory < out.memory) {
        out.memory = *limits.memory;
        out.memory_from = limits.memory_file;
    }
    if (limits.processors && *limits.processors < out.processors) {
        out.processors = *limits.processors;
        out.processors_from = limits.processors_file;
    }
    return out;
}

}  // namespace wasmx::engine
