// SPDX-License-Identifier: Apache-2.0
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <clocale>
#include <csignal>

int main(int argc, char** argv) {
    // As the program does: libarchive converts names through the locale, and a peer that goes away must not end us.
    std::setlocale(LC_CTYPE, "C.UTF-8");
    std::signal(SIGPIPE, SIG_IGN);
    return doctest::Context(argc, argv).run();
}
