// SPDX-License-Identifier: Apache-2.0
#include "engine/capacity.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

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

}  // namespace

std::optional<pid_t> find_local_process(const Endpoint& endpoint, const Info& info) {
    if (!is_this_machine(info)) return std::nullopt;
    return peer_of(endpoint.socket);
}

}  // namespace wasmx::engine
