// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace v8 {

class V8 {
public:
    static bool EnableWebAssemblyTrapHandler(bool use_v8_signal_handler);
    static void SetFlagsFromString(const char *flags);
    static const char *GetVersion();
};

namespace internal {
// Flags given so far, with a blank between them.
const std::string &flags();
}  // namespace internal

}  // namespace v8
