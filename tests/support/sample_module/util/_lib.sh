# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# Folders, versions and messages for the scripts of this module. NGX_WASM_DIR is its root.

DIR_WORK=$NGX_WASM_DIR/work
DIR_DOWNLOAD=$DIR_WORK/downloads
DIR_DIST_RUNTIMES=$DIR_WORK/runtimes
DIR_LIBWEE8=$DIR_DIST_RUNTIMES/libwee8
URL_KONG_WASM_RUNTIMES="https://github.com/kong/ngx_wasm_runtimes"

notice() {
    echo "$*"
}

fatal() {
    echo "FATAL: $*" >&2
    exit 1
}

# The value of `NAME ?= value` in the Makefile; needs perl and awk like the rest of the module's tooling.
get_variable_from_makefile() {
    perl -ne "print if /^$1 \?=/" "$NGX_WASM_DIR/Makefile" | awk '{ print $3 }'
}

n_jobs() {
    nproc
}
