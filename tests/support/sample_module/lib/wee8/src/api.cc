// SPDX-License-Identifier: Apache-2.0
#include "v8.h"

// The code that V8 compiles ahead of time for its own builtins; snapshot/embedded.S holds it.
extern "C" int v8_Default_embedded_blob_code_();

namespace v8 {
namespace {
std::string given_flags;
}

// The builtin is called to show that the code of the blob is code of this machine.
bool V8::EnableWebAssemblyTrapHandler(bool) { return v8_Default_embedded_blob_code_() == 42; }

void V8::SetFlagsFromString(const char *flags) { given_flags.append(given_flags.empty() ? "" : " ").append(flags); }

const char *V8::GetVersion() { return V8_VERSION; }

const std::string &internal::flags() { return given_flags; }

}  // namespace v8
