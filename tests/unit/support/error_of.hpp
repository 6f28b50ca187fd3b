// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <utility>

#include "base/error.hpp"

namespace wasmx::test {

/// The error that `work` ends with; fails the test when there is none.
template <class Work>
Error error_of(Work&& work) {
    try {
        std::forward<Work>(work)();
    } catch (const Error& error) {
        return error;
    }
    FAIL("nothing was thrown");
    return {Fault::bug, ""};
}

}  // namespace wasmx::test
