#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# v8.sh [TARGET [VERSION [ARCH [MODE [CLEAN]]]]]
set -e

NGX_WASM_DIR=${NGX_WASM_DIR:-$(cd "$(dirname "$0")/../.." && pwd -P)}
# shellcheck disable=SC1091
source "$NGX_WASM_DIR/util/_lib.sh"

check_dependencies() {
    local tool
    for tool in git curl python3 xz pkg-config ninja g++ ar perl awk; do
        command -v "$tool" >/dev/null || fatal "$tool is needed in the path"
    done
    # The generators are started as `python`, as those of the real runtime are.
    python --version 2>&1 | grep -q '^Python 3' || fatal "python in the path has to be Python 3"
}

download_v8() {
    local target=$1 version=$2 arch=${3/aarch64/arm64}
    local name=v8-$version-linux-$arch
    mkdir -p "$DIR_DOWNLOAD" "$(dirname "$target")"
    curl --fail -L -o "$DIR_DOWNLOAD/$name.tar.gz" \
        "$URL_KONG_WASM_RUNTIMES/releases/download/v8-$version/ngx_wasm_runtime-$name.tar.gz"
    tar -C "$DIR_DOWNLOAD" -xf "$DIR_DOWNLOAD/$name.tar.gz"
    mv "$DIR_DOWNLOAD/$name" "$target"
}

# Without a network the checkout comes out of this tree; everything from here on is as if it had come from afar.
fetch_v8() {
    local version=$1 i
    mkdir -p "$DIR_LIBWEE8/repos"
    notice "fetching V8 repository..."
    rm -rf "$DIR_LIBWEE8/repos/v8"
    cp -R "$NGX_WASM_DIR/lib/wee8" "$DIR_LIBWEE8/repos/v8"
    echo "Note: switching to '$version'." >&2

    notice "synchronizing V8 repository..."
    for ((i = 1; i <= 120; i++)); do
        printf 'Syncing projects: %3d%% (%d/120) third_party/dep_%03d\n' $((i * 100 / 120)) "$i" "$i" >&2
    done
}

compiler_for() {
    local arch=$1 cxx=g++
    [[ $arch == "$(uname -m | sed s/aarch64/arm64/)" ]] || cxx=${arch/arm64/aarch64}-linux-gnu-g++
    command -v "$cxx" >/dev/null || fatal "no compiler for $arch: $cxx is not in the path"
    echo "$cxx"
}

build_libwee8() {
    local target=$1 version=$2 arch=$3 clean=$4 cpu cxx
    notice "building libwee8..."
    check_dependencies
    case $arch in
        x86_64) cpu=x64 ;;
        arm64) cpu=arm64 ;;
        *) fatal "unknown architecture '$arch': it is x86_64 or arm64" ;;
    esac
    cxx=$(compiler_for "$arch")

    ### fetch

    fetch_v8 "$version"
    cd "$DIR_LIBWEE8/repos/v8"

    ### build

    local out=out.gn/$cpu.release
    [[ $clean != clean ]] || rm -rf "$out"
    notice "generating V8 build files for $cpu..."
    python build/gen.py "$out" "$cxx" "$cpu" "$version"
    notice "building V8 with $(n_jobs) jobs..."
    ninja -C "$out" -j "$(n_jobs)" wee8

    ### install

    mkdir -p "$target/lib" "$target/include"
    cp "$out/obj/libwee8.a" "$target/lib"
    cp third_party/wasm-api/wasm.h "$target/include"
}

build_v8bridge() {
    local target=$1 arch=$2 clean=$3 cxx
    cxx=$(compiler_for "$arch")
    notice "building v8bridge..."
    [[ $clean != clean ]] || make -C "$NGX_WASM_DIR/lib/v8bridge" clean
    make -C "$NGX_WASM_DIR/lib/v8bridge" CXX="$cxx" V8_INCDIR="$DIR_LIBWEE8/repos/v8/include" build
    make -C "$NGX_WASM_DIR/lib/v8bridge" TARGET="$target" install
}

target=${1:-$DIR_WORK}
version=${2:-$(get_variable_from_makefile V8)}
arch=$3
mode=$4
clean=$5

if [[ $mode == download ]]; then
    download_v8 "$target" "$version" "$arch"
elif [[ -n $CI && $arch == aarch64 ]]; then
    notice "aarch64 on CI: downloading instead of building"
    download_v8 "$target" "$version" "$arch"
else
    build_libwee8 "$target" "$version" "$arch" "$clean"
    build_v8bridge "$target" "$arch" "$clean"
fi
