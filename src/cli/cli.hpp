// SPDX-License-Identifier: Apache-2.0
#pragma once
// cli: where the program meets its user: the command line, help, signals, progress on a terminal or a pipe, errors, the
// exit code. It does no work of its own.

namespace wasmx::cli {

/// The program. Returns the exit code: 0 done, 1 failed, 2 usage or configuration, 130 / 143 interrupted.
int run(int argc, char** argv);

}  // namespace wasmx::cli
