#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The base image of the tests: a Debian 12 with a C++ toolchain, as a docker-archive.

It is made from the package sources this machine is already set up with. The packages are extracted and
not configured: that runs no maintainer script and needs neither chroot nor mounts, so it works inside a
container too, and takes half the time. What the scripts would have set up, as far as builds need it, is in
FINISH. For the same packages the archive is the same, byte for byte: so is the image's id, and an engine's
build cache stays valid.

    base_image.py CACHE_FOLDER      makes the archive if it is not there, prints its path
"""
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

NAME = "wasmx-test-base:bookworm"
SUITE = "bookworm"
CREATED = "2023-11-14T22:13:20Z"
EPOCH = "1700000000"  # the same moment
PACKAGES = """
    base-files base-passwd bash coreutils dash debianutils diffutils findutils grep gzip hostname libc-bin login
    ncurses-base procps sed tar util-linux
    cmake curl g++ git make mawk ninja-build perl pkg-config python3 xz-utils
""".split()
# Documentation, and the large parts of the toolchain that no build of ours runs: link-time optimisation,
# sanitizers, the profiler, the test and package drivers of cmake.
EXCLUDED = """
    /usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/* /usr/share/bash-completion/*
    /usr/share/gitweb/* /usr/share/vim/* /usr/share/perl/*/Unicode/Collate/*
    /usr/bin/*-lto-dump* /usr/lib/gcc/*/*/lto1 /usr/lib/*san.so* /usr/lib/*san.a /usr/lib/*gprofng*
    /usr/bin/*-dwp /usr/bin/cpack /usr/bin/ctest
""".split()
FINISH = r"""
set -eu
cd "$1"
for alternative in awk=mawk cc=gcc c++=g++ which=which.debianutils; do
    ln -s "${alternative#*=}" "usr/bin/${alternative%=*}"
done
[ -e usr/bin/sh ] || ln -s dash usr/bin/sh
mkdir -p usr/local/bin usr/local/include usr/local/lib usr/local/sbin usr/local/share
cp usr/share/base-passwd/passwd.master etc/passwd
cp usr/share/base-passwd/group.master etc/group
# What is left of the making: where packages came from, lists, logs; and devices, which an engine brings itself.
rm -rf etc/apt etc/dpkg etc/hostname etc/resolv.conf var/lib/apt var/lib/dpkg var/cache/* var/log/* dev/*
"""
FROM_DEBIAN = re.compile(rf"(?<![\w-]){SUITE}(-updates|-security)?(?![\w-]).*\bmain\b", re.DOTALL)


class BaseImageError(Exception):
    pass


def architecture() -> str:
    """As docker spells it."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def package_sources(folder: Path) -> list[str]:
    """Files with those of this machine's package sources that serve Debian 12 itself; others (a vendor's
    repository, say) could put newer packages into the image."""
    lines, stanzas = [], []
    for file in [Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))]:
        text = file.read_text() if file.suffix in (".list", ".sources") and file.is_file() else ""
        text = re.sub(r"(?m)^\s*#.*\n?", "", text)
        if file.suffix == ".list":
            lines += [line for line in text.splitlines() if line.startswith("deb ") and FROM_DEBIAN.search(line)]
        else:
            stanzas += [stanza.strip() for stanza in re.split(r"\n\s*\n", text)
                        if FROM_DEBIAN.search(stanza) and not re.search(r"(?mi)^enabled:\s*no", stanza)]
    written = []
    for name, entries in (("one-line.list", lines), ("stanzas.sources", stanzas)):
        if entries:
            (folder / name).write_text("\n\n".join(entries) + "\n")
            written.append(str(folder / name))
    if not written:
        raise BaseImageError(f"the base image is made from this machine's package sources, and none in /etc/apt serves Debian {SUITE}")
    return written


def download_options() -> list[str]:
    """How this machine downloads packages (proxies and the like) holds for the image as well."""
    dump = subprocess.run(["apt-config", "dump", "--no-empty", "Acquire"], check=True, capture_output=True, text=True).stdout
    wanted = re.compile(r"Acquire::(https?::|Check-|Retries|ForceIPv)")
    return [f"--aptopt={line}" for line in dump.splitlines() if wanted.match(line)]


def run(command: list[str], **environment: str) -> None:
    done = subprocess.run(command, env={**os.environ, "LC_ALL": "C.UTF-8", **environment}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise BaseImageError(f"{command[0]} failed:\n" + "\n".join(done.stdout.splitlines()[-20:]))


def make_layer(layer: Path, scratch: Path, packages: list[str]) -> None:
    tree = scratch / "tree"
    run(["mmdebstrap", "--quiet", "--variant=extract", "--format=directory", f"--include={','.join(packages)}",
         *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED), *download_options(),
         "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", SUITE, str(tree), *package_sources(scratch)],
        SOURCE_DATE_EPOCH=EPOCH)
    run(["sh", "-c", FINISH, "finish", str(tree)])
    run(["tar", "--create", f"--file={layer}", f"--directory={tree}", "--sort=name", "--numeric-owner",
         f"--mtime=@{EPOCH}", "--clamp-mtime", "--format=gnu", "."])


def make_archive(layer: Path, archive: Path, name: str) -> None:
    with layer.open("rb") as content:
        diff_id = "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
    config = json.dumps({
        "architecture": architecture(), "os": "linux", "created": CREATED,
        "config": {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], "Cmd": ["/bin/bash"]},
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": CREATED, "created_by": "base_image.py"}]}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(archive, "w") as tar:
        for file, data in (("manifest.json", manifest), ("config.json", config)):
            member = tarfile.TarInfo(file)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        member = tarfile.TarInfo("layer.tar")
        member.size = layer.stat().st_size
        with layer.open("rb") as content:
            tar.addfile(member, content)


def diff_id(archive: Path) -> str:
    with tarfile.open(archive) as tar:
        return json.load(tar.extractfile("config.json"))["rootfs"]["diff_ids"][0]


def ensure(cache: Path, more: Sequence[str] = (), name: str = NAME) -> Path:
    """The archive, made if this recipe's is not in the cache yet; with more packages it is another image, and has another name."""
    packages = [*PACKAGES, *more]
    recipe = repr((packages, EXCLUDED, FINISH, SUITE, architecture(), EPOCH))
    archive = cache / f"base-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}.tar"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several labs may share a cache
        if not archive.exists():
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                scratch = Path(folder)
                make_layer(scratch / "layer.tar", scratch, packages)
                make_archive(scratch / "layer.tar", scratch / "archive.tar", name)
                os.replace(scratch / "archive.tar", archive)
    return archive


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: base_image.py CACHE_FOLDER")
    try:
        print(ensure(Path(sys.argv[1])))
    except BaseImageError as failure:
        sys.exit(f"base_image: {failure}")
