// SPDX-License-Identifier: Apache-2.0
// A folder of a layer as an engine might archive it: any bytes at all. Whatever they are, a tar in whole blocks is made
// of them, the same however it is read, or there is an Error.
#include "image/folder_layer.hpp"

#include <cstdlib>
#include <optional>

#include "base/error.hpp"

using namespace wasmx;

namespace {

// Nothing where the archive is refused.
std::optional<std::string> made_of(const std::string& archive, std::size_t at_once) {
    const auto source = io::from_string(archive);
    const auto layer = image::layer_of_folder(
        *source, {.user = [](std::uint64_t) { return "user"; }, .group = [](std::uint64_t) { return "group"; }});
    std::string out;
    std::vector<std::byte> buffer(at_once);
    try {
        while (const std::size_t count = layer->read(buffer))
            out.append(reinterpret_cast<const char*>(buffer.data()), count);
    } catch (const Error& error) {
        if (error.fault() != Fault::integrity || error.message().empty()) std::abort();
        return std::nullopt;
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string archive(reinterpret_cast<const char*>(data), size);
    const auto whole = made_of(archive, 1 << 16);
    if (whole && whole->size() % 512 != 0) std::abort();
    if (whole != made_of(archive, 7)) std::abort();
    return 0;
}
