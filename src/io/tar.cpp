// SPDX-License-Identifier: Apache-2.0
#include "io/tar.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::io {

namespace {

// Of what stands between the bytes of two members: header blocks, long names (1 MiB each for libarchive), and the map
// of a sparse file, which libarchive keeps in memory however long it is.
constexpr std::uint64_t most_header_bytes = 4 << 20;

struct FreeReader {
    void operator()(archive* a) const noexcept { archive_read_free(a); }
};
struct FreeWriter {
    void operator()(archive* a) const noexcept { archive_write_free(a); }
};
struct FreeEntry {
    void operator()(archive_entry* e) const noexcept { archive_entry_free(e); }
};

std::string said_by(archive* a) {
    const char* text = archive_error_string(a);
    return text == nullptr ? "no reason given" : printable(text);
}

// libarchive converts names through the locale; whichever form it can give is the one stored.
std::string either(const char* native, const char* utf8) {
    if (native != nullptr) return native;
    return utf8 == nullptr ? std::string() : std::string(utf8);
}

// overlayfs' own marks, of root ("trusted.") or of a user name space ("user.").
bool has_overlay_mark(archive_entry* entry, std::string_view mark, std::string_view wanted) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    archive_entry_xattr_reset(entry);
    while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
        const std::string_view key(name);
        if (key != fmt::format("trusted.overlay.{}", mark) && key != fmt::format("user.overlay.{}", mark)) continue;
        if (wanted.empty() || std::string_view(static_cast<const char*>(value), size) == wanted) return true;
    }
    return false;
}

TarEntry::Type type_of(archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_hardlink_utf8(entry) != nullptr)
        return TarEntry::Type::hardlink;
    switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
            return archive_entry_size(entry) == 0 && has_overlay_mark(entry, "whiteout", "") ? TarEntry::Type::whiteout
                                                                                             : TarEntry::Type::file;
        case AE_IFCHR:
            return archive_entry_rdevmajor(entry) == 0 && archive_entry_rdevminor(entry) == 0 ? TarEntry::Type::whiteout
                                                                                              : TarEntry::Type::other;
        case AE_IFDIR: return TarEntry::Type::directory;
        case AE_IFLNK: return TarEntry::Type::symlink;
        default: return TarEntry::Type::other;
    }
}

}  // namespace

struct TarReader::State {
    explicit State(Source& from) : source(from), buffer(4 * chunk_size), reader(archive_read_new()) {}

    static la_ssize_t read_more(archive* a, void* self, const void** data) noexcept {
        auto* state = static_cast<State*>(self);
        try {
            *data = state->buffer.data();
            const std::size_t count = state->source.read(state->buffer);
            if (count > state->left)
                throw Error(Fault::integrity,
                            fmt::format("a header of more than {} in the archive", human_bytes(most_header_bytes)));
            state->left -= count;
            return static_cast<la_ssize_t>(count);
        } catch (...) {
            state->error = std::current_exception();
            archive_set_error(a, EIO, "the stream under the archive failed");
            return -1;
        }
    }

    // Our own exception first; libarchive only knows that its callback failed.
    [[noreturn]] void fail(std::string_view doing) {
        if (error) std::rethrow_exception(std::exchange(error, nullptr));
        throw Error(Fault::integrity, fmt::format("{}: {}", doing, said_by(reader.get())));
    }

    Source& source;
    std::vector<std::byte> buffer;
    std::unique_ptr<archive, FreeReader> reader;
    std::exception_ptr error;
    std::uint64_t left = UINT64_MAX;  // that may be read before the next content
    bool has_member = false;
    bool at_end = false;
};

TarReader::TarReader(Source& source) : state_(std::make_unique<State>(source)) {
    archive* a = state_->reader.get();
    // No filters: libarchive would undo any number of compressions on top of each other.
    archive_read_support_format_tar(a);
    archive_read_support_format_empty(a);
    if (archive_read_open(a, state_.get(), nullptr, State::read_more, nullptr) != ARCHIVE_OK)
        state_->fail("opening the archive");
}

TarReader::~TarReader() = default;

std::optional<TarEntry> TarReader::next() {
    if (state_->at_end) return std::nullopt;
    if (std::exchange(state_->has_member, false) && archive_read_data_skip(state_->reader.get()) < ARCHIVE_WARN)
        state_->fail("reading the archive");
    archive_entry* entry = nullptr;
    state_->left = most_header_bytes;
    const int status = archive_read_next_header(state_->reader.get(), &entry);
    if (state_->error) state_->fail("reading the archive");
    if (status == ARCHIVE_EOF) {
        state_->at_end = true;
        return std::nullopt;
    }
    // A warning is about a name's character set; "retry" is what libarchive says of a damaged header.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) state_->fail("reading the archive");
    state_->has_member = true;
    state_->left = UINT64_MAX;
    TarEntry out;
    out.path = either(archive_entry_pathname(entry), archive_entry_pathname_utf8(entry));
    out.type = type_of(entry);
    if (out.type == TarEntry::Type::hardlink)
        out.target = either(archive_entry_hardlink(entry), archive_entry_hardlink_utf8(entry));
    if (out.type == TarEntry::Type::symlink)
        out.target = either(archive_entry_symlink(entry), archive_entry_symlink_utf8(entry));
    out.size = static_cast<std::uint64_t>(archive_entry_size(entry));
    out.mode = static_cast<std::uint32_t>(archive_entry_perm(entry));
    out.uid = static_cast<std::uint64_t>(archive_entry_uid(entry));
    out.gid = static_cast<std::uint64_t>(archive_entry_gid(entry));
    out.mtime = archive_entry_mtime(entry);
    out.is_opaque = out.type == TarEntry::Type::directory && has_overlay_mark(entry, "opaque", "y");
    return out;
}

