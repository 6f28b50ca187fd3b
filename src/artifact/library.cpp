// SPDX-License-Identifier: Apache-2.0
#include "artifact/library.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/error.hpp"
#include "base/text.hpp"
#include "io/ar.hpp"
#include "io/elf.hpp"

namespace wasmx::artifact {

namespace {

constexpr std::size_t most_searched = 16 << 20;  // bytes of a member; V8's builtins are some two million
constexpr std::size_t most_named = 3;
constexpr std::size_t most_kept = 16;

// A stream whose own failure is told from what the reader of an archive thinks of its bytes.
class Watched final : public io::Source {
public:
    explicit Watched(io::Source& upstream) : upstream_(upstream) {}
    std::size_t read(std::span<std::byte> buffer) override {
        has_failed_ = true;
        const std::size_t count = upstream_.read(buffer);
        has_failed_ = false;
        return count;
    }
    bool has_failed() const noexcept { return has_failed_; }

private:
    io::Source& upstream_;
    bool has_failed_ = false;
};

// What is wrong, and with how many members, of which the first are named.
class Faults {
public:
    void add(const std::string& what, const std::string& member) {
        Row& row = rows_[what];
        if (++row.count <= most_named) row.named.push_back(printable(member));
    }
    std::vector<std::string> lines(std::uint64_t members) const {
        std::vector<std::string> out;
        for (const auto& [what, row] : rows_) {
            std::string more = row.count > most_named ? fmt::format(" and {} more", row.count - most_named) : "";
            out.push_back(
                fmt::format("{} of {} members {}: {}{}", row.count, members, what, fmt::join(row.named, ", "), more));
        }
        return out;
    }

private:
    struct Row {
        std::uint64_t count = 0;
        std::vector<std::string> named;
    };
    std::map<std::string, Row> rows_;
};

std::string find_fault(std::span<const std::byte> head, const oci::Platform& platform) {
    // LLVM, "Bitcode Format": plain, or in a wrapper.
    const std::string_view text = io::text_of(head);
    if (text.starts_with("BC\xC0\xDE") || text.starts_with("\xDE\xC0\x17\x0B")) return "are LLVM bitcode, no objects";
    const auto header = io::find_elf_header(head);
    if (!header) return "are no ELF objects";
    if (!header->is_64_bit_little_endian) return "are not 64-bit little-endian ELF";
    if (header->machine != platform.elf_machine())
        return fmt::format("are for {}, not for {}", io::elf_machine_name(header->machine),
                           io::elf_machine_name(platform.elf_machine()));
    return header->is_relocatable ? "" : "are ELF files, but no objects for a linker";
}

std::size_t fill(io::ArReader& reader, std::span<std::byte> buffer) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        const std::size_t count = reader.read(buffer.subspan(filled));
        if (count == 0) break;
        filled += count;
    }
    return filled;
}

io::ElfNames names_of(const Search& search) {
    std::vector<std::string> out = search.functions;
    if (search.builtins) out.emplace_back(builtins_symbol);
    return io::ElfNames(std::move(out));
}

// Looks through the symbols of the members, one member at a time in memory.
class SymbolSearch {
public:
    SymbolSearch(const Search& search, Library& out) : names_(names_of(search)), out_(out) {}

    bool is_for_nothing() const noexcept { return names_.all().empty(); }
    /// Reads the member, and returns its first bytes.
    std::span<const std::byte> read(io::ArReader& reader, const io::ArMember& member) {
        // Pages that no member needs are never touched.
        if (buffer_ == nullptr) buffer_ = std::make_unique_for_overwrite<std::byte[]>(most_searched);
        const std::size_t size = std::min<std::uint64_t>(member.size, most_searched);
        const auto object = std::span(buffer_.get(), fill(reader, {buffer_.get(), size}));
        if (io::find_elf_header(object)) find(member, object);
        return object;
    }

private:
    void find(const io::ArMember& member, std::span<const std::byte> object) {
        if (member.size > object.size()) return miss(member, human_bytes(member.size) + " are too many");
        try {
            const auto definitions = io::elf_definitions(object, names_);
            for (std::size_t i = 0; i < definitions.size(); ++i)
                if (definitions[i] != io::ElfDefinition::none) take(member, object, names_.all()[i], definitions[i]);
        } catch (const Error& error) {
            if (error.fault() != Fault::integrity) throw;
            miss(member, error.message());
        }
    }
    // Of many members that define the same a linker takes the first.
    void take(const io::ArMember& member, std::span<const std::byte> object, const std::string& name,
              io::ElfDefinition definition) {
        if (name != builtins_symbol) {
            if (definition == io::ElfDefinition::linkable) out_.functions.insert(name);
        } else if (const auto code = io::find_elf_symbol(object, name); code && out_.builtins.size() < most_kept) {
            out_.builtins.push_back({member.name, markers_in(*code)});
        }
    }
    void miss(const io::ArMember& member, std::string_view why) {
        if (out_.unsearched.size() < most_kept)
            out_.unsearched.push_back(fmt::format("{}: {}", printable(member.name), why));
    }

    io::ElfNames names_;
    Library& out_;
    std::unique_ptr<std::byte[]> buffer_;
};

void examine_members(io::ArReader& reader, const oci::Platform& platform, const Search& search, Library& out,
                     Faults& faults) {
    SymbolSearch symbols(search, out);
    std::array<std::byte, io::elf_header_size> start;
    while (const auto member = reader.next()) {
        ++out.members;
        const std::span<const std::byte> bytes =
            symbols.is_for_nothing() ? std::span(start).first(fill(reader, start)) : symbols.read(reader, *member);
        const auto head = bytes.first(std::min(bytes.size(), io::elf_header_size));
        if (const std::string what = find_fault(head, platform); !what.empty()) faults.add(what, member->name);
    }
}

}  // namespace

Library examine_library(io::Source& content, const oci::Platform& platform, const Search& search) {
    Library out;
    Faults faults;
    Watched source(content);
    std::string damage;
    try {
        io::ArReader reader(source);
        examine_members(reader, platform, search, out, faults);
        if (out.members == 0) damage = "it holds no object";
    } catch (const Error& error) {
        if (source.has_failed() || error.fault() != Fault::integrity) throw;
        damage = error.message();
    }
    out.faults = faults.lines(out.members);
    if (!damage.empty()) out.faults.push_back(std::move(damage));
    return out;
}

}  // namespace wasmx::artifact
