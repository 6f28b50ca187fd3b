# SPDX-License-Identifier: Apache-2.0
"""`verify` on tarballs as a build makes them: the sample module's V8, compiled here, packed by tar and gzip, and then everything
that must not pass. The program comes from WASMX_IMAGE."""
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.environ["WASMX_IMAGE"]
TESTS = Path(__file__).resolve().parent.parent
SAMPLE = TESTS / "support" / "sample_module" / "lib"
SCHEMA = TESTS.parent / "src" / "artifact" / "report.schema.json"
VERSION = "13.1.201.15"
HERE = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
THERE = {"x86_64": "arm64", "arm64": "x86_64"}[HERE]
MACHINE = {"x86_64": 62, "arm64": 183}


# In place of a function of the C API, whose sound one is still there under another name.
WRONG = {
    "another number": ("wasm_func_call", "a function that returns 42 does not", """
        extern "C" wasm_trap_t *sound(const wasm_func_t *, const wasm_val_t[], wasm_val_t[]);
        wasm_trap_t *wasm_func_call(const wasm_func_t *func, const wasm_val_t args[], wasm_val_t results[]) {
            wasm_trap_t *trap = sound(func, args, results);
            results[0].of.i32 += 1;
            return trap;
        }"""),
    "every call traps": ("wasm_func_call", "a function that returns 42 does not", """
        wasm_trap_t *wasm_func_call(const wasm_func_t *, const wasm_val_t[], wasm_val_t[]) {
            wasm_message_t message = {5, const_cast<char *>("wrong")};
            return wasm_trap_new(nullptr, &message);
        }"""),
    "no call traps": ("wasm_func_call", "unreachable does not trap", """
        extern "C" wasm_trap_t *sound(const wasm_func_t *, const wasm_val_t[], wasm_val_t[]);
        wasm_trap_t *wasm_func_call(const wasm_func_t *func, const wasm_val_t args[], wasm_val_t results[]) {
            sound(func, args, results);
            return nullptr;
        }"""),
    "traps without a message": ("wasm_trap_message", "a trap has no message", """
        void wasm_trap_message(const wasm_trap_t *, wasm_message_t *out) { wasm_byte_vec_new_empty(out); }"""),
    "no module compiles": ("wasm_module_new", "a valid module cannot be compiled", """
        wasm_module_t *wasm_module_new(wasm_store_t *, const wasm_byte_vec_t *) { return nullptr; }"""),
    "no exports": ("wasm_instance_exports", "does not export the two functions", """
        void wasm_instance_exports(const wasm_instance_t *, wasm_extern_vec_t *out) { wasm_extern_vec_new_empty(out); }"""),
}


def compiled_sample(folder: Path) -> dict[str, bytes]:
    """The files of a package for this machine, by their path below the top directory."""
    wee8, bridge = SAMPLE / "wee8", SAMPLE / "v8bridge"
    header = wee8 / "third_party" / "wasm-api" / "wasm.h"
    objects: dict[str, list[str]] = {"wee8": [], "v8bridge": []}
    for library, source in [("wee8", path) for path in sorted(wee8.glob("src/**/*")) if path.suffix in (".cc", ".S")] + [
            ("v8bridge", bridge / "bridge.cc")]:
        objects[library].append(f"{folder}/{source.stem}.o")
        subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", f"-I{wee8 / 'include'}", f"-I{header.parent}", '-DV8_VERSION="1"',
                        "-c", str(source), "-o", objects[library][-1]], check=True)
    files = {"include/wasm.h": header.read_bytes(), "include/v8bridge.h": (bridge / "bridge.h").read_bytes()}
    for library, members in objects.items():
        archive = folder / f"lib{library}.a"
        subprocess.run(["ar", "rcsD", str(archive), *members], check=True)
        files[f"lib/{archive.name}"] = archive.read_bytes()
    return files


def relabelled(archive: bytes, machine: int, only: str = "") -> bytes:
    """A static library whose objects, or the one that is named, say that they are for another machine."""
    out, at = bytearray(archive), 8
    while at < len(out):
        name, size = out[at:at + 16].decode().rstrip(" /"), int(out[at + 48:at + 58])
        if out[at + 60:at + 64] == b"\x7fELF" and only in ("", name):
            struct.pack_into("<H", out, at + 60 + 18, machine)
        at += 60 + size + size % 2
    return bytes(out)


def without(archive: bytes, members: list[str]) -> bytes:
    """A static library without some of its members."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.a"
        path.write_bytes(archive)
        subprocess.run(["ar", "dD", str(path), *members], check=True)
        return path.read_bytes()


def with_wrong(archive: bytes, name: str, text: str) -> bytes:
    """The sample's libwee8.a with another function in place of one of the C API."""
    with tempfile.TemporaryDirectory() as folder:
        run = lambda *argv: subprocess.run(argv, check=True, cwd=folder)  # noqa: E731
        path = Path(folder)
        (path / "x.a").write_bytes(archive)
        (path / "wrong.cc").write_text(f'#include "wasm.h"\n{text}\n')
        run("g++", "-std=c++20", "-fPIC", f"-I{SAMPLE / 'wee8' / 'third_party' / 'wasm-api'}", "-c", "wrong.cc")
        run("ar", "x", "x.a", "c-api.o")
        run("objcopy", f"--redefine-sym={name}=sound", "c-api.o")
        run("ar", "rcsD", "x.a", "c-api.o", "wrong.o")
        return (path / "x.a").read_bytes()


