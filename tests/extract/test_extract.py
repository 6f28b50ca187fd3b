# SPDX-License-Identifier: Apache-2.0
"""`extract` against images that are made to do harm, and against registries that answer wrongly. The program comes from
WASMX_IMAGE."""
import gzip
import hashlib
import io
import json
import os
import shutil
import ssl
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from memory_registry import MemoryRegistry, digest_of, layer_of, member

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))
from schema import schema_errors  # noqa: E402

PROGRAM = os.environ["WASMX_IMAGE"]
SCHEMA = TESTS.parent / "src" / "extract" / "report.schema.json"
TAG = "v8-13.1.201.15-linux-arm64"
TOP = TAG
PACKAGE = f"ngx_wasm_runtime-{TOP}.tar.gz"
FOLDER = "wasmx/dist"
DIR, SYM, LNK, CHR, FIFO = tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE


class Digesting:
    """Passes what is written on to a file, and has its digest."""

    def __init__(self):
        self.sha256 = hashlib.sha256()

    def to(self, file) -> "Digesting":
        self.file = file
        return self

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return self.file.write(data)

    def digest(self) -> str:
        return "sha256:" + self.sha256.hexdigest()


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

    def test_files_that_the_image_names_replace_nothing(self):
        for path, name in ((f"/{FOLDER}/.", "a.txt"), (f"/{FOLDER}/*", "link"), (f"/{FOLDER}/*.txt", "a.txt"), (f"/{FOLDER}/.", "sub")):
            with self.subTest(path=path, name=name):
                shutil.rmtree(self.out)
                self.out.mkdir()
                (self.out / name).write_text("mine")
                before = self.tree()
                done = self.run_program(self.image, "--path", path, "-o", "out", exit_code=2)
                self.assertIn(f"out/{name} is there already", done.stderr)
                self.assertIn("--output", done.stderr)
                self.assertEqual(self.tree(), before, "nothing is written then")

    def test_a_file_that_the_user_names_is_replaced_and_written_through_no_link(self):
        (self.folder / "outside" / "x").write_text("mine")
        (self.out / "link").symlink_to(self.folder / "outside" / "x")
        # A link in the image: the file behind it has the name that was asked for.
        self.run_program(self.image, "--path", f"/{FOLDER}/link", "-o", "out")
        self.assertEqual((self.out / "link").read_text(), "upper")
        self.assertFalse((self.out / "link").is_symlink())
        self.assertEqual((self.folder / "outside" / "x").read_text(), "mine")
        self.run_program(self.image, "--path", f"/{FOLDER}/link", "-o", "out")

    def test_links_that_lead_out_are_left_out(self):
        inside = {"l/a": "b", "l/b": "../x", "l/c": "../l/x", "l/d": "./b", "l/g": ".."}
        outside = {"l/s": "/etc/passwd", "l/t": "../../x", "l/u": "../l/../x", "l/v": "a/../../..", "m": "../../outside"}
        image = self.registry.image("links", [layer_of(*[member(f"d/{name}", kind=SYM, link=target) for name, target in (inside | outside).items()],
                                                       member("d/x", "x"))])
        for what, top in (("/d/.", ""), ("/d", "d")):
            with self.subTest(what=what):
                done = self.run_program(image, "--path", what, "-o", "out", "--format", "json", "--platform", "linux/arm64")
                links = {name.removeprefix(f"in/out/{top}").strip("/"): text.removeprefix("-> ") for name, text in self.tree().items() if text.startswith("->")}
                self.assertEqual(links, inside)
                for name, target in outside.items():
                    self.assertRegex(done.stderr, rf"warning: {name} is a link that leads out of what is taken, to {target}")
                entries = json.loads(done.stdout)["entries"]
                self.assertEqual({entry["target"] for entry in entries if entry["type"] == "symlink"}, set(inside.values()))
                shutil.rmtree(self.out)

    def test_the_umask_counts(self):
        image = self.registry.image("modes", [layer_of(member("d", kind=DIR, mode=0o2777), member("d/x", "x", mode=0o6777), member("d/e/y", "y", mode=0o444))])
        for mask, modes in ((0o022, (0o755, 0o755, 0o755, 0o444)), (0o077, (0o700, 0o700, 0o700, 0o400))):
            with self.subTest(mask=oct(mask)):
                shutil.rmtree(self.out)
                before = os.umask(mask)
                try:
                    self.run_program(image, "--path", "/d", "-o", "out", "--platform", "linux/arm64")
                    self.run_program(image, "--path", "/d/x", "-o", "out", "--platform", "linux/arm64")
                finally:
                    os.umask(before)
                self.assertEqual(tuple((self.out / name).stat().st_mode & 0o7777 for name in ("d", "d/x", "d/e", "d/e/y")), modes)
                self.assertEqual((self.out / "x").stat().st_mode & 0o7777, 0o644 & ~mask)

    def test_a_folder_that_cannot_be_made(self):
        (self.folder / "in" / "file").touch()
        package = gzip.compress(layer_of(member(f"{TOP}/a", "a")), mtime=0)
        image = self.registry.image(TAG, [layer_of(member(f"{FOLDER}/{PACKAGE}", package))])
        for more in ((), ("--unpack",), ("--path", f"/{FOLDER}/."), ("--path", f"/{FOLDER}")):
            for folder in ("/proc/none", "file/below"):
                with self.subTest(more=more, folder=folder):
                    done = self.run_program(image, "--no-verify", *more, "-o", folder, exit_code=1)
                    self.assertIn(f"creating {folder}", done.stderr)
                    self.assertNotIn("fault of wasmx-image", done.stderr)

    def test_hard_links_cost_one_more_pass(self):
        links = [member(f"d/{number:02}", kind=LNK, link=f"o/{number % 4}") for number in range(40)]
        chain = [member("o/1", kind=LNK, link="o/0"), member("o/2", kind=LNK, link="o/1"), member("o/3", kind=LNK, link="base/x")]
        image = self.registry.image("hard", [layer_of(member("base/x", "of the base")), layer_of(member("pad", os.urandom(100_000))),
                                             layer_of(member("o/0", "of the top"), *chain, *links)])
        self.run_program(image, "--path", "/d/.", "-o", "out", "--platform", "linux/arm64")
        self.assertEqual({path.name: path.read_text() for path in self.out.iterdir()},
                         {f"{number:02}": "of the base" if number % 4 == 3 else "of the top" for number in range(40)})
        base, pad, top = (self.registry.asked[layer] for layer in self.registry.layers("hard"))
        # All are read once; then each step of the chain is one pass, down to the layer that has what is looked for.
        self.assertEqual((base, pad, top), (2, 2, 4))

    def test_list(self):
        done = self.run_program(self.image, "--list")
        self.assertEqual([line.split(" ", 1)[0] + " " + line.split("/", 1)[1] for line in done.stdout.splitlines()], [
            "-rwxr-xr-x wasmx/dist/a.txt", "-rwxr-xr-x wasmx/dist/hard", "lrw-r--r-- wasmx/dist/link -> a.txt", "-rw-r--r-- wasmx/dist/sub/b.txt"])
        listed = json.loads(self.run_program(self.image, "--list", "--json", "--path", "/wasmx/dist/*").stdout)
        taken = json.loads(self.run_program(self.image, "--json", "--path", "/wasmx/dist/a.txt", "-o", "taken").stdout)
        self.assertEqual(schema_errors(SCHEMA, listed, taken), [[], []])
        self.assertEqual(self.run_program(self.image, "--list", "--format", "json", "--path", "/wasmx/dist/*").stdout, json.dumps(listed, indent=2) + "\n")
        entries = listed["entries"]
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

    @unittest.skipUnless(os.geteuid() == 0, "a mount of its own needs root")
    def test_without_a_place_in_var_tmp(self):
        """Small images and read-only root file systems have none; /tmp is there."""
        for mount in ("mount -t tmpfs -o ro tmpfs /var/tmp", "mount -t tmpfs tmpfs /var"):
            with self.subTest(mount):
                script = f"mount -t tmpfs tmpfs /tmp && {mount} && exec \"$@\""
                inherited = {name: value for name, value in os.environ.items() if name != "TMPDIR"}
                command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
                # The program and what it writes are below a mount that stays.
                with tempfile.TemporaryDirectory(dir="/run", prefix="wasmx-test-") as kept:
                    shutil.copy(PROGRAM, f"{kept}/wasmx-image")
                    subprocess.run([*command, f"{kept}/wasmx-image", "extract", self.image, "--path", "/" + FOLDER + "/a.txt", "-o", f"{kept}/out"],
                                   check=True, capture_output=True, env=inherited | {"HOME": kept})
                    self.assertEqual(Path(f"{kept}/out/a.txt").read_text(), "upper")

    def test_a_temporary_folder_that_is_not_there(self):
        done = self.run_program(self.image, "--path", "/" + FOLDER + "/a.txt", exit_code=1, TMPDIR=str(self.folder / "none"))
        self.assertIn("TMPDIR", done.stderr)

    def test_without_a_home(self):
        """As services and containers run us: the cache and the configuration are not needed."""
        self.run_program(self.image, "--path", "/" + FOLDER + "/a.txt", HOME="", XDG_CACHE_HOME="relative")

    def test_the_wrong_platform(self):
        self.assertIn("it has linux/amd64", self.run_program(self.registry.image(TAG, [layer_of(member("x"))], "amd64"), exit_code=1).stderr)


