// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.hpp"

namespace wasmx::push {

/// "wasmx-image/" and 128 random bits: whoever does not know it is not let in.
std::string new_relay_repository();
/// "127.0.0.1:PORT/wasmx-image/…:push"
oci::Reference relay_name(std::uint16_t port, const std::string& repository);
/// The port of such a name; nullopt for any other.
std::optional<std::uint16_t> relay_port(std::string_view name);

/// A name of an image, for a while.
class HeldName {
public:
    HeldName(engine::Engine& engine, const std::string& image, oci::Reference name);
    ~HeldName() { engine_.untag(name_); }
    HeldName(const HeldName&) = delete;
    HeldName& operator=(const HeldName&) = delete;

private:
    engine::Engine& engine_;
    oci::Reference name_;
};

/// Takes away those of the names that are of relays that were killed: where nobody listens any more. Whether it works
/// is not told.
void remove_strays(engine::Engine& engine, io::HttpClient& http, const std::vector<std::string>& names) noexcept;
/// The same with all names of the engine, which looks at each of its images for that.
void remove_all_strays(engine::Engine& engine, io::HttpClient& http) noexcept;

}  // namespace wasmx::push
