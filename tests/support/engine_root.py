# SPDX-License-Identifier: Apache-2.0
"""A Debian of its own for an engine that is newer than this machine's: Docker 26 of Debian 13, for containerd's store.

It comes from the package sources this machine is set up with. As with the base image, packages are extracted and not
configured; `contained` makes the folder the root of the engine and of nothing else."""
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

import base_image

SUITE = "trixie"
PACKAGES = ["base-files", "coreutils", "docker.io", "iptables", "mount"]
EXCLUDED = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*"]
# What is written there goes to a tmpfs, or is bound there. The accounts are those that every Debian has.
FINISH = r"""
set -eu
cd "$1"
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
"""


def make(root: Path, scratch: Path) -> None:
    sources = [Path(file) for file in base_image.package_sources(scratch)]
    for file in sources:
        file.write_text(re.sub(rf"\b{base_image.SUITE}\b", SUITE, file.read_text()))
    base_image.run(["mmdebstrap", "--quiet", "--variant=extract", "--format=directory", f"--include={','.join(PACKAGES)}",
                    *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED), *base_image.download_options(),
                    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", SUITE, str(root), *map(str, sources)])
    base_image.run(["sh", "-c", FINISH, "finish", str(root)])


def ensure(cache: Path) -> Path:
    """The folder, made if this recipe's is not in the cache yet."""
    recipe = repr((SUITE, PACKAGES, EXCLUDED, FINISH, base_image.architecture()))
    root = cache / f"engine-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several labs may share a cache
        if not root.exists():
            scratch = Path(tempfile.mkdtemp(dir=cache))
            try:
                make(scratch / "root", scratch)
                os.replace(scratch / "root", root)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return root
