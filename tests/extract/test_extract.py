# SPDX-License-Identifier: Apache-2.0
"""`extract` against images that are made to do harm, and against registries that answer wrongly. The program comes from
WASMX_IMAGE."""
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from memory_registry import MemoryRegistry, digest_of, layer_of, member

PROGRAM = os.environ["WASMX_IMAGE"]
TAG = "v8-13.1.201.15-linux-arm64"
TOP = TAG
PACKAGE = f"ngx_wasm_runtime-{TOP}.tar.gz"
FOLDER = "wasmx/dist"
DIR, SYM, LNK, CHR, FIFO = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE


class ExtractCase(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wasmx-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.registry = MemoryRegistry()
        self.addCleanup(self.registry.close)
        (self.folder / "outside").mkdir()
        self.out = self.folder / "in" / "out"
        self.out.mkdir(parents=True)

    def run_program(self, *arguments, exit_code: int = 0, **environment) -> subprocess.CompletedProcess:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "DOCKER_"))}
        done = subprocess.run([PROGRAM, "extract", *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=self.folder / "in",
                              env=inherited | {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder)} | environment)
        self.assertEqual(done.returncode, exit_code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def tree(self) -> dict[str, str]:
        """All below the test's folder: contents, targets, or "/"."""
        out = {}
        for path in self.folder.rglob("*"):
            name = str(path.relative_to(self.folder))
            out[name] = "-> " + os.readlink(path) if path.is_symlink() else "/" if path.is_dir() else path.read_bytes().decode(errors="replace")
        return out


class Taken(ExtractCase):
    def setUp(self):
        super().setUp()
        self.image = self.registry.image(TAG, [
            layer_of(member("wasmx", kind=DIR, mode=0o755), member(FOLDER + "/old", "old"), member(FOLDER + "/a.txt", "lower")),
            layer_of(member(FOLDER + "/.wh.old"), member(FOLDER + "/a.txt", "upper", mode=0o6755), member(FOLDER + "/sub/b.txt", "b"),
                     member(FOLDER + "/link", kind=SYM, link="a.txt"), member(FOLDER + "/hard", kind=LNK, link=FOLDER + "/a.txt"))])

    def sums(self, **files: str) -> set[str]:
        return {f"{hashlib.sha256(text.encode()).hexdigest()}  {path}" for path, text in files.items()}

    def test_a_folder_keeps_its_name(self):
        before = self.tree()
        done = self.run_program(self.image, "--path", "/" + FOLDER, "-o", "out")
        self.assertEqual({name: text for name, text in self.tree().items() if name not in before}, {
            "in/out/dist": "/", "in/out/dist/a.txt": "upper", "in/out/dist/hard": "upper", "in/out/dist/link": "-> a.txt",
            "in/out/dist/sub": "/", "in/out/dist/sub/b.txt": "b"})
        self.assertEqual(set(done.stdout.splitlines()), self.sums(**{"out/dist/a.txt": "upper", "out/dist/hard": "upper", "out/dist/sub/b.txt": "b"}))
        self.assertEqual((self.out / "dist" / "a.txt").stat().st_mode & 0o7777, 0o755, "set-user-ID is dropped")

    def test_what_is_in_it(self):
        for path in ("/wasmx/dist/.", "/wasmx/dist/*", "wasmx/d*/*"):
            with self.subTest(path=path):
                shutil.rmtree(self.out)
                self.run_program(self.image, "--path", path, "-o", "out")
                below = self.out / ("dist" if path.startswith("wasmx/d*") else "")
                self.assertEqual((below / "sub" / "b.txt").read_text(), "b")
                self.assertFalse((below / "old").exists())

    def test_a_folder_that_is_there_stays(self):
        (self.out / "dist").mkdir()
        done = self.run_program(self.image, "--path", "/wasmx/dist", "-o", "out", exit_code=2)
        self.assertIn("out/dist is there already", done.stderr)
        self.assertEqual(list((self.out / "dist").iterdir()), [])

    def test_list(self):
        done = self.run_program(self.image, "--list")
        self.assertEqual([line.split(" ", 1)[0] + " " + line.split("/", 1)[1] for line in done.stdout.splitlines()], [
            "-rwxr-xr-x wasmx/dist/a.txt", "-rwxr-xr-x wasmx/dist/hard", "lrw-r--r-- wasmx/dist/link -> a.txt", "-rw-r--r-- wasmx/dist/sub/b.txt"])
        entries = json.loads(self.run_program(self.image, "--list", "--format", "json", "--path", "/wasmx/dist/*").stdout)["entries"]
        self.assertEqual({entry["path"]: (entry["type"], entry["layer"]) for entry in entries}, {
            "/wasmx/dist/a.txt": ("file", 2), "/wasmx/dist/hard": ("file", 2), "/wasmx/dist/link": ("symlink", 2), "/wasmx/dist/sub/b.txt": ("file", 2)})
        self.assertEqual(list(self.out.iterdir()), [])

    def test_a_deleted_file_is_said_to_be(self):
        done = self.run_program(self.image, "--path", "/wasmx/dist/old", exit_code=1)
        self.assertIn("/wasmx/dist/old was deleted by layer 2", done.stderr)

    def test_in_a_workflow(self):
        (self.folder / "outputs").touch()
        environment = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(self.folder / "outputs"), "GITHUB_STEP_SUMMARY": str(self.folder / "summary")}
        self.run_program(self.image, "--path", "/wasmx/dist/a.txt", "-o", "out", **environment)
        outputs = dict(line.split("=", 1) for line in (self.folder / "outputs").read_text().splitlines())
        self.assertEqual(outputs, {"path": "out/a.txt", "sha256": hashlib.sha256(b"upper").hexdigest(), "size": "5",
                                   "digest": digest_of(self.registry.manifests[TAG])})
        self.assertIn("a.txt", (self.folder / "summary").read_text())
        failed = self.run_program(self.image, "--path", "/nope", exit_code=1, **environment)
        self.assertIn("::error title=wasmx-image extract::/nope is not in the image", failed.stderr)

    def test_a_tag_of_nobody_s(self):
        image = self.registry.image("latest", [layer_of(member("x"))])
        self.assertIn("does not say which runtime is in it", self.run_program(image, "--platform", "linux/arm64", exit_code=2).stderr)

    def test_the_wrong_platform(self):
        self.assertIn("it has linux/amd64", self.run_program(self.registry.image(TAG, [layer_of(member("x"))], "amd64"), exit_code=1).stderr)