std::size_t TarReader::read(std::span<std::byte> buffer) {
    if (state_->at_end || buffer.empty()) return 0;
    const la_ssize_t count = archive_read_data(state_->reader.get(), buffer.data(), buffer.size());
    if (count < 0 || state_->error) state_->fail("reading a member of the archive");
    return static_cast<std::size_t>(count);
}

SourcePtr TarReader::member() {
    class Member final : public Source {
    public:
        explicit Member(TarReader& reader) : reader_(reader) {}
        std::size_t read(std::span<std::byte> buffer) override { return reader_.read(buffer); }

    private:
        TarReader& reader_;
    };
    return std::make_unique<Member>(*this);
}

namespace {

class TarSource final : public Source {
public:
    explicit TarSource(std::function<std::optional<TarMember>()> next)
        : next_(std::move(next)), writer_(archive_write_new()), input_(chunk_size) {
        archive* a = writer_.get();
        archive_write_set_format_gnutar(a);
        archive_write_set_bytes_per_block(a, 0);  // each write reaches our callback at once
        if (archive_write_open(a, this, nullptr, take, nullptr) != ARCHIVE_OK) throw Error(Fault::bug, said_by(a));
    }

    // libarchive finishes an archive that was left early, through our callback, padding what is missing with zeros.
    ~TarSource() override {
        abandoned_ = true;
        writer_.reset();
    }

    std::size_t read(std::span<std::byte> buffer) override {
        while (at_ == ready_.size()) {
            if (closed_ || buffer.empty()) return 0;
            ready_.clear();
            at_ = 0;
            step();
        }
        const std::size_t count = std::min(buffer.size(), ready_.size() - at_);
        std::copy_n(ready_.begin() + static_cast<std::ptrdiff_t>(at_), count, buffer.begin());
        at_ += count;
        return count;
    }

private:
    static la_ssize_t take(archive*, void* self, const void* data, std::size_t size) noexcept {
        auto* source = static_cast<TarSource*>(self);
        if (source->abandoned_) return -1;
        const auto* bytes = static_cast<const std::byte*>(data);
        try {
            source->ready_.insert(source->ready_.end(), bytes, bytes + size);
        } catch (...) {
            return -1;
        }
        return static_cast<la_ssize_t>(size);
    }

    void check(la_ssize_t status) {
        if (status < ARCHIVE_WARN)
            throw Error(Fault::io, fmt::format("making a tar of {}: {}", entry_.path, said_by(writer_.get())));
    }

    void step() {
        if (content_) return step_content();
        auto member = next_();
        if (!member) {
            closed_ = true;
            return check(archive_write_close(writer_.get()));
        }
        entry_ = member->entry;
        write_header();
        if (entry_.type == TarEntry::Type::file && entry_.size > 0) {
            content_ = member->content();
            left_ = entry_.size;
        }
    }

    void step_content() {
        const std::size_t count = content_->read(input_);
        if (count > left_ || (count == 0 && left_ > 0))
            throw Error(Fault::io, fmt::format("{} changed its size while it was read", entry_.path),
                        "let nothing write to the source while it is being sent");
        left_ -= count;
        if (count == 0) return content_.reset();
        check(archive_write_data(writer_.get(), input_.data(), count));
    }

    void write_header() {
        const std::unique_ptr<archive_entry, FreeEntry> header(archive_entry_new());
        archive_entry* e = header.get();
        archive_entry_set_pathname(e, entry_.path.c_str());
        archive_entry_set_perm(e, static_cast<mode_t>(entry_.mode));
        archive_entry_set_uid(e, static_cast<la_int64_t>(entry_.uid));
        archive_entry_set_gid(e, static_cast<la_int64_t>(entry_.gid));
        archive_entry_set_mtime(e, entry_.mtime, 0);
        switch (entry_.type) {
            case TarEntry::Type::directory: archive_entry_set_filetype(e, AE_IFDIR); break;
            case TarEntry::Type::symlink:
                archive_entry_set_filetype(e, AE_IFLNK);
                archive_entry_set_symlink(e, entry_.target.c_str());
                break;
            case TarEntry::Type::hardlink:
                archive_entry_set_filetype(e, AE_IFREG);
                archive_entry_set_hardlink(e, entry_.target.c_str());
                break;
            case TarEntry::Type::whiteout:
                archive_entry_set_filetype(e, AE_IFCHR);
                archive_entry_set_rdev(e, 0);
                break;
            default:
                archive_entry_set_filetype(e, AE_IFREG);
                archive_entry_set_size(e, static_cast<la_int64_t>(entry_.size));
        }
        check(archive_write_header(writer_.get(), e));
    }

    std::function<std::optional<TarMember>()> next_;
    std::unique_ptr<archive, FreeWriter> writer_;
    std::vector<std::byte> input_;
    std::vector<std::byte> ready_;
    std::size_t at_ = 0;
    TarEntry entry_;
    SourcePtr content_;
    std::uint64_t left_ = 0;
    bool closed_ = false;
    bool abandoned_ = false;
};

}  // namespace

SourcePtr tar_of(std::function<std::optional<TarMember>()> next) {
    return std::make_unique<TarSource>(std::move(next));
}

}  // namespace wasmx::io
