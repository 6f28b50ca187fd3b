# SPDX-License-Identifier: Apache-2.0
# Every third-party library, once, under one name: `dep_<library>`.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

function(wasmx_dependency name)
  add_library(dep_${name} INTERFACE)
  target_link_libraries(dep_${name} INTERFACE ${ARGN})
endfunction()

find_package(fmt REQUIRED)
wasmx_dependency(fmt fmt::fmt Threads::Threads)
find_package(nlohmann_json 3.10 REQUIRED)
wasmx_dependency(json nlohmann_json::nlohmann_json)
find_package(CLI11 REQUIRED)
wasmx_dependency(cli11 CLI11::CLI11)
find_package(yaml-cpp REQUIRED)
wasmx_dependency(yaml yaml-cpp)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl>=7.81)
wasmx_dependency(curl PkgConfig::CURL)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto>=3.0)
wasmx_dependency(crypto PkgConfig::CRYPTO)
pkg_check_modules(ARCHIVE REQUIRED IMPORTED_TARGET libarchive>=3.5)
wasmx_dependency(archive PkgConfig::ARCHIVE)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal>=2.30)
wasmx_dependency(isal PkgConfig::ISAL)
pkg_check_modules(ELF REQUIRED IMPORTED_TARGET libelf>=0.186)
wasmx_dependency(elf PkgConfig::ELF)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd>=1.4.8)
wasmx_dependency(zstd PkgConfig::ZSTD)

# Headers only, without a package file.
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_message.hpp REQUIRED)
add_library(dep_protozero INTERFACE)
target_include_directories(dep_protozero SYSTEM INTERFACE ${PROTOZERO_INCLUDE_DIR})

# What every target of ours is compiled with.
add_library(wasmx_options INTERFACE)
target_compile_options(wasmx_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wno-missing-field-initializers $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<BOOL:${WASMX_WERROR}>:-Werror>)
# Hardened in every configuration, so that what is tested is what is shipped: scripts/check-hardening reads it from the program.
target_compile_options(wasmx_options INTERFACE -fPIE -fstack-protector-strong -fstack-clash-protection)
target_compile_definitions(wasmx_options INTERFACE _FILE_OFFSET_BITS=64 _GLIBCXX_ASSERTIONS
  $<$<CONFIG:Release>:_FORTIFY_SOURCE=2>)
target_link_options(wasmx_options INTERFACE -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack)
target_include_directories(wasmx_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(WASMX_SANITIZE)
  # gcc 12 sees uninitialised values in its own <regex> when it instruments.
  target_compile_options(wasmx_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> -fsanitize=${WASMX_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(wasmx_options INTERFACE -fsanitize=${WASMX_SANITIZE})
endif()