class Promised(ExtractCase):
    """The manifest's annotations name the file and its digest."""

    def setUp(self):
        super().setUp()
        self.content = os.urandom(1_000_000)
        layers = [layer_of(member("base", os.urandom(2_000_000))), layer_of(member(f"{FOLDER}/x.gz", self.content), member("z", os.urandom(8_000_000)))]
        self.image = self.registry.image("any", layers, annotations=self.note(self.content))
        self.top = self.registry.layers("any")[1]

    def note(self, content: bytes) -> dict:
        return {"dev.wasmx.package.path": f"/{FOLDER}/x.gz", "dev.wasmx.package.size": str(len(content)), "dev.wasmx.package.digest": digest_of(content)}

    def test_it_stops_where_the_file_ends(self):
        done = self.run_program(self.image, "-o", "out", "--format", "json", "--platform", "linux/arm64")
        self.assertEqual((self.out / "x.gz").read_bytes(), self.content)
        report = json.loads(done.stdout)
        self.assertLess(report["fetched"], 2_000_000)
        self.assertGreater(report["image_size"], 10_000_000)

    def test_a_broken_promise(self):
        image = self.registry.image("other", [layer_of(member(f"{FOLDER}/x.gz", self.content))], annotations=self.note(b"something else"))
        done = self.run_program(image, "-o", "out", "--platform", "linux/arm64", exit_code=1)
        self.assertIn("the manifest promises", done.stderr)
        self.assertEqual(list(self.out.iterdir()), [])


