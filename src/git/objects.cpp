// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "git/git.hpp"
#include "git/program.hpp"

namespace wasmx::git {

/// One `git cat-file --batch`: an object name and a newline go in; "<id> <type> <size>", the bytes and a newline come
/// out. (git-cat-file, "BATCH OUTPUT")
struct Repository::Objects::State {
    State(const io::ProcessCommand& command, std::stop_token stop) : git(command, std::move(stop)) {}

    std::size_t read(std::span<std::byte> buffer) {
        if (left == 0 || buffer.empty()) return 0;
        const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left));
        const std::size_t count = git.read(buffer.first(wanted));
        if (count == 0) throw Error(Fault::io, "git ended in the middle of an object");
        left -= count;
        if (left == 0) git.read_line();  // the newline behind the object
        return count;
    }

    io::Conversation git;
    std::uint64_t left = 0;    // of the open object
    std::uint64_t opened = 0;  // how many objects there have been: which stream is the open one
};

namespace {

template <class State>
class ObjectSource final : public io::Source {
public:
    explicit ObjectSource(std::shared_ptr<State> state) : state_(std::move(state)), number_(state_->opened) {}
    std::size_t read(std::span<std::byte> buffer) override {
        if (number_ != state_->opened) throw Error(Fault::bug, "a git object was read after the next one was opened");
        return state_->read(buffer);
    }

private:
    std::shared_ptr<State> state_;
    std::uint64_t number_;
};

}  // namespace

Repository::Objects::Objects(const Repository& repository)
    : state_(std::make_shared<State>(program(repository.command({"cat-file", "--batch"})), repository.stop_)) {}

io::SourcePtr Repository::Objects::open(const TreeEntry& entry) {
    if (state_->left > 0) throw Error(Fault::bug, "a git object was opened before the last one was read");
    state_->git.write(entry.object + "\n");
    const std::string answer = state_->git.read_line();
    const std::string expected = fmt::format("{} blob {}", entry.object, entry.size);
    if (answer != expected)
        throw Error(
            Fault::integrity,
            fmt::format("git has no sound object for {}: it says \"{}\"", printable(entry.path), printable(answer)),
            "look into the repository with `git fsck`; a cached clone can be removed, the next run makes a new one");
    state_->left = entry.size;
    ++state_->opened;
    if (entry.size == 0) state_->git.read_line();
    return std::make_unique<ObjectSource<State>>(state_);
}

}  // namespace wasmx::git
