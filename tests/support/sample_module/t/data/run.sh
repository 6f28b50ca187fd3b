#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
echo "$0 is executable"