class Faults(ExtractCase):
    """A layer that does not arrive as it is: the right file, or none."""

    def setUp(self):
        super().setUp()
        self.content = os.urandom(3_000_000)
        self.image = self.registry.image(TAG, [layer_of(member("x", self.content))])
        self.layer = self.registry.layers(TAG)[0]
        self.asked = []

    def extract(self, exit_code: int = 0) -> subprocess.CompletedProcess:
        done = self.run_program(self.image, "--path", "/x", "-o", "out", exit_code=exit_code)
        names = [path.name for path in self.out.iterdir()]
        if exit_code == 0:
            self.assertEqual(names, ["x"])
            self.assertEqual((self.out / "x").read_bytes(), self.content)
        else:
            self.assertEqual(names, [], "nothing is left")
        return done

    def on_layer(self, answer) -> None:
        def fault(request, digest, data):
            if digest != self.layer:
                return False
            self.asked.append(request.headers.get("Range"))
            return answer(request, data, len(self.asked))
        self.registry.fault = fault

    def test_one_flipped_byte(self):
        for at in (20, 1_500_000, -5):
            with self.subTest(at=at):
                def flipped(request, data, _):
                    wrong = bytearray(data)
                    wrong[at] ^= 1
                    request.answer(200, bytes(wrong))
                    return True
                self.on_layer(flipped)
                self.extract(exit_code=1)

    def test_truncated(self):
        def truncated(request, data, _):
            request.answer(200, data[:-1000])
            return True
        self.on_layer(truncated)
        self.extract(exit_code=1)

    def test_longer(self):
        def longer(request, data, _):
            request.answer(200, data + b"more")
            return True
        self.on_layer(longer)
        self.extract(exit_code=1)

    def test_a_content_length_that_lies(self):
        for lie in (-1000, 1000):
            with self.subTest(lie=lie):
                def lying(request, data, _):
                    request.answer(200, data, Content_Length=len(data) + lie)
                    return True
                self.on_layer(lying)
                self.extract(exit_code=1)

    def test_another_digest_in_the_header(self):
        def other(request, data, _):
            request.answer(200, data, Docker_Content_Digest=digest_of(b"other"))
            return True
        self.on_layer(other)
        # It is the bytes that count, and they are right.
        self.extract()

    def test_dropped_connections(self):
        for percent in (10, 50, 90):
            for knows_ranges in (True, False):
                with self.subTest(percent=percent, knows_ranges=knows_ranges):
                    self.asked = []
                    shutil.rmtree(self.out)

                    def dropping(request, data, number):
                        if number == 1:
                            request.answer(200, data[:len(data) * percent // 100], Content_Length=len(data))
                            return True
                        first = int(self.asked[-1].removeprefix("bytes=").removesuffix("-"))
                        if not knows_ranges:
                            return False
                        request.answer(206, data[first:], Content_Range=f"bytes {first}-{len(data) - 1}/{len(data)}")
                        return True
                    self.on_layer(dropping)
                    self.extract()
                    self.assertEqual(len(self.asked), 2)

    def test_a_registry_that_always_drops(self):
        def dropping(request, data, _):
            request.answer(200, data[:1000], Content_Length=len(data))
            return True
        self.on_layer(dropping)
        done = self.extract(exit_code=1)
        self.assertIn("attempts", done.stderr)


class Hostile(ExtractCase):
    """Each ends with a message and exit 1 (2 where the folder is not there to be written), nothing outside, nothing left."""

    def header(self, **changes) -> bytes:
        info = tarfile.TarInfo(f"{FOLDER}/x")
        for name, value in changes.items():
            setattr(info, name, value)
        return info.tobuf(tarfile.GNU_FORMAT)

    def cases(self) -> dict[str, list[bytes]]:
        good = member(f"{FOLDER}/a", "a")
        outside = str(self.folder / "outside")
        return {
            "a member above the root": [layer_of(good, member("../../outside/x", "planted"), member(f"{FOLDER}/x", "x"))],
            "a folder above the root": [layer_of(member(f"{FOLDER}/../../../outside", kind=DIR), member(f"{FOLDER}/x", "x"))],
            "below a link out of it": [layer_of(member(f"{FOLDER}/l", kind=SYM, link=outside), member(f"{FOLDER}/l/x", "planted"))],
            "a hard link above the root": [layer_of(member(f"{FOLDER}/x", kind=LNK, link="../../../outside"))],
            "a hard link to nothing": [layer_of(member(f"{FOLDER}/x", kind=LNK, link="none"))],
            "a hard link to itself": [layer_of(member(f"{FOLDER}/x", kind=LNK, link=f"{FOLDER}/x"))],
            "links in a circle": [layer_of(member(f"{FOLDER}/x", kind=SYM, link="y"), member(f"{FOLDER}/y", kind=SYM, link="x"))],
            "a link to a file of this machine": [layer_of(member(f"{FOLDER}/x", kind=SYM, link="/etc/passwd"))],
            "a device": [layer_of(member(f"{FOLDER}/x", kind=CHR))],
            "a pipe": [layer_of(member(f"{FOLDER}/x", kind=FIFO))],
            "a folder of that name": [layer_of(member(f"{FOLDER}/x", kind=FIFO), member("wasmx", "no folder"))],
            "a size beyond the archive": [self.header(size=10_000_000) + b"short"],
            "a size beyond all bounds": [self.header(size=2 ** 62)],
            "a negative size": [self.header(size=0)[:124] + b"-0000000001\0" + self.header(size=0)[136:] + bytes(1024)],
            "a wrong checksum": [self.header(size=0)[:148] + b"0000000\0" + self.header(size=0)[156:] + bytes(1024)],
            "no archive": [b"this is no archive" * 100],
            "a name that never ends": [layer_of((tarfile.TarInfo("n" * 2_000_000), b""))],
            "deleted": [layer_of(member(f"{FOLDER}/x", "x")), layer_of(member(f"{FOLDER}/.wh.x"))],
            "deleted with its folder": [layer_of(member(f"{FOLDER}/x", "x")), layer_of(member(".wh.wasmx"))],
            "hidden": [layer_of(member(f"{FOLDER}/x", "x")), layer_of(member("wasmx/.wh..wh..opq"))],
        }

    def test_every_one(self):
        for name, layers in self.cases().items():
            with self.subTest(name=name):
                image = self.registry.image(TAG, layers)
                before = self.tree()
                done = self.run_program(image, "--path", f"/{FOLDER}/x", "-o", "out", "--platform", "linux/arm64", exit_code=1)
                self.assertIn("error: ", done.stderr)
                self.assertNotIn("fault of wasmx-image", done.stderr)
                self.assertEqual(self.tree(), before)
                # The folder as a whole: what may be taken is within it, what is not was not.
                done = subprocess.run([PROGRAM, "extract", image, "--path", f"/{FOLDER}/.", "-o", "out", "--platform", "linux/arm64"], cwd=self.folder / "in",
                                      capture_output=True, text=True, timeout=120)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                after = self.tree()
                self.assertEqual({path: text for path, text in after.items() if not path.startswith("in/out/")},
                                 {path: text for path, text in before.items() if not path.startswith("in/out/")})
                if done.returncode != 0:
                    self.assertEqual(after, before)
                shutil.rmtree(self.out)
                self.out.mkdir()

    def test_a_bomb(self):
        class Zeros:
            def __init__(self, size):
                self.left = size

            def read(self, count):
                count = min(count, self.left)
                self.left -= count
                return bytes(count)

        path = self.folder / "bomb"
        info = tarfile.TarInfo(f"{FOLDER}/x")
        info.size = 1 << 30
        with gzip.open(path, "wb", 1) as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            tar.addfile(info, Zeros(info.size))
        image = self.registry.image(TAG, [b""])
        manifest = json.loads(self.registry.manifests[TAG])
        manifest["layers"] = [self.registry.blob(path.read_bytes(), manifest["layers"][0]["mediaType"])]
        self.registry.manifests[TAG] = json.dumps(manifest).encode()
        path.unlink()
        for what in (f"/{FOLDER}/x", f"/{FOLDER}/*"):
            done = self.run_program(image, "--path", what, "-o", "out", "--platform", "linux/arm64", "--max-size", "100MB", exit_code=1)
            self.assertIn("more than the limit", done.stderr)
        self.assertEqual(list(self.out.iterdir()), [])

    def test_memory_does_not_grow_with_the_layer(self):
        """A gigabyte of zeros is passed over on the way to the file."""
        path = self.folder / "large"
        with gzip.open(path, "wb", 1) as out, tarfile.open(fileobj=out, mode="w|", format=tarfile.GNU_FORMAT) as tar:
            large = tarfile.TarInfo("large")
            large.size = 1 << 30
            with open("/dev/zero", "rb") as zeros:
                tar.addfile(large, zeros)
            tar.addfile(member(f"{FOLDER}/x", "x")[0], io.BytesIO(b"x"))
        image = self.registry.image(TAG, [b""])
        manifest = json.loads(self.registry.manifests[TAG])
        manifest["layers"] = [self.registry.blob(path.read_bytes(), manifest["layers"][0]["mediaType"])]
        self.registry.manifests[TAG] = json.dumps(manifest).encode()
        # By way of a small process: a child's peak begins with what it was forked from.
        measure = ("import os, sys\nif (child := os.fork()) == 0: os.execv(sys.argv[1], sys.argv[1:])\n"
                   "_, status, usage = os.wait4(child, 0)\nprint(status, usage.ru_maxrss)")
        done = subprocess.run([sys.executable, "-S", "-c", measure, PROGRAM, "extract", image, "--path", f"/{FOLDER}/x", "-o", "out", "--platform",
                               "linux/arm64", "--quiet"], cwd=self.folder / "in", capture_output=True, text=True)
        status, peak = map(int, done.stdout.split()[-2:])
        self.assertEqual(status, 0, done.stderr)
        self.assertEqual((self.out / "x").read_text(), "x")
        if not any(name in os.environ for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")):
            self.assertLess(peak, 64 * 1024)  # KiB


class Packages(ExtractCase):
    """--unpack, and what is refused before it is."""

    def package(self, *members) -> str:
        tarball = gzip.compress(layer_of(*members), mtime=0)
        return self.registry.image(TAG, [layer_of(member(f"{FOLDER}/{PACKAGE}", tarball))])

    def test_unpack(self):
        image = self.package(member(TOP, kind=DIR, mode=0o755), member(f"{TOP}/lib/a.a", "a", mode=0o4644), member(f"{TOP}/l", kind=SYM, link="lib/a.a"))
        done = self.run_program(image, "--unpack", "--no-verify", "-o", "out")
        self.assertEqual(done.stdout, f"out/{TOP}\n")
        self.assertEqual((self.out / TOP / "l").read_text(), "a")
        self.assertEqual((self.out / TOP / "lib" / "a.a").stat().st_mode & 0o7777, 0o644)
        self.assertEqual([path.name for path in self.out.iterdir()], [TOP])

    def test_a_package_that_is_none_is_not_written(self):
        image = self.package(member(f"{TOP}/lib/a.a", "a"))
        for more in ((), ("--unpack",)):
            done = self.run_program(image, "-o", "out", *more, exit_code=1)
            self.assertIn("include/wasm.h", done.stderr)
            self.assertEqual(list(self.out.iterdir()), [])
        self.run_program(image, "-o", "out", "--no-verify")

    def test_hostile_packages(self):
        outside = str(self.folder / "outside")
        cases = {
            "above": [member(f"{TOP}/../../outside/x", "planted")],
            "absolute": [member(f"{outside}/x", "planted")],
            "a link out": [member(f"{TOP}/l", kind=SYM, link=outside), member(f"{TOP}/l/x", "planted")],
            "a link up": [member(f"{TOP}/l", kind=SYM, link="../../../outside")],
            "a hard link out": [member(f"{TOP}/l", kind=LNK, link="../../outside/x")],
            "two names at the top": [member(f"{TOP}/a", "a"), member("other/a", "a")],
            "nothing": [],
            "a device": [member(f"{TOP}/d", kind=CHR)],
            "one name twice": [member(f"{TOP}/a", "a"), member(f"{TOP}/a", "b")],
            "below a file": [member(f"{TOP}/a", "a"), member(f"{TOP}/a/b", "b")],
        }
        for name, members in cases.items():
            with self.subTest(name=name):
                image = self.package(*members)
                before = self.tree()
                done = self.run_program(image, "--unpack", "--no-verify", "-o", "out", exit_code=1)
                self.assertIn("error: ", done.stderr)
                self.assertEqual(self.tree(), before)


if __name__ == "__main__":
    unittest.main()
