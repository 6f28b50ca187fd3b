#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""run.py PROGRAM CASE-FOLDER: runs the shell line in CASE-FOLDER/cmd, with `wasmx-image` on PATH, in an empty folder that is
also its home, and compares what it says with stdout, stderr and exit there. WASMX_UPDATE=1 writes them instead."""
import difflib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

program, case = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
with tempfile.TemporaryDirectory() as folder:
    home = Path(folder)
    (home / "bin").mkdir()
    (home / "bin" / "wasmx-image").symlink_to(program)
    environment = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")}
    environment |= {"PATH": f"{home / 'bin'}:/usr/bin:/bin", "HOME": folder, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    done = subprocess.run(["/bin/sh", "-c", (case / "cmd").read_text()], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)

    def steady(text: str) -> str:
        text = re.sub(r"after \d+ ms", "after N ms", text.replace(folder, "HOME").replace(folder.replace("_", "\\_"), "HOME"))
        text = re.sub(r"(took +|skipped in |passed in |failed in )\d+\.\ds", r"\1N", text)
        return re.sub(r'("seconds": )[\d.e-]+', r"\1N", text)

    got = {"stdout": steady(done.stdout), "stderr": steady(done.stderr), "exit": f"{done.returncode}\n"}

failed = False
for name, text in got.items():
    file = case / name
    if os.environ.get("WASMX_UPDATE"):
        file.write_text(text)
        continue
    expected = file.read_text()
    if text != expected:
        failed = True
        sys.stdout.writelines(difflib.unified_diff(expected.splitlines(True), text.splitlines(True), f"{file}", "now"))
sys.exit(1 if failed else 0)
