#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What the build image consists of, as its one file /etc/wasmx-build-image.
set -eu
g++ --version | head -n 1
ninja --version
