// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <protozero/pbf_writer.hpp>

#include <string>

namespace wasmx::build {

/// Writes StatusResponse messages as buildkitd does. (moby/buildkit, api/services/control/control.proto)
class Message {
public:
    struct Step {
        std::string digest;
        std::string name;
        bool started = false;
        bool completed = false;
        bool cached = false;
        std::string error = {};
    };

    Message& step(const Step& step) {
        std::string text;
        protozero::pbf_writer vertex(text);
        vertex.add_string(1, step.digest);
        vertex.add_string(2, "sha256:input");
        vertex.add_string(2, "sha256:other input");
        vertex.add_string(3, step.name);
        if (step.cached) vertex.add_bool(4, true);
        if (step.started) vertex.add_message(5, timestamp());
        if (step.completed) vertex.add_message(6, timestamp());
        if (!step.error.empty()) vertex.add_string(7, step.error);
        return add(1, text);
    }
    Message& log(const std::string& digest, const std::string& bytes, int stream = 1) {
        std::string text;
        protozero::pbf_writer log(text);
        log.add_string(1, digest);
        log.add_message(2, timestamp());
        log.add_int64(3, stream);
        log.add_bytes(4, bytes);
        return add(3, text);
    }
    Message& status(const std::string& digest, const std::string& id) {
        std::string text;
        protozero::pbf_writer status(text);
        status.add_string(1, id);
        status.add_string(2, digest);
        status.add_int64(4, 7);
        status.add_message(8, timestamp());
        return add(2, text);
    }
    Message& warning(const std::string& words) {
        std::string text;
        protozero::pbf_writer warning(text);
        warning.add_string(1, "sha256:x");
        warning.add_int64(2, 1);
        warning.add_bytes(3, words);
        warning.add_bytes(4, "detail");
        return add(4, text);
    }
    Message& add(unsigned field, const std::string& text) {
        protozero::pbf_writer(bytes_).add_message(field, text);
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

private:
    static std::string timestamp() {
        std::string text;
        protozero::pbf_writer stamp(text);
        stamp.add_int64(1, 1'700'000'000);
        stamp.add_int32(2, 5);
        return text;
    }
    std::string bytes_;
};

}  // namespace wasmx::build
