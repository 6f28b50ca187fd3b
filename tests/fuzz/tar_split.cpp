// SPDX-License-Identifier: Apache-2.0
// The recipe of a layer's tar and the archive of its files, as an engine gives them: the first byte says how long the
// recipe is, in units of 16 bytes; the rest is the archive.
#include <cstdlib>

#include "base/error.hpp"
#include "base/text.hpp"
#include "store/layer_files.hpp"

using namespace wasmx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
    const std::size_t length = std::min<std::size_t>(rest.size(), std::size_t{data[0]} * 16);
    constexpr std::uint64_t most_bytes = 1 << 20;
    std::uint64_t asked = 0;
    try {
        auto contents = store::contents_of({.archive = io::from_string(std::string(rest.substr(length))),
                                            .open_one =
                                                [&](const std::string& path) {
                                                    asked += path.size();
                                                    return io::from_string(path);
                                                },
                                            .most_held = 1024,
                                            .most_single = 16});
        const auto tar = store::assembled(io::from_string(std::string(rest.substr(0, length))), std::move(contents));
        (void)io::read_all(*tar, most_bytes);
    } catch (const Error& error) {
        if (error.fault() == Fault::bug || printable(error.message()) != error.message()) std::abort();
    }
    if (asked > 16 * size) std::abort();
    return 0;
}
