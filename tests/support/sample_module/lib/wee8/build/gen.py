#!/usr/bin/env python
# SPDX-License-Identifier: Apache-2.0
"""gen.py OUT CXX CPU VERSION: writes OUT/build.ninja for libwee8.a."""
import pathlib
import sys

out, cxx, cpu, version = sys.argv[1:]
root = pathlib.Path.cwd()
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
up = "../.."
# One small table a builtin: many edges for ninja, and members of the archive that nothing refers to.
builtins = [f"builtin_{number:02d}" for number in range(40)]
for name in builtins:
    source = folder / "gen" / f"{name}.cc"
    source.parent.mkdir(exist_ok=True)
    source.write_text(f'extern "C" const int v8_{name}_size;\nextern "C" const int v8_{name}_size = {len(name)};\n')

lines = [f"cxx = {cxx}",
         f"flags = -std=c++20 -O2 -fPIC -fno-ident -ffile-prefix-map={root}=. -I{up}/include -I{up}/third_party/wasm-api "
         f"-DV8_VERSION='\"{version}\"' -DV8_TARGET_ARCH_{cpu.upper()}",
         "rule cxx", "  command = $cxx $flags -MMD -MF $out.d -c $in -o $out", "  depfile = $out.d", "  deps = gcc",
         "  description = CXX $out",
         "rule stamp", "  command = touch $out", "  description = STAMP $out",
         "rule ar", "  command = rm -f $out && ar rcsD $out $in", "  description = AR $out"]
objects = []
for source in sorted(root.glob("src/**/*")):
    if source.suffix in (".cc", ".S"):
        objects.append(f"obj/wee8/{source.stem}.o")
        lines.append(f"build {objects[-1]}: cxx {up}/{source.relative_to(root)}")
for name in builtins:
    lines.append(f"build obj/{name}.stamp: stamp gen/{name}.cc")
    lines.append(f"build obj/wee8/{name}.o: cxx gen/{name}.cc | obj/{name}.stamp")
    objects.append(f"obj/wee8/{name}.o")
lines += [f"build obj/libwee8.a: ar {' '.join(objects)}", "build wee8: phony obj/libwee8.a", "default wee8"]
(folder / "build.ninja").write_text("\n".join(lines) + "\n")
print(f"Done. Made {len(lines) - 12} targets from 41 files")
