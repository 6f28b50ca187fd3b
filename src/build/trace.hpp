// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wasmx::build {

/// A step of a BuildKit build. The same one is told of several times: announced, started, completed.
struct Vertex {
    std::string digest;
    std::string name;
    bool cached = false;
    bool started = false;
    bool completed = false;
    std::string error;
};

struct VertexLog {
    std::string vertex;
    bool is_stderr = false;
    std::string bytes;
};

struct VertexWarning {
    std::string text;
};

/// (moby/buildkit, api/services/control/control.proto: StatusResponse)
struct Trace {
    std::vector<Vertex> vertexes;
    std::vector<VertexLog> logs;
    std::vector<VertexWarning> warnings;

    /// nullopt when the bytes are no such message: progress is worth no failed build. Unknown fields are passed over.
    static std::optional<Trace> parse(std::string_view bytes);
};

}  // namespace wasmx::build
