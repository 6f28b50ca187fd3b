// SPDX-License-Identifier: Apache-2.0
#include "oci/platform.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>

#include <array>

#include "base/error.hpp"
#include "base/text.hpp"

namespace wasmx::oci {

namespace {

struct Spelling {
    Architecture architecture;
    std::string_view docker;
    std::string_view asset;
    std::string_view uname;
    std::uint16_t elf_machine;
};

constexpr std::array spellings{
    Spelling{Architecture::x86_64, "amd64", "x86_64", "x86_64", 62},
    Spelling{Architecture::arm64, "arm64", "arm64", "aarch64", 183},
};

const Spelling& spelling_of(Architecture architecture) noexcept {
    return architecture == Architecture::x86_64 ? spellings[0] : spellings[1];
}

}  // namespace

std::optional<Platform> Platform::from_architecture(std::string_view name) {
    if (name == "x86-64") return Platform(Architecture::x86_64);  // (containerd platforms, normalizeArch)
    for (const Spelling& spelling : spellings)
        if (name == spelling.docker || name == spelling.asset || name == spelling.uname)
            return Platform(spelling.architecture);
    return std::nullopt;
}

Platform Platform::parse(std::string_view text) {
    auto parts = split(text, '/');
    const bool has_os = parts.size() > 1;
    const auto platform = from_architecture(has_os ? parts[1] : parts[0]);
    const bool is_linux = !has_os || parts[0] == "linux";
    const bool variant_fits = parts.size() < 3 || (parts.size() == 3 && platform && platform->is_plain(parts[2]));
    if (platform && is_linux && variant_fits) return *platform;
    throw Error(Fault::usage, fmt::format("no platform of ours: \"{}\"", printable(text)),
                "the platforms are linux/amd64 and linux/arm64");
}

Platform Platform::of_this_machine() {
    utsname name{};
    ::uname(&name);
    if (auto platform = from_architecture(static_cast<const char*>(name.machine))) return *platform;
    throw Error(
        Fault::usage,
        fmt::format("this machine is {}, which has no packaged runtime", static_cast<const char*>(name.machine)),
        "say which one you want: --platform linux/arm64");
}

bool Platform::is_plain(std::string_view variant) const noexcept {
    return variant.empty() || variant == (architecture_ == Architecture::arm64 ? "v8" : "v1");
}

std::string_view Platform::docker_arch() const noexcept { return spelling_of(architecture_).docker; }
std::string_view Platform::asset_arch() const noexcept { return spelling_of(architecture_).asset; }
std::string_view Platform::uname_arch() const noexcept { return spelling_of(architecture_).uname; }
std::uint16_t Platform::elf_machine() const noexcept { return spelling_of(architecture_).elf_machine; }
std::string Platform::docker_platform() const { return fmt::format("{}/{}", os(), docker_arch()); }

}  // namespace wasmx::oci
