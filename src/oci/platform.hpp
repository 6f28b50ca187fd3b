// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wasmx::oci {

/// A machine we build for; always Linux. One architecture has many spellings: each consumer's is a member here, and
/// nowhere else.
enum class Architecture { x86_64, arm64 };

class Platform {
public:
    explicit Platform(Architecture architecture) : architecture_(architecture) {}

    /// "linux/arm64", "linux/arm64/v8", "arm64", "aarch64", …: what people write. Throws Fault::usage.
    static Platform parse(std::string_view text);
    /// An architecture as any engine or kernel spells it ("x86_64", "amd64", "aarch64", "arm64").
    static std::optional<Platform> from_architecture(std::string_view name);
    /// The machine that this program runs on.
    static Platform of_this_machine();

    /// Whether a variant means the same as none: v8 of arm64, v1 of amd64. (image-index.md, "Platform Variants")
    bool is_plain(std::string_view variant) const noexcept;
    Architecture architecture() const noexcept { return architecture_; }
    static std::string_view os() noexcept { return "linux"; }
    std::string_view docker_arch() const noexcept;  ///< docker platform, image tag: amd64, arm64
    std::string_view asset_arch() const noexcept;   ///< release asset, top directory, script argument: x86_64, arm64
    std::string_view uname_arch() const noexcept;   ///< uname -m: x86_64, aarch64
    std::uint16_t elf_machine() const noexcept;     ///< e_machine: 62, 183
    std::string docker_platform() const;            ///< "linux/arm64"
    bool operator==(const Platform&) const = default;

private:
    Architecture architecture_;
};

}  // namespace wasmx::oci
