// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace wasmx {

/// Where the work tells how far it is. Rooms see only this; `cli` decides between a live terminal, plain lines and
/// JSON. All calls may come from any thread.
class Progress {
public:
    enum class Stream { out, err };

    /// One thing under way: a build step, a layer. It is over, as failed, when it goes without `done`.
    class Task {
    public:
        virtual ~Task() = default;
        virtual void advance(std::uint64_t bytes) = 0;
        /// So many steps of the work are done, as ninja counts them.
        virtual void steps(std::uint64_t /*done*/, std::uint64_t /*total*/) {}
        /// What it takes now: bytes of memory, and processors (1.5: one and a half).
        virtual void usage(std::uint64_t /*memory*/, double /*processors*/) {}
        /// Bytes of output of the step, cut anywhere.
        virtual void log(std::string_view bytes, Stream stream) = 0;
        /// "exists", "cached", "uploaded": how it ended well.
        virtual void done(std::string_view how) = 0;
        virtual void failed(std::string_view why) = 0;
    };

    virtual ~Progress() = default;
    /// `total` in bytes, 0 when there is no telling.
    virtual std::unique_ptr<Task> task(std::string name, std::uint64_t total) = 0;
    virtual void note(std::string_view line) = 0;
    virtual void warn(std::string_view line) = 0;
};

}  // namespace wasmx
