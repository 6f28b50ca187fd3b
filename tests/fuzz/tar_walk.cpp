// SPDX-License-Identifier: Apache-2.0
// A layer as a registry might send it: any bytes at all. Whatever they are, one file and a whole tree are taken out of
// them, or there is an Error.
#include <cstdlib>

#include "base/error.hpp"
#include "extract/search.hpp"
#include "extract/tars.hpp"
#include "extract/tree.hpp"

using namespace wasmx;

namespace {

constexpr extract::LayerLimits limits{.members = 1000, .kept_bytes = 1 << 20, .kept_entries = 1000};

template <class Work>
void attempt(Work&& work) {
    try {
        work();
    } catch (const Error& error) {
        if (error.fault() == Fault::bug || error.message().empty()) std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string bytes(reinterpret_cast<const char*>(data), size);
    // The same layer twice, so that links and whiteouts have something below them.
    const Digest diff_id = test::diff_id_of(bytes);
    const extract::Layers layers{.diff_ids = {diff_id, diff_id},
                                 .open = [&](std::size_t) { return io::from_string(bytes); },
                                 .bytes_left = 64 << 20};
    attempt([&] { (void)extract::search(layers, "/d/x", limits); });
    attempt([&] {
        const auto tree =
            extract::search_tree(layers, extract::Selection::parse("/."), extract::Content::taken, limits);
        for (const auto& [path, entry] : tree.entries) {
            if (path.empty() || path.front() == '/' || path.find("//") != std::string::npos) std::abort();
            if (entry.type == io::TarEntry::Type::hardlink) std::abort();
            if (entry.type != io::TarEntry::Type::file) continue;
            if (entry.at + entry.size > tree.content.size()) std::abort();
            io::Hasher hasher;
            hasher.update(io::bytes_of(test::all_of(tree.content.part(entry.at, entry.size).open())));
            if (hasher.finish() != entry.digest) std::abort();
        }
    });
    return 0;
}
