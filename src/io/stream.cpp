// SPDX-License-Identifier: Apache-2.0
#include "io/stream.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/error.hpp"

namespace wasmx::io {

struct Hasher::State {
    struct Free {
        void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
    if (state_->context == nullptr || EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1)
        throw Error(Fault::bug, "OpenSSL has no sha256");
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
    if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1)
        throw Error(Fault::bug, "sha256 failed");
}

Digest Hasher::finish() {
    std::array<std::byte, Digest::size> out{};
    if (EVP_DigestFinal_ex(state_->context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr) != 1)
        throw Error(Fault::bug, "sha256 failed");
    return Digest(out);
}

Digest sha256(std::string_view bytes) {
    Hasher hasher;
    hasher.update(bytes_of(bytes));
    return hasher.finish();
}

namespace {

class StringSource final : public Source {
public:
    explicit StringSource(std::shared_ptr<const std::string> text) : text_(std::move(text)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = std::min(buffer.size(), text_->size() - at_);
        std::copy_n(text_->data() + at_, count, reinterpret_cast<char*>(buffer.data()));
        at_ += count;
        return count;
    }

private:
    std::shared_ptr<const std::string> text_;
    std::size_t at_ = 0;
};

class DigestingSource final : public Source {
public:
    DigestingSource(SourcePtr upstream, Tally& tally) : upstream_(std::move(upstream)), tally_(tally) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = tally_.complete ? 0 : upstream_->read(buffer);
        if (count > 0) {
            hasher_.update(buffer.first(count));
            tally_.size += count;
        } else if (!buffer.empty() && !tally_.complete) {
            tally_.digest = hasher_.finish();
            tally_.complete = true;
        }
        return count;
    }

private:
    SourcePtr upstream_;
    Tally& tally_;
    Hasher hasher_;
};

class VerifiedSource final : public Source {
public:
    VerifiedSource(SourcePtr upstream, const Digest& digest, std::uint64_t size)
        : upstream_(digesting(std::move(upstream), tally_)), digest_(digest), size_(size) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = upstream_->read(buffer);
        if (tally_.size > size_)
            throw Error(Fault::integrity, fmt::format("{} is longer than its {} bytes", digest_.str(), size_));
        if (tally_.complete && tally_.size != size_)
            throw Error(Fault::integrity,
                        fmt::format("{} ended after {} of {} bytes", digest_.str(), tally_.size, size_));
        if (tally_.complete && tally_.digest != digest_)
            throw Error(Fault::integrity,
                        fmt::format("the bytes of {} have the digest {}", digest_.str(), tally_.digest.str()));
        return count;
    }

private:
    Tally tally_;
    SourcePtr upstream_;
    Digest digest_;
    std::uint64_t size_;
};

class CountedSource final : public Source {
public:
    CountedSource(SourcePtr upstream, std::function<void(std::uint64_t)> advance)
        : upstream_(std::move(upstream)), advance_(std::move(advance)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = upstream_->read(buffer);
        if (count > 0) advance_(count);
        return count;
    }

private:
    SourcePtr upstream_;
    std::function<void(std::uint64_t)> advance_;
};

class TeedSource final : public Source {
public:
    TeedSource(SourcePtr upstream, Sink& sink) : upstream_(std::move(upstream)), sink_(sink) {}
    std::size_t read(std::span<std::byte> buffer) override {
        const std::size_t count = upstream_->read(buffer);
        sink_.write(buffer.first(count));
        return count;
    }

private:
    SourcePtr upstream_;
    Sink& sink_;
};

class ResumedSource final : public Source {
public:
    ResumedSource(std::string head, SourcePtr rest) : head_(from_string(std::move(head))), rest_(std::move(rest)) {}
    std::size_t read(std::span<std::byte> buffer) override {
        if (const std::size_t count = head_->read(buffer)) return count;
        return rest_->read(buffer);
    }

private:
    SourcePtr head_;
    SourcePtr rest_;
};

}  // namespace

SourcePtr from_string(std::string text) {
    return std::make_unique<StringSource>(std::make_shared<const std::string>(std::move(text)));
}

Body body_of(std::string text) {
    auto shared = std::make_shared<const std::string>(std::move(text));
    return {.size = shared->size(), .open = [shared] { return std::make_unique<StringSource>(shared); }};
}

SourcePtr digesting(SourcePtr upstream, Tally& tally) {
    return std::make_unique<DigestingSource>(std::move(upstream), tally);
}

SourcePtr verified(SourcePtr upstream, const Digest& digest, std::uint64_t size) {
    return std::make_unique<VerifiedSource>(std::move(upstream), digest, size);
}

SourcePtr counted(SourcePtr upstream, std::function<void(std::uint64_t)> advance) {
    return std::make_unique<CountedSource>(std::move(upstream), std::move(advance));
}

SourcePtr resumed(std::string head, SourcePtr rest) {
    return std::make_unique<ResumedSource>(std::move(head), std::move(rest));
}

SourcePtr teed(SourcePtr upstream, Sink& sink) { return std::make_unique<TeedSource>(std::move(upstream), sink); }

std::string read_all(Source& source, std::uint64_t limit) {
    std::string out;
    std::vector<std::byte> buffer(chunk_size);
    while (const std::size_t count = source.read(buffer)) {
        if (out.size() + count > limit)
            throw Error(Fault::integrity, fmt::format("more than the {} bytes that were allowed", limit));
        out += text_of(std::span(buffer).first(count));
    }
    return out;
}

void drain(Source& source) {
    std::vector<std::byte> buffer(chunk_size);
    while (source.read(buffer) > 0) {
    }
}

std::uint64_t copy(Source& source, Sink& sink) {
    std::uint64_t total = 0;
    std::vector<std::byte> buffer(chunk_size);
    while (const std::size_t count = source.read(buffer)) {
        sink.write(std::span(buffer).first(count));
        total += count;
    }
    return total;
}

}  // namespace wasmx::io
