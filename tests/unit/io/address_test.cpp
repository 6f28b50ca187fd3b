// SPDX-License-Identifier: Apache-2.0
#include "io/address.hpp"

#include <doctest/doctest.h>

#include <string>

namespace wasmx::io {

TEST_SUITE_BEGIN("io");

namespace {

using enum AddressScope;

}  // namespace

TEST_CASE("where addresses are") {
    struct Row {
        std::string address;
        AddressScope scope;
    };
    for (const Row& row : {
             Row{"127.0.0.1", loopback},
             Row{"127.255.255.254", loopback},
             Row{"::1", loopback},
             Row{"[::1]", loopback},
             Row{"::ffff:127.0.0.1", loopback},
             Row{"64:ff9b::127.0.0.1", loopback},
             Row{"2002:7f00:1::", loopback},
             Row{"10.0.0.1", private_use},
             Row{"10.255.255.255", private_use},
             Row{"172.16.0.1", private_use},
             Row{"172.31.255.255", private_use},
             Row{"192.168.0.1", private_use},
             Row{"100.64.0.1", private_use},
             Row{"100.127.255.255", private_use},
             Row{"198.19.0.1", private_use},
             Row{"fc00::1", private_use},
             Row{"fdff::1", private_use},
             Row{"fec0::1", private_use},
             Row{"::ffff:10.0.0.1", private_use},
             Row{"64:ff9b::10.0.0.1", private_use},
             Row{"64:ff9b:1::1", private_use},
             Row{"2002:a00:1::", private_use},
             Row{"9.255.255.255", global},
             Row{"11.0.0.0", global},
             Row{"100.63.255.255", global},
             Row{"100.128.0.0", global},
             Row{"126.255.255.255", global},
             Row{"128.0.0.0", global},
             Row{"140.82.121.33", global},
             Row{"169.253.255.255", global},
             Row{"172.15.255.255", global},
             Row{"172.32.0.0", global},
             Row{"192.167.255.255", global},
             Row{"192.169.0.0", global},
             Row{"198.17.255.255", global},
             Row{"198.20.0.0", global},
             Row{"223.255.255.255", global},
             Row{"2606:50c0:8000::154", global},
             Row{"64:ff9b::140.82.121.33", global},
             Row{"2002:8c52:7921::", global},
             Row{"0.0.0.0", none},
             Row{"0.1.2.3", none},
             Row{"169.254.169.254", none},
             Row{"192.0.2.1", none},
             Row{"198.51.100.1", none},
             Row{"203.0.113.1", none},
             Row{"224.0.0.1", none},
             Row{"240.0.0.1", none},
             Row{"255.255.255.255", none},
             Row{"::", none},
             Row{"::127.0.0.1", none},
             Row{"fe80::1", none},
             Row{"fe80::1%eth0", none},
             Row{"ff02::1", none},
             Row{"100::1", none},
             Row{"2001:db8::1", none},
             Row{"::ffff:169.254.169.254", none},
             Row{"", none},
             Row{"ghcr.io", none},
             Row{"127.0.0", none},
             Row{"1.2.3.4.5", none},
             Row{"[", none},
             Row{"[]", none},
         }) {
        CAPTURE(row.address);
        CHECK(scope_of_address(row.address) == row.scope);
    }
}

TEST_CASE("what hosts say of themselves") {
    struct Row {
        std::string host;
        std::optional<AddressScope> scope;
    };
    for (const Row& row : {
             Row{"ghcr.io", {}},
             Row{"ghcr.io.", {}},
             Row{"1.ghcr.io", {}},
             Row{"localhost.example.org", {}},
             Row{"10.0.0.1.example.org", {}},
             Row{"localhost", loopback},
             Row{"localhost.", loopback},
             Row{"x.localhost", loopback},
             Row{"127.0.0.1", loopback},
             Row{"127.0.0.1.", loopback},
             Row{"::1", loopback},
             Row{"metadata", private_use},
             Row{"metadata.google.internal", private_use},
             Row{"minio.local", private_use},
             Row{"nas.home.arpa", private_use},
             Row{"10.0.0.1", private_use},
             Row{"140.82.121.33", global},
             Row{"169.254.169.254", none},
             Row{"2852039166", none},
             Row{"0xa9fea9fe", none},
             Row{"127.0x1", none},
             Row{"fe80::1", none},
             Row{"", none},
         }) {
        CAPTURE(row.host);
        CHECK(scope_of_host(row.host) == row.scope);
    }
}

TEST_CASE("who may lead whither") {
    for (const AddressScope from : {loopback, private_use, global, none}) {
        CAPTURE(name_of(from));
        CHECK(may_lead_to(from, global));
        CHECK_FALSE(may_lead_to(from, none));
        CHECK(may_lead_to(from, loopback) == (from == loopback));
        CHECK(may_lead_to(from, private_use) == (from == private_use));
    }
}

TEST_SUITE_END();

}  // namespace wasmx::io