class Promised(ExtractCase):
    """The manifest's annotations name the file and its digest."""

    def setUp(self):
        super().setUp()
        self.content = os.urandom(1_000_000)
        layers = [layer_of(member("base", os.urandom(2_000_000))), layer_of(member(f"{FOLDER}/{PACKAGE}", self.content), member("z", os.urandom(8_000_000)))]
        self.image = self.registry.image("any", layers, annotations=self.note(self.content))
        self.top = self.registry.layers("any")[1]

    def note(self, content: bytes, path: str = f"/{FOLDER}/{PACKAGE}") -> dict:
        return {"dev.wasmx.package.path": path, "dev.wasmx.package.size": str(len(content)), "dev.wasmx.package.digest": digest_of(content)}

    def test_it_stops_where_the_file_ends(self):
        done = self.run_program(self.image, "-o", "out", "--format", "json", "--platform", "linux/arm64", "--no-verify")
        self.assertEqual((self.out / PACKAGE).read_bytes(), self.content)
        # By this tag the image has chosen which package it is.
        (self.out / PACKAGE).write_text("mine")
        again = self.run_program(self.image, "-o", "out", "--platform", "linux/arm64", "--no-verify", exit_code=2)
        self.assertIn(f"out/{PACKAGE} is there already", again.stderr)
        self.assertEqual((self.out / PACKAGE).read_text(), "mine")
        report = json.loads(done.stdout)
        self.assertLess(report["fetched"], 2_000_000)
        self.assertGreater(report["image_size"], 10_000_000)

    def test_a_broken_promise(self):
        image = self.registry.image("other", [layer_of(member(f"{FOLDER}/{PACKAGE}", self.content))], annotations=self.note(b"something else"))
        done = self.run_program(image, "-o", "out", "--platform", "linux/arm64", exit_code=1)
        self.assertIn("the manifest promises", done.stderr)
        self.assertEqual(list(self.out.iterdir()), [])

    def test_the_annotation_names_nothing_but_a_package(self):
        """Under a tag that says nothing, the image would choose which file of the current folder is written."""
        home = self.folder / "in"
        (home / ".bashrc").write_text("mine")
        layer = layer_of(*[member(path, "planted") for path in (
            "payload/.bashrc", "payload/.ssh/authorized_keys", f"{FOLDER}/.bashrc", f"{FOLDER}/{PACKAGE}", f"other/{PACKAGE}")])
        before = self.tree()
        for path in ("/payload/.", "/payload/*", "/payload/.bashrc", "/payload", f"/{FOLDER}/.bashrc", f"/{FOLDER}/", f"/other/{PACKAGE}",
                     f"/{FOLDER}/./{PACKAGE}", f"/{FOLDER}/{PACKAGE}/", f"//{FOLDER}/{PACKAGE}", f"/{FOLDER}/{PACKAGE.replace('arm64', 'x86_64')}",
                     f"/{FOLDER}/{PACKAGE.replace('v8-', 'v9-')}", f"/{FOLDER}/../{FOLDER}/{PACKAGE}", f"/{FOLDER}/{PACKAGE}/."):
            with self.subTest(path=path):
                image = self.registry.image("latest", [layer], annotations=self.note(b"planted", path))
                for more in ((), ("--list",), ("--unpack", "--no-verify"), ("--stdout",)):
                    done = self.run_program(image, "--platform", "linux/arm64", *more, exit_code=2)
                    self.assertIn("name the file with --path", done.stderr)
                    self.assertEqual(done.stdout, "")
                self.assertEqual(self.tree(), before)


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


