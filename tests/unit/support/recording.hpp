// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/progress.hpp"

namespace wasmx::test {

/// A Progress that writes down what it is told: "+name", "name: done", "name: FAILED why", "name| output", "note …",
/// "warning …". For one thread.
class Recording final : public Progress {
public:
    std::unique_ptr<Task> task(std::string name, std::uint64_t) override {
        lines.push_back("+" + name);
        return std::make_unique<Row>(*this, std::move(name));
    }
    void note(std::string_view line) override { lines.push_back("note " + std::string(line)); }
    void warn(std::string_view line) override { lines.push_back("warning " + std::string(line)); }

    std::vector<std::string> lines;

private:
    class Row final : public Task {
    public:
        Row(Recording& all, std::string name) : all_(all), name_(std::move(name)) {}
        ~Row() override { end("STOPPED"); }
        void advance(std::uint64_t) override {}
        void log(std::string_view bytes, Stream stream) override {
            all_.lines.push_back(name_ + (stream == Stream::err ? "! " : "| ") + std::string(bytes));
        }
        void done(std::string_view how) override { end(std::string(how)); }
        void failed(std::string_view why) override { end("FAILED " + std::string(why)); }

    private:
        void end(const std::string& how) {
            if (!ended_) all_.lines.push_back(name_ + ": " + how);
            ended_ = true;
        }
        Recording& all_;
        std::string name_;
        bool ended_ = false;
    };
};

}  // namespace wasmx::test
