// SPDX-License-Identifier: Apache-2.0
// A package as a stranger made it. The first byte says what the rest is: the .tar.gz itself, the tar in it, the library
// in which V8's builtins and functions are looked for, or a tar that is compressed twice. It is examined to its end,
// and never thrown at with anything but an Error.
#include <cstdlib>

#include "artifact/artifact.hpp"
#include "base/error.hpp"
#include "extract/tars.hpp"

using namespace wasmx;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const recipe::Recipe recipe{
        .runtime = recipe::Runtime::v8, .version = "1.2.3", .platform = oci::Platform{oci::Architecture::arm64}};
    const auto contract = artifact::contract_of(recipe);
    const std::string rest(reinterpret_cast<const char*>(data + 1), size - 1);
    const auto tarball = [&]() -> std::string {
        switch (data[0] % 4) {
            case 0: return rest;
            case 1: return test::gzipped(rest);
            case 3: return test::gzipped(test::gzipped(rest));
            default:
                return test::gzipped(test::tar({test::file(recipe.top_directory() + "/lib/libwee8.a", rest),
                                                test::file(recipe.top_directory() + "/include/wasm.h", "x")}));
        }
    }();
    const auto examined = artifact::examine(io::from_string(tarball), contract);
    // What was made here lacks v8bridge.h at least, and what was not is no package but by a miracle.
    bool failed = false;
    for (const auto& point : examined.points) failed = failed || point.verdict == artifact::Verdict::fail;
    if (!failed || examined.summary.size != tarball.size()) std::abort();
    return 0;
}
