# SPDX-License-Identifier: Apache-2.0
"""make_pch.py PRODUCT_FOLDER OUT: precompiles v8_pch.h as V8 itself is compiled, which gyp can only do for Windows and macOS.

clang takes a precompiled header only from a compilation with the same flags. They are in ninja's file of V8's base."""
import os
import re
import subprocess
import sys

out = os.path.abspath(sys.argv[2])
header = os.path.abspath("../msvs/pch/v8_pch.h")
os.chdir(sys.argv[1])
with open("obj/tools/v8_gypfiles/v8_base_without_compiler.ninja", encoding="utf-8") as file:
    text = re.sub(r"\$\n *", "", file.read())  # long lines go on in the next one
flags = [re.search(rf"(?m)^{name} = (.*)", text)[1] for name in ("defines", "includes", "cflags", "cflags_cc")]
command = re.sub(r"-include-pch \S+", "", f"clang++ {' '.join(flags)}".replace("$$", "$"))
# Templates are instantiated once, here: a file then takes two thirds of the time.
sys.exit(subprocess.run(f"{command} -fpch-instantiate-templates -x c++-header {header} -o {out}", shell=True).returncode)