class Reached(ExtractCase):
    """How a registry is reached from this machine."""

    def setUp(self):
        super().setUp()
        (self.folder / "home").mkdir()
        self.certs = self.folder / "home" / ".config" / "containers" / "certs.d"

    def certificate(self) -> ssl.SSLContext:
        """One that is its own authority, for the server and for the client; the server asks for it."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem",
                        "-out", "cert.pem", "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"],
                       cwd=self.folder, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "cert.pem", self.folder / "key.pem")
        context.load_verify_locations(self.folder / "cert.pem")
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def test_a_client_certificate_is_shown_as_docker_shows_it(self):
        if shutil.which("openssl") is None:
            self.skipTest("needs openssl")
        registry = MemoryRegistry(self.certificate())
        self.addCleanup(registry.close)
        image = registry.image(TAG, [layer_of(member(FOLDER + "/a.txt", "a"))])
        folder = self.certs / registry.host
        folder.mkdir(parents=True)
        shutil.copy(self.folder / "cert.pem", folder / "ca.crt")
        (folder / "aa-damaged.crt").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        arguments = [image, "--path", f"/{FOLDER}/a.txt", "-o", "out", "--platform", "linux/arm64"]
        none = self.run_program(*arguments, exit_code=1)
        self.assertRegex(none.stderr, r"(?m)^hint: .*client\.cert")
        shutil.copy(self.folder / "cert.pem", folder / "client.cert")
        alone = self.run_program(*arguments, exit_code=2)
        self.assertIn("client.key", alone.stderr)
        shutil.copy(self.folder / "key.pem", folder / "client.key")
        self.run_program(*arguments)
        self.assertEqual((self.out / "a.txt").read_text(), "a")

    def test_a_machine_without_a_network_is_told_from_a_service_that_is_down(self):
        if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0:
            self.skipTest("needs network namespaces")
        for host in ("192.0.2.10", "[2001:db8::10]"):
            with self.subTest(host):
                done = subprocess.run(["unshare", "-rn", PROGRAM, "extract", f"{host}:5000/kong/x:1", "--path", "/x", "-o", "out"],
                                      capture_output=True, text=True, timeout=120, cwd=self.folder / "in",
                                      env=os.environ | {"HOME": str(self.folder / "home")})
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertRegex(done.stderr, r"(?m)^hint: this machine has no network")

    def test_a_blob_that_is_listed_and_has_no_bytes(self):
        image = self.registry.image(TAG, [layer_of(member(FOLDER + "/a.txt", "a"))])

        def hollow(request, digest, data):
            request.send_response(200)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            return True

        self.registry.fault = hollow
        done = self.run_program(image, "--path", f"/{FOLDER}/a.txt", "-o", "out", "--platform", "linux/arm64", exit_code=1)
        self.assertIn("(4 attempts)", done.stderr)


class DiffIds(ExtractCase):
    """The config says what a layer is when it is unpacked, as the manifest says it of the blob."""

    def test_a_layer_is_what_the_config_says(self):
        lower, upper = layer_of(member(f"{FOLDER}/x", "lower")), layer_of(member(f"{FOLDER}/y", "upper"))
        other = digest_of(layer_of(member(f"{FOLDER}/x", "other")))
        for diff_ids, fails in (([other, digest_of(upper)], ("/x", "/.", "/*", "list")), ([digest_of(lower), other], ("/x", "/y", "/.", "/*", "list"))):
            image = self.registry.image(TAG, [lower, upper], diff_ids=diff_ids)
            for path in ("/x", "/y", "/.", "/*", "list"):
                with self.subTest(diff_ids=diff_ids, path=path):
                    shutil.rmtree(self.out)
                    self.out.mkdir()
                    more = ("--list",) if path == "list" else ("--path", f"/{FOLDER}{path}", "-o", "out")
                    done = self.run_program(image, *more, exit_code=1 if path in fails else 0)
                    if path in fails:
                        self.assertIn(f"the image's config says {other}", done.stderr)
                        self.assertEqual((list(self.out.iterdir()), done.stdout), ([], ""))

    def test_verify_asks_as_well(self):
        package = gzip.compress(layer_of(member(f"{TOP}/a", "a")), mtime=0)
        image = self.registry.image(TAG, [layer_of(member(f"{FOLDER}/{PACKAGE}", package))], diff_ids=[digest_of(b"other")])
        done = subprocess.run([PROGRAM, "verify", image], capture_output=True, text=True, timeout=120, env=os.environ | {"HOME": str(self.folder)})
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("the image's config says", done.stderr)

    def test_compression_is_told_by_the_bytes(self):
        """As engines do: the media type is gzip's in all of these."""
        layer = layer_of(member("x", "x"))
        half = len(layer) // 2
        for blob in (layer, gzip.compress(layer[:half]) + gzip.compress(layer[half:])):
            self.run_program(self.registry.image(TAG, [layer], blobs=[blob]), "--path", "/x", "-o", "out")
            self.assertEqual((self.out / "x").read_text(), "x")


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
        image = self.registry.image(TAG, [b""], blobs=[path.read_bytes()])
        path.unlink()
        for what in (f"/{FOLDER}/x", f"/{FOLDER}/*"):
            done = self.run_program(image, "--path", what, "-o", "out", "--platform", "linux/arm64", "--max-size", "100MB", exit_code=1)
            self.assertIn("more than the limit", done.stderr)
        self.assertEqual(list(self.out.iterdir()), [])

    def measured(self, image: str, *arguments, exit_code: int = 0) -> tuple[str, int]:
        """What it says, and its peak of memory in KiB."""
        # By way of a small process: a child's peak begins with what it was forked from.
        measure = ("import os, sys\nif (child := os.fork()) == 0: os.execv(sys.argv[1], sys.argv[1:])\n"
                   "_, status, usage = os.wait4(child, 0)\nprint(os.waitstatus_to_exitcode(status), usage.ru_maxrss)")
        done = subprocess.run([sys.executable, "-S", "-c", measure, PROGRAM, "extract", image, *arguments, "--platform", "linux/arm64", "--quiet"],
                              cwd=self.folder / "in", capture_output=True, text=True, timeout=120)
        status, peak = map(int, done.stdout.split()[-2:])
        self.assertEqual(status, exit_code, done.stderr)
        return done.stderr, peak

    def assert_small(self, peak: int, mebibytes: int = 64) -> None:
        if not any(name in os.environ for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")):
            self.assertLess(peak, mebibytes * 1024)

    def test_memory_does_not_grow_with_the_layer(self):
        """A gigabyte of zeros is passed over on the way to the file."""
        path, plain = self.folder / "large", Digesting()
        with gzip.open(path, "wb", 1) as out, tarfile.open(fileobj=plain.to(out), mode="w|", format=tarfile.GNU_FORMAT) as tar:
            large = tarfile.TarInfo("large")
            large.size = 1 << 30
            with open("/dev/zero", "rb") as zeros:
                tar.addfile(large, zeros)
            tar.addfile(member(f"{FOLDER}/x", "x")[0], io.BytesIO(b"x"))
        image = self.registry.image(TAG, [b""], blobs=[path.read_bytes()], diff_ids=[plain.digest()])
        _, peak = self.measured(image, "--path", f"/{FOLDER}/x", "-o", "out")
        self.assertEqual((self.out / "x").read_text(), "x")
        self.assert_small(peak)

    def test_a_layer_is_decompressed_once(self):
        """gzip in gzip in gzip: some hundred bytes would be gigabytes."""
        inner = gzip.compress(gzip.compress(layer_of(member("big", bytes(100_000_000))), 9, mtime=0), 9, mtime=0)
        image = self.registry.image(TAG, [inner])
        for path in (f"/{FOLDER}/x", f"/{FOLDER}/."):
            said, peak = self.measured(image, "--path", path, "-o", "out", exit_code=1)
            self.assertIn("reading layer 1 of 1", said)
            self.assertIn("Unrecognized archive format", said)
            self.assert_small(peak)

    def test_headers_that_take_memory(self):
        """Maps of sparse files, in either form that a tar has for them, and long names: as many as there is room for in 100 MB."""
        def pax(records: dict, size: int) -> bytes:
            info = tarfile.TarInfo("GNUSparseFile.0/x")
            info.size, info.pax_headers = size, records
            return info.tobuf(tarfile.PAX_FORMAT)

        entries = 12_000_000
        body = b"%d\n" % entries + b"0\n0\n" * entries
        body += bytes(-len(body) % 512)
        map_in_content = pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "x", "GNU.sparse.realsize": "1"}, len(body)) + body
        old = bytearray(tarfile.TarInfo("x").tobuf(tarfile.GNU_FORMAT))
        entry = b"00000000000\0" * 2
        old[156:157], old[386:482], old[482:483], old[483:495] = b"S", entry * 4, b"1", b"00000000001\0"
        old[148:156] = b" " * 8
        old[148:156] = b"%06o\0 " % sum(old)
        more = (entry * 21 + b"1").ljust(512, b"\0")
        map_in_blocks = bytes(old) + more * 200_000
        long_name = tarfile.TarInfo("././@LongLink")
        long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 100_000_000
        for name, layer in (("a map in the content", map_in_content), ("a map in blocks", map_in_blocks),
                            ("a long name", long_name.tobuf(tarfile.GNU_FORMAT) + b"n" * 100_000_000)):
            with self.subTest(name=name):
                said, peak = self.measured(self.registry.image(TAG, [layer]), "--path", f"/{FOLDER}/x", "-o", "out", exit_code=1)
                self.assertRegex(said, "a header of more than|Special header too large")
                self.assert_small(peak, 160)

    def test_names_that_no_file_has(self):
        """60,000 folders in each other, and what else is longer than Linux takes: refused before it costs anything."""
        for name in ("d/" + "a/" * 60_000 + "f", "d/" + "a/" * 2100 + "f", "d/" + "n" * 256, "d/.wh." + "n" * 256):
            with self.subTest(name=name[:20], size=len(name)):
                out = io.BytesIO()
                with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    tar.addfile(member(name, "x")[0], io.BytesIO(b"x"))
                image = self.registry.image(TAG, [out.getvalue()])
                before = self.tree()
                for path in ("/d/.", "/d/*", "/other"):
                    said, peak = self.measured(image, "--path", path, "-o", "out", exit_code=1)
                    self.assertIn("with a name longer than any file's", said)
                    self.assert_small(peak)
                self.assertEqual(self.tree(), before)
        # A deleted file may have a name of 255 bytes, and folders may be deeper than we write them.
        image = self.registry.image(TAG, [layer_of(member("d/" + "n" * 255, "x"), member("d/y", "y")),
                                          layer_of(member("d/.wh." + "n" * 255), member("e/" + "a/" * 300 + "f", "x"))])
        self.run_program(image, "--path", "/d/.", "-o", "out", "--platform", "linux/arm64")
        self.assertEqual([path.name for path in self.out.iterdir()], ["y"])
        done = self.run_program(image, "--path", "/e/.", "-o", "out", "--platform", "linux/arm64", exit_code=1)
        self.assertIn("folders deep", done.stderr)
        self.assertEqual([path.name for path in self.out.iterdir()], ["y"])

    def test_many_deep_names(self):
        """The time it takes grows with the bytes of the names, not with their squares."""
        deep = "d/" + "a/" * 1900
        members = [member(deep + ("" if even else ".wh.") + str(number), "x" if even else "")
                   for number in range(1500) for even in (True, False)]
        image = self.registry.image(TAG, [layer_of(*members), layer_of(*members[::-1])])
        self.measured(image, "--path", "/d/.", "--list")

    def test_one_content_under_many_names(self):
        """Hard links are written as files: what they come to together is what has a limit."""
        image = self.registry.image(TAG, [layer_of(member("d/0", bytes(1_000_000)), *[member(f"d/{n}", kind=LNK, link="d/0") for n in range(1, 20)])])
        done = self.run_program(image, "--path", "/d/.", "-o", "out", "--max-size", "10MB", "--platform", "linux/arm64", exit_code=1)
        self.assertIn("--max-size", done.stderr)
        self.assertEqual(list(self.out.iterdir()), [])
        self.run_program(image, "--path", "/d/.", "-o", "out", "--max-size", "20MB", "--platform", "linux/arm64")

    def test_links_that_lead_through_a_layer_again_and_again(self):
        links = [member(f"l{number}", kind=LNK, link=f"l{number - 1}") for number in range(1, 30)]
        image = self.registry.image(TAG, [layer_of(member("l0", "x"), *links, member("pad", os.urandom(5_000_000)))])
        for path in ("/l29", "/l2?", "/l[2]9"):
            done = self.run_program(image, "--path", path, "-o", "out", "--platform", "linux/arm64", exit_code=1)
            self.assertIn("links lead more than 8 times to the layer", done.stderr)
        self.run_program(image, "--path", "/l5", "-o", "out", "--platform", "linux/arm64")
        self.assertEqual((self.out / "l5").read_text(), "x")


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