class Verify(unittest.TestCase):
    files: dict[str, bytes]

    @classmethod
    def setUpClass(cls) -> None:
        with tempfile.TemporaryDirectory() as folder:
            cls.files = compiled_sample(Path(folder))

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wasmx-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def package(self, files: dict[str, bytes], arch: str = HERE, more: tuple[tarfile.TarInfo, ...] = (), top: str = "") -> Path:
        """Packed as images/runtime.sh does it, with its .sha256."""
        top = top or f"v8-{VERSION}-linux-{arch}"
        path = self.folder / f"ngx_wasm_runtime-v8-{VERSION}-linux-{arch}.tar.gz"
        plain = io.BytesIO()
        with tarfile.open(fileobj=plain, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for name, content in sorted(files.items()):
                info = tarfile.TarInfo(f"{top}/{name}")
                info.size, info.mtime = len(content), 1700000000
                tar.addfile(info, io.BytesIO(content))
            for info in more:
                tar.addfile(info)
        path.write_bytes(subprocess.run(["gzip", "-n"], input=plain.getvalue(), stdout=subprocess.PIPE, check=True).stdout)
        self.sign(path)
        return path

    @staticmethod
    def sign(path: Path) -> None:
        path.with_name(path.name + ".sha256").write_text(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")

    def run_program(self, *arguments, exit_code: int = 0, **environment) -> subprocess.CompletedProcess:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        done = subprocess.run([PROGRAM, "verify", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                              env=inherited | {"TMPDIR": str(self.folder)} | environment)
        self.assertEqual(done.returncode, exit_code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def verdicts(self, *arguments, exit_code: int = 0, **environment) -> dict[str, dict]:
        report = json.loads(self.run_program("--json", *arguments, exit_code=exit_code, **environment).stdout)
        try:
            import jsonschema
        except ImportError:
            pass
        else:
            jsonschema.validate(report, json.loads(SCHEMA.read_text()))
        self.assertEqual(report["summary"]["ok"], exit_code == 0)
        return {point["id"]: point for point in report["points"]}

    def assert_no(self, path: Path, point: str, says: str) -> None:
        points = self.verdicts(path, exit_code=1)
        self.assertEqual(points[point]["verdict"], "fail", points)
        self.assertIn(says, "\n".join([points[point]["observed"], *points[point]["details"]]))
        self.assertNotIn(point, [id for id, other in points.items() if other["verdict"] == "pass"])

    def test_a_good_package_passes_and_runs(self) -> None:
        points = self.verdicts("--run", "--strict", self.package(self.files))
        self.assertEqual({point["verdict"] for point in points.values()}, {"pass"}, points)
        self.assertIn("a function returned 42, unreachable trapped (Uncaught RuntimeError: unreachable)", points["run"]["observed"])
        self.assertEqual([path.name for path in self.folder.glob("wasmx-image-*")], [])

    def test_it_says_no(self) -> None:
        wee8 = self.files["lib/libwee8.a"]
        relabelled_files = {name: relabelled(content, MACHINE[THERE]) if name.endswith(".a") else content
                            for name, content in self.files.items()}
        extra = tarfile.TarInfo("other/x")
        absolute = tarfile.TarInfo("/etc/x")
        link = tarfile.TarInfo(f"v8-{VERSION}-linux-{HERE}/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        names = {62: "x86-64", 183: "AArch64"}
        for name, arguments, point, says in [
                ("an object for another machine",
                 {"files": self.files | {"lib/libwee8.a": relabelled(wee8, MACHINE[THERE], "engine.o")}}, "libraries",
                 f"are for {names[MACHINE[THERE]]}, not for {names[MACHINE[HERE]]}: engine.o"),
                ("a missing header", {"files": {k: v for k, v in self.files.items() if k != "include/wasm.h"}}, "files", "include/wasm.h is missing"),
                ("two top directories", {"files": self.files, "more": (extra,)}, "top-directory", "more than one name at the top"),
                ("another top directory", {"files": self.files, "top": "v8"}, "top-directory", "the top directory is v8, not"),
                ("builtins of the machine it was built on", {"files": relabelled_files, "arch": THERE}, "builtins",
                 f"are {names[MACHINE[HERE]]} machine code, not {names[MACHINE[THERE]]}"),
                ("no builtins", {"files": self.files | {"lib/libwee8.a": self.files["lib/libv8bridge.a"]}}, "builtins", "does not define"),
                ("no object with the C API", {"files": self.files | {"lib/libwee8.a": without(wee8, ["c-api.o"])}}, "api",
                 "lib/libwee8.a does not define wasm_module_new, wasm_instance_new, wasm_func_call and 12 more"),
                ("no bridge", {"files": self.files | {"lib/libv8bridge.a": without(wee8, ["c-api.o"])}}, "api",
                 "lib/libv8bridge.a does not define ngx_v8_enable_wasm_trap_handler, ngx_v8_set_flags"),
                ("an absolute path", {"files": self.files, "more": (absolute,)}, "paths", "absolute path"),
                ("a link to outside", {"files": self.files, "more": (link,)}, "paths", "out of the top directory"),
                ("an empty library", {"files": self.files | {"lib/libwee8.a": b""}}, "files", "lib/libwee8.a is empty")]:
            with self.subTest(name):
                self.assert_no(self.package(**arguments), point, says)

    def test_a_changed_byte(self) -> None:
        path = self.package(self.files)
        whole = path.read_bytes()
        for at in (10, len(whole) // 3, len(whole) - 5):
            with self.subTest(at):
                path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1:])
                self.assert_no(path, "checksum", "sha256 says")
                self.assertEqual(self.verdicts(path, exit_code=1)["archive"]["verdict"], "fail")
        path.write_bytes(whole[:len(whole) // 2])
        self.assert_no(path, "archive", "cannot be read to its end")

    def test_without_a_checksum_file(self) -> None:
        path = self.package(self.files)
        path.with_name(path.name + ".sha256").unlink()
        self.assertEqual(self.verdicts(path)["checksum"]["verdict"], "skip")

    def test_a_warning_fails_with_strict(self) -> None:
        path = self.package(self.files)
        header = bytearray(path.read_bytes())
        header[4] = 1
        path.write_bytes(header)
        self.sign(path)
        self.assertEqual(self.verdicts(path)["reproducible"]["verdict"], "warn")
        self.verdicts("--strict", path, exit_code=1)

    def test_a_file_of_another_name(self) -> None:
        path = self.package(self.files)
        other = path.rename(self.folder / "x.tar.gz")
        self.assertIn("--runtime-version", self.run_program(other, exit_code=2).stderr)
        self.assertEqual(self.verdicts(other, "--runtime-version", VERSION, "--platform", HERE,
                                       exit_code=1)["name"]["verdict"], "fail")

    def test_what_runs_wrong(self) -> None:
        """Every point but the last passes."""
        for what, (name, says, text) in WRONG.items():
            with self.subTest(what):
                files = self.files | {"lib/libwee8.a": with_wrong(self.files["lib/libwee8.a"], name, text)}
                points = self.verdicts("--run", self.package(files), exit_code=1)
                self.assertEqual([id for id, point in points.items() if point["verdict"] != "pass"], ["run"])
                self.assertEqual(points["run"]["observed"], "a program that uses it ended with 1")
                self.assertIn(says, "\n".join(points["run"]["details"]))

    def test_what_cannot_be_linked_or_run(self) -> None:
        """A header that declares something else, since what is not defined at all fails before anything is linked."""
        header = self.files["include/v8bridge.h"].replace(b"ngx_v8_set_flags", b"ngx_v8_set_flags_2")
        files = self.files | {"include/v8bridge.h": header + b"#define ngx_v8_set_flags ngx_v8_set_flags_2\n"}
        point = self.verdicts("--run", self.package(files), exit_code=1)["run"]
        self.assertEqual(point["verdict"], "fail")
        self.assertIn("ngx_v8_set_flags_2", "\n".join(point["details"]))
        path = self.package(self.files)
        point = self.verdicts("--run", path, exit_code=1, CC="no-such-compiler")["run"]
        self.assertIn("no-such-compiler", point["observed"])
        self.assertIn("$CC", point["hint"])
        compiler = self.folder / "cc"
        compiler.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nprintf "#!/bin/sh\\nkill -SEGV \\$\\$\\n" >"$2"; chmod +x "$2"\n')
        compiler.chmod(0o755)
        self.assertIn("ended with 139", self.verdicts("--run", path, exit_code=1, CC=str(compiler))["run"]["observed"])
        self.assertEqual([left.name for left in self.folder.glob("wasmx-image-*")], [])

    def test_what_failed_is_not_run(self) -> None:
        link = tarfile.TarInfo(f"v8-{VERSION}-linux-{HERE}/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        self.assertEqual(self.verdicts("--run", self.package(self.files, more=(link,)), exit_code=1)["run"]["verdict"], "skip")

    def test_github_shows_what_fails(self) -> None:
        files = {name: content for name, content in self.files.items() if name != "include/wasm.h"}
        said = self.run_program(self.package(files), exit_code=1, GITHUB_ACTIONS="true")
        self.assertIn("::error title=files::include/wasm.h is missing", said.stderr)
        self.assertNotIn("::error", said.stdout)


if __name__ == "__main__":
    unittest.main()
