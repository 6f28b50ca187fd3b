// SPDX-License-Identifier: Apache-2.0
#include "build/cause.hpp"

#include <array>
#include <string_view>

namespace wasmx::build {

namespace {

constexpr std::string_view memory =
    "a compiler was killed because memory ran out: give the build fewer jobs (--jobs 2) or the machine more memory, "
    "and run the same command again: it goes on where it stopped";
constexpr std::string_view disk =
    "the engine's disk is full, or a quota on it is used up: `docker system df` shows what takes it; make room and "
    "run the same command again: it goes on where it stopped";
constexpr std::string_view network =
    "a container of this engine does not reach the network: try `docker run --rm BASE curl -I URL`; behind a proxy, "
    "set `proxies` in ~/.docker/config.json";
constexpr std::string_view files =
    "the limit of open files in containers is too low: raise `default-ulimits` (nofile) in the engine's daemon.json";
constexpr std::string_view processes =
    "the limit of processes in containers is reached: give the build fewer jobs (--jobs), or raise the limit "
    "(`docker info` names PidsLimit; nproc of `default-ulimits` in daemon.json)";
constexpr std::string_view seccomp =
    "the engine's seccomp profile is older than the programs in the base image (Docker before 20.10.10 refuses "
    "clone3): upgrade the engine";

struct Sign {
    std::string_view text;
    std::string_view hint;
};

constexpr std::array signs{
    Sign{"Killed signal terminated program", memory},
    Sign{"unable to execute command: Killed", memory},
    Sign{"annot allocate memory", memory},
    Sign{"virtual memory exhausted", memory},
    Sign{"std::bad_alloc", memory},
    Sign{"o space left on device", disk},
    Sign{"isk quota exceeded", disk},
    Sign{"oo many open files", files},
    Sign{"pthread_create failed: Operation not permitted", seccomp},
    Sign{"clone3: Operation not permitted", seccomp},
    Sign{"can't start new thread", seccomp},
    Sign{"getaddrinfo() thread failed to start", seccomp},
    Sign{"unable to create thread: Operation not permitted", seccomp},
    Sign{"esource temporarily unavailable", processes},
    Sign{"ould not resolve host", network},
    Sign{"emporary failure in name resolution", network},
    Sign{"ailed to connect to", network},
    Sign{"ouldn't connect to server", network},
    Sign{"onnection refused", network},
    Sign{"onnection timed out", network},
    Sign{"etwork is unreachable", network},
    Sign{"o route to host", network},
    Sign{"error: 429", "a server limits how often it is asked: wait some minutes and run the same command again"},
    Sign{"xec format error", "the image is for another kind of machine than the engine's"},
};

}  // namespace

std::string cause_of(const std::vector<std::string>& lines) {
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
        for (const Sign& sign : signs)
            if (line->find(sign.text) != std::string::npos) return std::string(sign.hint);
    return {};
}

std::string cause_of(const Evidence& evidence) {
    constexpr std::uint64_t hardly_any = 16 << 20;
    if (evidence.oom_killed) return std::string(memory);
    if (evidence.free_bytes && *evidence.free_bytes < hardly_any) return std::string(disk);
    if (std::string hint = cause_of(evidence.lines); !hint.empty()) return hint;
    if (evidence.exit_code == 137)
        return "the container was killed from outside: by somebody, by a restart of the engine or the machine, or for "
               "want of memory (`dmesg` on the engine's machine tells); run the same command again: it goes on where "
               "it stopped";
    return {};
}

}  // namespace wasmx::build
