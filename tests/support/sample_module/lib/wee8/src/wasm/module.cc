// SPDX-License-Identifier: Apache-2.0
#include "module.h"

#include <type_traits>
#include <utility>

namespace v8::internal::wasm {

namespace {

using namespace std::string_view_literals;

struct Invalid {};

class Decoder {
public:
    explicit Decoder(std::string_view bytes) : bytes_(bytes) {}

    bool is_at_end() const { return bytes_.empty(); }
    std::string_view take(std::size_t size) {
        if (size > bytes_.size()) throw Invalid{};
        const auto out = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return out;
    }
    unsigned char byte() { return static_cast<unsigned char>(take(1)[0]); }
    void expect(unsigned char wanted) {
        if (byte() != wanted) throw Invalid{};
    }
    std::uint32_t u32() { return number<std::uint32_t>(); }
    std::int32_t i32() { return number<std::int32_t>(); }

private:
    // LEB128: seven bits a byte, the lowest first, in five bytes at most; bit 6 of the last is the sign.
    template <class Value>
    Value number() {
        std::int64_t out = 0;
        for (unsigned shift = 0; shift < 35; shift += 7) {
            const unsigned char next = byte();
            out |= static_cast<std::int64_t>(next & 0x7f) << shift;
            if ((next & 0x80) != 0) continue;
            if (std::is_signed_v<Value> && (next & 0x40) != 0) out -= std::int64_t{1} << (shift + 7);
            if (!std::in_range<Value>(out)) break;
            return static_cast<Value>(out);
        }
        throw Invalid{};
    }

    std::string_view bytes_;
};

class ModuleDecoder {
public:
    explicit ModuleDecoder(std::string_view binary) : in_(binary) {}

    Module decode() {
        if (in_.take(8) != "\0asm\1\0\0\0"sv) throw Invalid{};
        unsigned last = 0;
        while (!in_.is_at_end()) {
            const unsigned id = in_.byte();
            Decoder section(in_.take(in_.u32()));
            if (id == 0) continue;
            if (id <= last) throw Invalid{};
            last = id;
            switch (id) {
                case 1: types(section); break;
                case 3: functions(section); break;
                case 7: exports(section); break;
                case 10: codes(section); break;
                default: throw Invalid{};
            }
            if (!section.is_at_end()) throw Invalid{};
        }
        if (coded_ != out_.functions.size()) throw Invalid{};
        return std::move(out_);
    }

private:
    void types(Decoder &in) {
        for (std::uint32_t left = in.u32(); left > 0; --left) {
            in.expect(0x60);
            in.expect(0);
            const std::uint32_t results = in.u32();
            for (std::uint32_t i = 0; i < results; ++i) in.expect(0x7f);
            types_.push_back(results);
        }
    }
    void functions(Decoder &in) {
        for (std::uint32_t left = in.u32(); left > 0; --left) {
            const std::uint32_t type = in.u32();
            if (type >= types_.size()) throw Invalid{};
            out_.functions.push_back({types_[type], {}});
        }
    }
    void exports(Decoder &in) {
        for (std::uint32_t left = in.u32(); left > 0; --left) {
            const auto name = in.take(in.u32());
            in.expect(0);
            const std::uint32_t function = in.u32();
            if (function >= out_.functions.size()) throw Invalid{};
            for (const auto &other : out_.exports)
                if (other.name == name) throw Invalid{};
            out_.exports.push_back({std::string(name), function});
        }
    }
    void codes(Decoder &in) {
        if (in.u32() != out_.functions.size()) throw Invalid{};
        for (Function &function : out_.functions) {
            Decoder body(in.take(in.u32()));
            body.expect(0);  // locals
            code(body, function);
            if (!body.is_at_end()) throw Invalid{};
            ++coded_;
        }
    }
    static void code(Decoder &in, Function &out) {
        std::size_t height = 0;
        bool is_reachable = true;
        for (unsigned op = in.byte(); op != 0x0b; op = in.byte()) {
            if (op == 0x00) {
                out.code.push_back({Instruction::Op::unreachable});
                is_reachable = false;
                height = 0;
            } else if (op == 0x41) {
                out.code.push_back({Instruction::Op::i32_const, in.i32()});
                ++height;
            } else {
                throw Invalid{};
            }
        }
        // Behind an instruction that never ends, what is missing is taken to be there.
        if (height > out.results || (is_reachable && height < out.results)) throw Invalid{};
    }

    Decoder in_;
    Module out_;
    std::vector<std::size_t> types_;
    std::size_t coded_ = 0;
};

}  // namespace

std::optional<Module> decode(std::string_view binary) try {
    return ModuleDecoder(binary).decode();
} catch (const Invalid &) {
    return std::nullopt;
}

std::optional<std::vector<std::int32_t>> run(const Function &function) {
    std::vector<std::int32_t> stack;
    for (const Instruction &instruction : function.code) {
        if (instruction.op == Instruction::Op::unreachable) return std::nullopt;
        stack.push_back(instruction.value);
    }
    return stack;
}

}  // namespace v8::internal::wasm
