// SPDX-License-Identifier: Apache-2.0
#include "registry/download.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "io/compression.hpp"
#include "registry/retry.hpp"

namespace wasmx::registry {

namespace {

// What got further by as much did not fail for the same reason as before: the attempts are counted anew.
constexpr std::uint64_t worthwhile = 1 << 20;

std::optional<std::uint64_t> stated_length(const io::HttpResponse& response) {
    return parse_number(trim(response.find_header("Content-Length").value_or("")));
}

class Download final : public io::Source {
public:
    Download(Session& session, const oci::Descriptor& blob) : session_(session), blob_(blob) {
        persist([this] { open(); });
    }

    std::size_t read(std::span<std::byte> buffer) override {
        if (buffer.empty()) return 0;
        std::size_t count = 0;
        persist([&] {
            if (body_ == nullptr) open();
            count = body_->read(buffer);
            if (count == 0 && offset_ < blob_.size)
                throw io::TransportError(
                    io::TransportError::Kind::broken,
                    fmt::format("GET {}: it ended after {} of {} bytes", printable_url(url_), offset_, blob_.size));
        });
        offset_ += count;
        if (offset_ >= farthest_ + worthwhile) {
            farthest_ = offset_;
            // A registry that always begins at the front sends all of it again for each piece: that has an end.
            if (has_ranges_) attempt_ = 1;
        }
        return count;
    }

private:
    template <class Work>
    void persist(Work&& work) {
        for (;; ++attempt_) {
            try {
                return work();
            } catch (const Error&) {
                body_.reset();
                wait_or_rethrow(attempt_, session_.waiting());
            }
        }
    }

    // From the registry each time: where it redirected to may have expired.
    void open() {
        Call call;
        call.url = url_ = session_.url_of("blobs/" + blob_.digest.str());
        if (offset_ > 0 && has_ranges_) call.headers.push_back({"Range", fmt::format("bytes={}-", offset_)});
        Answer answer = session_.send(call);
        const int status = answer.response.status;
        if (status == 206 && offset_ > 0 && is_the_rest(answer.response)) {
            body_ = std::move(answer.response.body);
            return;
        }
        if (offset_ > 0 && has_ranges_ && (status == 206 || status == 416)) {
            has_ranges_ = false;  // it knows the word and not the meaning
            return open();
        }
        if (status != 200) throw session_.refusal(call, answer);
        if (is_compressed_on_the_way(answer.response)) {
            has_ranges_ = false;
            answer.response.body = io::decompressed(std::move(answer.response.body), blob_.size);
        } else {
            check_length(answer.response);
        }
        if (offset_ > 0) has_ranges_ = false;
        skip(*answer.response.body);
        body_ = std::move(answer.response.body);
    }

    bool is_the_rest(const io::HttpResponse& response) const {
        const auto part = find_part(response.find_header("Content-Range").value_or(""));
        return part && part->first == offset_ && part->whole.value_or(blob_.size) == blob_.size;
    }

    // By a proxy, though nobody asked for it. A layer is compressed itself, and some servers call that an encoding: its
    // length tells the two apart.
    bool is_compressed_on_the_way(const io::HttpResponse& response) const {
        if (lower(response.find_header("Content-Encoding").value_or("")) != "gzip") return false;
        const auto stated = stated_length(response);
        return stated ? *stated != blob_.size : blob_.media_type.ends_with("json");
    }

    // A blob of another length is another blob, and asking again does not change it.
    void check_length(const io::HttpResponse& response) const {
        const auto stated = stated_length(response);
        if (stated && *stated != blob_.size)
            throw Error(Fault::integrity, fmt::format("GET {}: the registry has {} bytes, the manifest says {}",
                                                      printable_url(url_), *stated, blob_.size));
    }

    // What was read before; the digest of the whole tells whether it was the same.
    void skip(io::Source& body) const {
        std::vector<std::byte> buffer(io::chunk_size);
        for (std::uint64_t left = offset_; left > 0;) {
            const std::size_t count = body.read(
                std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()))));
            if (count == 0)
                throw io::TransportError(io::TransportError::Kind::broken,
                                         fmt::format("GET {}: it ended early", printable_url(url_)));
            left -= count;
        }
    }

    Session& session_;
    const oci::Descriptor blob_;
    std::string url_;
    io::SourcePtr body_;
    std::uint64_t offset_ = 0;
    std::uint64_t farthest_ = 0;
    int attempt_ = 1;
    bool has_ranges_ = true;
};

}  // namespace

std::optional<Part> find_part(std::string_view content_range) {
    std::string_view text = trim(content_range);
    if (!text.starts_with("bytes ")) return std::nullopt;
    text.remove_prefix(6);
    const auto first = parse_number(text.substr(0, text.find('-')));
    const auto slash = text.find('/');
    if (!first || slash == std::string_view::npos) return std::nullopt;
    return Part{.first = *first, .whole = parse_number(text.substr(slash + 1))};
}

io::SourcePtr download(Session& session, const oci::Descriptor& blob) {
    return std::make_unique<Download>(session, blob);
}

}  // namespace wasmx::registry
