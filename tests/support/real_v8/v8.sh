#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# v8.sh TARGET VERSION ARCH: stands in for the module's script of that name, in the repository that scripts/real-v8 makes.
# V8 comes out of lib/wee8 of this tree, with the build files that node has for it, instead of being cloned; what is in
# the work folder already is not unpacked, and not compiled, again.
set -e

NGX_WASM_DIR=${NGX_WASM_DIR:-$(cd "$(dirname "$0")/../.." && pwd -P)}
# shellcheck disable=SC1091
source "$NGX_WASM_DIR/util/_lib.sh"

target=$1 version=$2 arch=$3
parts=$NGX_WASM_DIR/lib/wee8
node=$DIR_LIBWEE8/repos/node

fetch() { # STATE
    local state=$1
    notice "unpacking V8..."
    rm -rf "$node.part"
    mkdir -p "$node.part"
    tar -xJf "$parts/node.tar.xz" -C "$node.part"
    local files=$node.part/tools/v8_gypfiles
    cp "$parts/wee8.gyp" "$parts/make_pch.py" "$parts/archive.sh" "$files"
    # Less is optimised, which takes half the time; the objects are for programs of any kind; and there is no disassembler, as
    # in the real recipe.
    sed -i -e "s/'cflags': \[ '-O3' \]/'cflags': [ '-O1', '-fPIC', '-w' ]/" \
        -e "s/'v8_enable_disassembler': 1/'v8_enable_disassembler': 0/" "$node.part/common.gypi"
    sed -i "s/'cflags': \['-O[23]'\]/'cflags': ['-O1']/" "$files/toolchain.gypi"
    # There is neither an inspector nor anything else of node; and of v8_pch there is only what Windows needs.
    sed -i -e "/'includes': \['inspector.gypi'\]/d" -e "/'<@(inspector_all_sources)'/d" \
        -e "/'target_name': 'v8_pch'/,/'conditions': \[/{/'conditions': \[/r $parts/pch.gypi" -e '}' "$files/v8.gyp"
    # Objects of an earlier state stay: files of V8 have the dates that they had, and ninja goes by dates.
    if [[ -e $node/out ]]; then mv "$node/out" "$node.part"; fi
    rm -rf "$node"
    echo "$state" >"$node.part/.state"
    mv "$node.part" "$node"
    ln -sfn node/deps/v8 "$DIR_LIBWEE8/repos/v8"
}

version_of() { # the version that a header of V8 names
    awk '/define V8_(MAJOR|MINOR|BUILD|PATCH)/ { out = out (out == "" ? "" : ".") $3 } END { print out }' "$1"
}

build_libwee8() {
    local cpu
    case $arch in
        x86_64) cpu=x64 ;;
        arm64 | aarch64) cpu=arm64 ;;
        *) fatal "unknown architecture '$arch': it is x86_64 or arm64" ;;
    esac
    local state
    state=$(cat "$parts"/* "$0" | sha256sum)
    [[ -e $node/.state && $(<"$node/.state") == "$state" ]] || fetch "$state"
    cd "$node"
    local there
    there=$(version_of deps/v8/include/v8-version.h)
    [[ $there == "$version" ]] || fatal "this is V8 $there, and $version is wanted"

    notice "generating V8 build files for $cpu..."
    local settings=(target_arch="$cpu" host_arch="$cpu" clang=1 python=python3 component=static_library enable_lto=false
        force_dynamic_crt=0 v8_enable_i18n_support=0 v8_enable_object_print=0 v8_enable_shared_ro_heap=1
        v8_enable_short_builtin_calls=1 v8_enable_webassembly=1 v8_no_strict_aliasing=1 v8_optimized_debug=0 v8_postmortem_support=0)
    CC=clang CXX=clang++ PYTHONPATH=$PWD/tools/v8_gypfiles gyp -f ninja --depth=. --no-duplicate-basename-check -I common.gypi -G output_dir=out \
        "${settings[@]/#/-D}" tools/v8_gypfiles/wee8.gyp

    notice "building V8..."
    ninja -C out/Release wee8

    mkdir -p "$target/lib" "$target/include"
    cp out/Release/libwee8.a "$target/lib"
    cp deps/v8/third_party/wasm-api/wasm.h "$target/include"
}

build_v8bridge() {
    notice "building v8bridge..."
    make -C "$NGX_WASM_DIR/lib/v8bridge" CXX="${CC:-gcc}" V8_INCDIR="$DIR_LIBWEE8/repos/v8/include" build
    make -C "$NGX_WASM_DIR/lib/v8bridge" TARGET="$target" install
}

build_libwee8
build_v8bridge
