// SPDX-License-Identifier: Apache-2.0
#pragma once
// A folder of its own with a git of its own: no configuration of this machine's, fixed names and dates. For the rooms
// that work on real repositories.

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/progress.hpp"
#include "base/text.hpp"
#include "io/process.hpp"
#include "support/error_of.hpp"
#include "support/folder.hpp"

namespace wasmx::test {

class Sandbox {
public:
    Sandbox() : root_(make_folder()) {}
    Sandbox(const Sandbox&) = delete;
    Sandbox& operator=(const Sandbox&) = delete;
    ~Sandbox() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    const std::filesystem::path& root() const { return root_; }
    std::filesystem::path operator/(const std::string& name) const { return root_ / name; }

    /// Runs a shell script in the sandbox, which must succeed; what it printed.
    std::string sh(const std::string& script) const {
        const auto result =
            io::run({.argv = {"/bin/sh", "-euc", "cd \"$0\"\n" + script, root_.string()}, .env = {}, .input = {}}, {});
        INFO("script: " << script);
        INFO("stderr: " << result.err);
        REQUIRE(result.exit_code == 0);
        return std::string(trim(result.out));
    }

    void write(const std::string& name, const std::string& text) const {
        std::filesystem::create_directories((root_ / name).parent_path());
        std::ofstream(root_ / name, std::ios::binary) << text;
    }

private:
    static std::filesystem::path make_folder() {
        std::string name = (std::filesystem::temp_directory_path() / "wasmx-git-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        return std::filesystem::canonical(name);
    }

    std::filesystem::path root_;
    Variable home_{"HOME", root_.string()};
    Variable cache_{"XDG_CACHE_HOME", (root_ / "cache").string()};
    Variable system_{"GIT_CONFIG_NOSYSTEM", "1"};
    Variable global_{"GIT_CONFIG_GLOBAL", (root_ / ".gitconfig").string()};
    Variable ceiling_{"GIT_CEILING_DIRECTORIES", root_.parent_path().string()};
    Variable author_{"GIT_AUTHOR_NAME", "A"};
    Variable author_mail_{"GIT_AUTHOR_EMAIL", "a@example.org"};
    Variable committer_{"GIT_COMMITTER_NAME", "C > D"};
    Variable committer_mail_{"GIT_COMMITTER_EMAIL", "c@example.org"};
    Variable author_date_{"GIT_AUTHOR_DATE", "1600000000 +0000"};
    Variable committer_date_{"GIT_COMMITTER_DATE", "1700000000 +0230"};
};

/// Keeps what it is told.
class Told final : public Progress {
public:
    std::unique_ptr<Progress::Task> task(std::string, std::uint64_t) override {
        class Quiet final : public Task {
            void advance(std::uint64_t) override {}
            void log(std::string_view, Stream) override {}
            void done(std::string_view) override {}
            void failed(std::string_view) override {}
        };
        return std::make_unique<Quiet>();
    }
    void note(std::string_view line) override { notes += std::string(line) + "\n"; }
    void warn(std::string_view line) override { warnings += std::string(line) + "\n"; }

    std::string warnings;
    std::string notes;
};

}  // namespace wasmx::test
