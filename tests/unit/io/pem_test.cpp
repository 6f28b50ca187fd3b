// SPDX-License-Identifier: Apache-2.0
#include "io/pem.hpp"

#include <doctest/doctest.h>

#include <string>

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

TEST_CASE("certificates that cannot be read are left out, and the others stay, as Go's clients do") {
    const std::string good = R"(-----BEGIN CERTIFICATE-----
MIIBfjCCASOgAwIBAgIUUOYbh9YSoyQx1AbN+oyI90THyx0wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJdW5pdCB0ZXN0MB4XDTI2MTEyODA3NDUyNloXDTM2MTEyNTA3
NDUyNlowFDESMBAGA1UEAwwJdW5pdCB0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEH1Yx2gOK3aWJnIZfZalbAcbNVmJpPdVp0Z1e2z8VbUf9MZ2gg627hmYe
lB5jTgwGZTJ9ufSq6Fkiz/Hx7ws3lqNTMFEwHQYDVR0OBBYEFOdJHwrXAqob5AaX
R7+NhfC4UBPCMB8GA1UdIwQYMBaAFOdJHwrXAqob5AaXR7+NhfC4UBPCMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIjEVcN62bFpovFZtWRdNmHO
L5iqit4NpdTln3MpvBqnAiEAsUa5j0PxhB5kvSicwvzfHXOa+ma5x0NJCLrs1qFv
8l8=
-----END CERTIFICATE-----
)";
    const std::string damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const std::string open_ended = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    CHECK(readable_certificates(good) == good);
    CHECK(readable_certificates(damaged + "words\n" + good + good + open_ended) == good + good);
    CHECK(readable_certificates(damaged).empty());
    CHECK(readable_certificates(std::string("\x30\x82\x00", 3)).empty());  // DER
    CHECK(readable_certificates("").empty());
}

TEST_SUITE_END();

}  // namespace wasmx::io
