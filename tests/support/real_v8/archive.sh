#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# archive.sh OUT ARCHIVE…: one archive of the members of thin ones. Two members may have one name, hence `q`.
set -e
out=$1
shift
rm -f "$out"
for archive; do ar t "$archive"; done | xargs ar qcD "$out"
ranlib -D "$out"
