# SPDX-License-Identifier: Apache-2.0
"""`doctor` against what is really wrong: engines that are not there, disks that are full, registries that refuse."""
import base64
import collections
import contextlib
import fcntl
import hashlib
import http.server
import io
import json
import os
import pty
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
import threading
import time
import unittest
import urllib.request
from email.utils import formatdate
from pathlib import Path

from case import BASE_IMAGE, DOCKER_ARCH, LAB, LAB_ENVIRONMENT, PROGRAM, REGISTRY, SUPPORT, TAG, VERSION, Lab, LabCase, schema_errors
from engine_proxy import EngineProxy
from service import PATH

SCHEMA = SUPPORT.parent.parent / "src" / "doctor" / "report.schema.json"
READER_CONFIG = LAB_ENVIRONMENT["WASMX_LAB_READER_CONFIG"]
PODMAN_HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]
FOREIGN_ARCH = {"amd64": "arm64", "arm64": "amd64"}[DOCKER_ARCH]
OTHER_VERSION = "13.1.201.16"
GiB = 1 << 30
# In a process namespace of its own, where nobody else's process can be seen.
UNSEEN = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
ENGINE = ["engine-reachable", "engine-version", "engine-platform", "engine-builder", "engine-memory", "engine-disk", "engine-clock"]
REGISTRY_CHECKS = ["registry-reachable", "registry-credentials", "registry-push", "registry-tag", "token-scopes", "clock"]


class Report:
    """What one run of `doctor --json` said."""

    def __init__(self, done: subprocess.CompletedProcess):
        self.done = done
        self.json = json.loads(done.stdout)
        self.ids = [check["id"] for check in self.json["checks"]]
        self.checks = {check["id"]: check for check in self.json["checks"]}

    def __getitem__(self, check: str) -> dict:
        return self.checks[check]

    def verdict(self, check: str) -> str:
        return self.checks[check]["verdict"]

    def with_verdict(self, verdict: str) -> list[str]:
        return [check for check in self.ids if self.verdict(check) == verdict]


class Stub:
    """An HTTP server on loopback. `answer(path)` gives a status and headers; requests are kept."""

    def __init__(self, case: unittest.TestCase, answer, tls: ssl.SSLContext | None = None):
        self.requests = []
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                stub.requests.append((self.command, self.path, dict(self.headers)))
                status, headers = answer(self.path)
                body = headers.pop("body", "{}").encode()
                self.send_response_only(status)  # no Date of its own
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """Clients that go away in the middle are what is wanted here."""

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        case.addCleanup(lambda: (self.server.shutdown(), self.server.server_close()))


class Silence:
    """Accepts connections and does not answer. An engine's socket says so much as that it is one, where that is asked for."""

    def __init__(self, case, path: Path | None = None, pongs: bool = False):
        self.visited = threading.Event()
        self.pongs = pongs
        self.kept = []
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        self.socket.listen()
        self.address = f"unix://{path}" if path else f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()
        case.addCleanup(self.close)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.kept.append(connection)
                threading.Thread(target=self.hold, args=(connection,), daemon=True).start()

    def hold(self, connection):
        with contextlib.suppress(OSError):
            while self.pongs and b"/_ping" in connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nBuilder-Version: 2\r\nContent-Length: 2\r\n\r\nOK")
        self.visited.set()

    def close(self):
        for connection in (self.socket, *self.kept):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept() or recv()
            connection.close()


class DoctorCase(LabCase):
    """A sample of the module, and options with which everything is well on any machine."""

    def setUp(self) -> None:
        super().setUp()
        self.source = self.sample()
        self.secrets = []
        for user in LAB.state["users"]:
            password = LAB.state["users"][user]["password"]
            self.secrets += [password, base64.b64encode(f"{user}:{password}".encode()).decode()]

    def options(self, **changes) -> list[str]:
        """Of a run that is well, with some of them changed; None leaves one out."""
        options = {"source": self.source, "base_image": BASE_IMAGE, "repository": self.repository, "runtime_version": VERSION,
                   "min_memory": "1GB", "min_disk": "1GB"} | changes
        return [text for name, value in options.items() if value is not None
                for text in ("--" + name.replace("_", "-"), str(value))]

    def run_doctor(self, *more, exit_code: int = 0, wanted: dict | None = None, prefix: tuple = (), program=PROGRAM,
                   **environment) -> subprocess.CompletedProcess:
        argv = [*prefix, program, "doctor", *self.options(**(wanted or {})), *map(str, more)]
        done = subprocess.run(argv, env=self.environment | environment, cwd=self.folder, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, exit_code, f"{argv}\n{done.stdout}\n{done.stderr}")
        for secret in self.secrets:
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def doctor(self, *more, exit_code: int = 0, **keywords) -> Report:
        """A report that agrees with itself."""
        report = Report(self.run_doctor("--json", *more, exit_code=exit_code, **keywords))
        self.assertEqual(len(set(report.ids)), len(report.ids), "a check stands there twice")
        counted = collections.Counter(check["verdict"] for check in report.json["checks"])
        summary = report.json["summary"]
        self.assertEqual({verdict: summary[verdict] for verdict in ("pass", "warn", "fail", "skip")},
                         {verdict: counted[verdict] for verdict in ("pass", "warn", "fail", "skip")})
        self.assertEqual(summary["ok"], exit_code == 0)
        if exit_code == 0:
            self.assertEqual(report.done.stderr, "")
        return report

    def assert_fails(self, report: Report, check: str, *words, hint: str = "") -> None:
        found = report[check]
        self.assertEqual(found["verdict"], "fail", found)
        for word in words:
            self.assertIn(word, found["observed"])
        self.assertNotEqual(found["hint"], "", found)
        self.assertIn(hint, found["hint"])
        self.assertRegex(report.done.stderr, rf"error: \d+ of \d+ checks failed: .*\b{check}\b")

    def assert_skipped(self, report: Report, check: str, reason: str) -> None:
        self.assertEqual((report.verdict(check), report[check]["observed"]), ("skip", reason))

    def config(self, content: dict) -> str:
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        (folder / "config.json").write_text(json.dumps(content))
        return str(folder)

    def config_of(self, user: str, password: str, registry: str = REGISTRY) -> str:
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.secrets += [password, auth]
        return self.config({"auths": {registry: {"auth": auth}}})

    def info(self) -> dict:
        return json.loads(self.engine.request("GET", "/info")[1])

    def events_of(self, action) -> list[dict]:
        since = time.time()
        action()
        path = f"/events?since={since:.9f}&until={time.time():.9f}"
        return [json.loads(line) for line in self.engine.request("GET", path)[1].splitlines()]

    def commit(self) -> str:
        """One more in the sample."""
        (self.source / "docs" / "changes.md").write_text(f"{time.time()}\n")
        self.git(self.source, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--all", "--message", "x")
        return self.git(self.source, "rev-parse", "HEAD").strip()


class Well(DoctorCase):
    """Nothing is wrong."""

    def listed(self) -> list[list[str]]:
        return [line.split(maxsplit=1) for line in self.run_program("doctor", "--list").stdout.splitlines()]

    def test_everything_passes(self):
        report = self.doctor()
        self.assertEqual([[check["id"], check["title"]] for check in report.json["checks"]], self.listed())
        self.assertEqual(report.with_verdict("pass"), [check for check in report.ids if check != "token-scopes"])
        self.assert_skipped(report, "token-scopes", f"{REGISTRY} is not GitHub's registry")
        for check in report.json["checks"]:
            self.assertEqual((check["hint"], check["ignored"]), ("", False), check["id"])

    def test_figures_of_memory(self):
        """The verdict follows the bands, whatever this machine has."""
        info = self.info()
        memory, processors = info["MemTotal"], info["NCPU"]  # the lab's containers are in no group with limits
        verdict = "pass" if memory >= 30e9 else "warn" if memory > 9e9 else "fail"
        report = self.doctor(wanted={"min_memory": None}, exit_code=1 if verdict == "fail" else 0)
        self.assertEqual(report["engine-memory"]["figures"], {
            "memory_bytes": memory, "processors": processors, "jobs": max(1, min(processors, (memory - 2 * GiB) // (2 * GiB)))})
        self.assertEqual(report.verdict("engine-memory"), verdict)
        self.assertIn(f"{memory / 1e9:.1f} GB", report["engine-memory"]["observed"])

    def test_figures_of_disk(self):
        there = os.statvfs(self.info()["DockerRootDir"])
        size, free = there.f_blocks * there.f_frsize, there.f_bavail * there.f_frsize
        verdict = "pass" if size >= 30e9 and free >= 20e9 else "warn" if free >= 10e9 else "fail"
        report = self.doctor(wanted={"min_disk": None}, exit_code=1 if verdict == "fail" else 0)
        figures = report["engine-disk"]["figures"]
        self.assertEqual(figures["size_bytes"], size)
        self.assertAlmostEqual(figures["free_bytes"], free, delta=1e9)
        self.assertEqual(report.verdict("engine-disk"), verdict)

    def test_more_is_wanted_than_there_is(self):
        report = self.doctor(wanted={"min_memory": "900TB", "min_disk": "900TB"}, exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["engine-memory", "engine-disk"])
        self.assert_fails(report, "engine-memory", "GB")
        self.assert_fails(report, "engine-disk", "GB")
        self.assertIn("--min-memory", report["engine-memory"]["required"])
        self.assertIn("--min-disk", report["engine-disk"]["required"])

    def test_behind_a_forwarded_socket_the_engine_is_measured(self):
        """As with `ssh -L`: whoever listens here is not the engine, and may not even be seen."""
        there = os.statvfs(self.info()["DockerRootDir"])
        forwarded = EngineProxy(self.HOST, self.folder / "forwarded.sock")
        self.addCleanup(forwarded.close)
        report = self.doctor("--host", forwarded.host, prefix=UNSEEN)
        self.assertEqual(report["engine-disk"]["figures"]["size_bytes"], there.f_blocks * there.f_frsize)
        self.assertEqual(report.verdict("engine-clock"), "pass", report["engine-clock"])

    def test_no_image_of_the_engine_is_run_and_nothing_is_left(self):
        def images():
            return {image["Id"] for image in json.loads(self.engine.request("GET", "/images/json?all=1")[1])}

        before = images()
        report = self.doctor("--only", "engine-disk,engine-memory,engine-clock", wanted={"base_image": f"{self.repository}/none:1"})
        self.assertEqual(report.with_verdict("fail"), [])
        deadline = time.monotonic() + 30  # other runs of doctor are under way, with images and containers of their own
        while (images() - before or self.engine.request("GET", "/containers/json?all=1")[1].strip() != b"[]") and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(images() - before, set())
        self.assertEqual(json.loads(self.engine.request("GET", "/containers/json?all=1")[1]), [])

    def test_builder(self):
        report = self.doctor("--only", "engine-builder", DOCKER_BUILDKIT="0")
        self.assertEqual((report.verdict("engine-builder"), report["engine-builder"]["observed"]),
                         ("pass", "the classic builder, as DOCKER_BUILDKIT says"))


class PodmanWell(Well):
    HOST = PODMAN_HOST

    def test_builder(self):
        report = self.doctor("--only", "engine-builder")
        self.assertEqual((report.verdict("engine-builder"), report["engine-builder"]["observed"]), ("pass", "podman's own"))
        report = self.doctor("--only", "engine-builder", DOCKER_BUILDKIT="1")
        self.assertEqual(report.verdict("engine-builder"), "warn")
        self.assertIn("DOCKER_BUILDKIT", report["engine-builder"]["hint"])


class Schema(DoctorCase):
    """The report is what its schema says, and the schema says something."""
    def errors_in(self, *reports: dict) -> list[list[str]]:
        return schema_errors(SCHEMA, *reports)

    def test_reports_are_valid(self):
        reports = [
            self.doctor(),
            self.doctor(wanted={"min_memory": "900TB", "source": "/nowhere"}, exit_code=1, DOCKER_CONFIG=READER_CONFIG),
            self.doctor("--ignore", "source,registry-push", wanted={"source": "/nowhere"}, DOCKER_CONFIG=READER_CONFIG),
            self.doctor("--only", "clock"),
            self.doctor(exit_code=1, DOCKER_HOST=f"unix://{self.folder}/none.sock"),
        ]
        self.assertEqual(self.errors_in(*(report.json for report in reports)), [[]] * len(reports))

    def test_broken_reports_are_not(self):
        good = self.doctor().json

        def broken(change) -> dict:
            copy = json.loads(json.dumps(good))
            change(copy, {check["id"]: check for check in copy["checks"]})
            return copy

        changes = [
            lambda report, _: report.pop("summary"),
            lambda report, _: report.update(schema_version=1),
            lambda report, _: report.update(more=1),
            lambda report, _: report["checks"].clear(),
            lambda report, _: report["summary"].pop("ok"),
            lambda report, _: report["summary"].update({"pass": -1}),
            lambda _, checks: checks["clock"].pop("hint"),
            lambda _, checks: checks["clock"].update(verdict="perhaps"),
            lambda _, checks: checks["clock"].update(group="other"),
            lambda _, checks: checks["clock"].update(observed=""),
            lambda _, checks: checks["clock"].update(id="Clock"),
            lambda _, checks: checks["clock"].update(seconds=-1),
            lambda _, checks: checks["clock"].update(figures={"bytes": 1.5}),
            lambda _, checks: checks["clock"].update(verdict="fail", ignored=True),
            lambda _, checks: checks["engine-memory"]["figures"].pop("jobs"),
            lambda _, checks: checks["engine-disk"]["figures"].pop("free_bytes"),
        ]
        for number, errors in enumerate(self.errors_in(*map(broken, changes))):
            with self.subTest(number=number):
                self.assertNotEqual(errors, [])


class NoEngine(DoctorCase):
    def check_no_engine(self, path: Path, *words, hint: str) -> None:
        """All that needs the engine says why it is skipped; all else is looked at."""
        report = self.doctor(exit_code=1, DOCKER_HOST=f"unix://{path}")
        self.assert_fails(report, "engine-reachable", str(path), "DOCKER_HOST", *words, hint=hint)
        self.assertEqual(report.with_verdict("fail"), ["engine-reachable"])
        for check in (*ENGINE[1:], "base-image", "registry-tag"):
            self.assert_skipped(report, check, "engine-reachable failed")
        self.assertEqual(report.with_verdict("pass"), ["source", "runtime-version", "registry-reachable", "registry-credentials",
                                                       "registry-push", "clock"])

    def test_no_socket(self):
        self.check_no_engine(self.folder / "none.sock", "No such file", hint="systemctl start docker")

    def test_no_socket_but_a_file(self):
        (self.folder / "file.sock").write_text("")
        self.check_no_engine(self.folder / "file.sock", "is no socket", hint="--host")

    def test_engine_is_stopped(self):
        with socket.socket(socket.AF_UNIX) as engine:
            engine.bind(str(self.folder / "stopped.sock"))
            engine.listen()
        self.check_no_engine(self.folder / "stopped.sock", "nobody answers", hint="systemctl start docker")

    def test_path_is_too_long_for_a_socket(self):
        path = self.folder / ("x" * 100 + ".sock")
        report = self.doctor("--only", "engine-reachable", exit_code=1, DOCKER_HOST=f"unix://{path}")
        self.assert_fails(report, "engine-reachable", str(path), "too long")
        self.assertNotIn("PROXY", report["engine-reachable"]["hint"])

    def test_other_service_on_the_socket(self):
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(self.folder / "other.sock"))
            other.listen()
            def answer():
                while True:
                    connection, _ = other.accept()
                    with connection:
                        connection.recv(65536)
                        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

            def serve():
                with contextlib.suppress(OSError):
                    answer()

            threading.Thread(target=serve, daemon=True).start()
            report = self.doctor(exit_code=1, DOCKER_HOST=f"unix://{self.folder}/other.sock")
            other.shutdown(socket.SHUT_RDWR)
        self.assertEqual(report.verdict("engine-reachable"), "fail")
        self.assertIn("does not answer like a container engine", report["engine-reachable"]["observed"])

    def test_tag_can_be_told_when_the_platform_is_given(self):
        report = self.doctor("--platform", f"linux/{DOCKER_ARCH}", exit_code=1, DOCKER_HOST=f"unix://{self.folder}/none.sock")
        self.assertEqual(report.with_verdict("fail"), ["engine-reachable"])
        self.assertEqual((report.verdict("registry-tag"), report["registry-tag"]["observed"]),
                         ("pass", f"{self.image} is not published yet"))


class OtherUser(DoctorCase):
    """A user who is in no group, and whose files these are."""
    NOBODY = 65534

    def setUp(self) -> None:
        super().setUp()
        self.folder.chmod(0o755)
        self.program = self.folder / "wasmx-image"
        shutil.copy(PROGRAM, self.program)
        shutil.copytree(LAB_ENVIRONMENT["DOCKER_CONFIG"], self.folder / "docker")
        for folder in (self.folder / "docker", self.folder / "home", self.source):
            for path in (folder, *folder.rglob("*")):
                os.lchown(path, self.NOBODY, self.NOBODY)

    def doctor_of_nobody(self, host: str) -> Report:
        return self.doctor(prefix=("setpriv", f"--reuid={self.NOBODY}", f"--regid={self.NOBODY}", "--clear-groups"), exit_code=1,
                           program=self.program, DOCKER_HOST=host, DOCKER_CONFIG=str(self.folder / "docker"), PATH=PATH)

    def test_socket_of_another_user(self):
        for host in (self.HOST, PODMAN_HOST):
            with self.subTest(host=host):
                report = self.doctor_of_nobody(host)
                self.assertEqual(report.with_verdict("fail"), ["engine-reachable"])
                self.assert_fails(report, "engine-reachable", "no right to use the engine's socket",
                                  host.removeprefix("unix://"), "DOCKER_HOST", hint="usermod -aG docker")

    def test_socket_in_the_folder_of_another_user(self):
        """As that of a rootless engine is. To start an engine would mend nothing."""
        (self.folder / "run").mkdir(mode=0o700)
        Silence(self, self.folder / "run" / "docker.sock")
        report = self.doctor_of_nobody(f"unix://{self.folder}/run/docker.sock")
        self.assert_fails(report, "engine-reachable", "Permission denied", str(self.folder / "run" / "docker.sock"))
        self.assertNotIn("systemctl start", report["engine-reachable"]["hint"])


class LimitedLab(Lab):
    """An engine whose containers are in a cgroup of the test's; its own process is not."""

    def dockerd(self):
        service = super().dockerd()
        service.argv.append(f"--cgroup-parent=/wasmx-test-{os.getpid()}")
        return service


class SmallEngine(DoctorCase):
    """An engine of its own on a small disk, without any image, whose containers are in a cgroup with limits."""
    SIZE = 160 << 20
    MEMORY = 5 * GiB
    cgroups: list[Path] = []

    @classmethod
    def setUpClass(cls):
        cls.place = Path(tempfile.mkdtemp(prefix="wasmx-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.place, ignore_errors=True)
        cls.data = cls.place / "lab" / "engine" / "data"
        cls.data.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={cls.SIZE}", "tmpfs", str(cls.data)], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", str(cls.data)], check=True)
        cls.cgroups = cls.limited()
        own = LimitedLab(cls.place / "lab")
        cls.addClassCleanup(own.down)
        own.up(engine=True)
        cls.HOST = own.environment()["DOCKER_HOST"]

    @classmethod
    def limited(cls) -> list[Path]:
        """Makes the cgroup; returns the files that set its limits, none where no cgroup can be made."""
        limits = {"memory": {"memory.limit_in_bytes": str(cls.MEMORY)},
                  "cpu": {"cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "100000"},
                  "": {"memory.max": str(cls.MEMORY), "cpu.max": "100000 100000"}}
        made = []
        for controller, files in limits.items():
            top = Path("/sys/fs/cgroup") / controller
            folder = top / f"wasmx-test-{os.getpid()}"
            # Below a mount of both versions the top is no cgroup itself, and its folders are nothing but folders.
            if not any((top / name).exists() for name in ("cgroup.controllers", "tasks")):
                continue
            try:
                folder.mkdir()
                cls.addClassCleanup(folder.rmdir)
                for name, value in files.items():
                    cls.set(folder / name, value)
                made += [folder / name for name in files]
            except OSError:
                continue
        return made

    @staticmethod
    def set(file: Path, value: str) -> None:
        with file.open("r+") as there:  # the kernel makes these files
            there.write(value)

    def small(self, *more, **keywords) -> Report:
        """There is no base image either, which is no fault: it would be built."""
        wanted = {"base_image": None, "min_disk": "10MB"} | keywords.pop("wanted", {})
        return self.doctor(*more, wanted=wanted, **keywords)

    def assert_figures(self, figures: dict) -> None:
        there = os.statvfs(self.data)
        self.assertEqual(there.f_blocks * there.f_frsize, self.SIZE)
        self.assertEqual(figures["size_bytes"], self.SIZE)
        self.assertAlmostEqual(figures["free_bytes"], there.f_bavail * there.f_frsize, delta=8 << 20)

    def test_disk_is_too_small(self):
        report = self.small(wanted={"min_disk": None}, exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["engine-disk"])
        self.assert_fails(report, "engine-disk", f"of {self.SIZE / 1e6:.1f} MB", hint="docker system prune")
        self.assert_figures(report["engine-disk"]["figures"])

    def test_disk_is_enough_for_the_asking(self):
        report = self.small()
        self.assertEqual(report.verdict("engine-disk"), "pass", report["engine-disk"])
        self.assert_figures(report["engine-disk"]["figures"])
        report = self.small(wanted={"min_disk": f"{self.SIZE // 10**6 + 1}MB"}, exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["engine-disk"])

    def test_nothing_is_left(self):
        self.small(prefix=UNSEEN)
        for path in ("/containers/json?all=1", "/images/json?all=1"):
            self.assertEqual(json.loads(self.engine.request("GET", path)[1]), [], path)

    def test_base_image_will_be_built(self):
        report = self.small()
        self.assertEqual(report.verdict("base-image"), "pass")
        self.assertIn("will be built from the module's", report["base-image"]["observed"])
        self.assertEqual(json.loads(self.engine.request("GET", "/images/json?all=1")[1]), [], "doctor built something")

    def test_base_image_that_nobody_has(self):
        name = f"{self.repository}/base:1"
        report = self.small(wanted={"base_image": name}, exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["base-image"])
        self.assert_fails(report, "base-image", name, hint="--base-image")

    def limit_file(self, *names: str) -> Path:
        found = next((path for path in self.cgroups if path.name in names), None)
        if found is None:
            self.skipTest("no cgroup can be made here")
        return found

    def test_memory_is_limited(self):
        file = self.limit_file("memory.limit_in_bytes", "memory.max")
        report = self.small(wanted={"min_memory": None}, exit_code=1)
        self.assertEqual(report["engine-memory"]["figures"]["memory_bytes"], self.MEMORY)
        self.assertEqual(report["engine-memory"]["figures"]["jobs"], 1)
        self.assert_fails(report, "engine-memory", "5.4 GB", hint=f"raise the limit in {file.name}")

    def test_processors_are_limited(self):
        self.limit_file("cpu.cfs_quota_us", "cpu.max")
        self.assertEqual(self.small()["engine-memory"]["figures"]["processors"], 1)


class Credentials(DoctorCase):
    """The registry is there, and does not let us."""

    def test_wrong_password(self):
        report = self.doctor(exit_code=1, DOCKER_CONFIG=self.config_of("maintainer", "hunter2-wrong"))
        self.assertEqual(report.verdict("registry-credentials"), "pass")
        self.assertIn("user maintainer", report["registry-credentials"]["observed"])
        self.assert_fails(report, "registry-push", "401", hint=f"docker login {REGISTRY}")
        self.assertIn("config.json", report["registry-push"]["hint"])

    def test_wrong_password_in_the_environment(self):
        auth = base64.b64encode(b"maintainer:hunter2-wrong").decode()
        self.secrets += ["hunter2", auth]
        report = self.doctor(exit_code=1, DOCKER_AUTH_CONFIG=json.dumps({"auths": {REGISTRY: {"auth": auth}}}))
        self.assertEqual(report["registry-credentials"]["where"], "$DOCKER_AUTH_CONFIG")
        self.assert_fails(report, "registry-push", hint="set $DOCKER_AUTH_CONFIG anew")

    def test_read_only_user(self):
        """He may still read what is published."""
        report = self.doctor(exit_code=1, DOCKER_CONFIG=READER_CONFIG)
        self.assertEqual(report.with_verdict("fail"), ["registry-push"])
        self.assert_fails(report, "registry-push", "401", hint="may not push to")
        self.assertIn("the right to push to", report["registry-push"]["required"])
        self.assertIn(READER_CONFIG, report["registry-push"]["hint"])
        self.assertEqual(report.verdict("registry-tag"), "pass")

    def test_no_credentials(self):
        report = self.doctor(exit_code=1, DOCKER_CONFIG=self.config({}))
        self.assertEqual(report.with_verdict("fail"), ["registry-credentials"])
        self.assert_fails(report, "registry-credentials", REGISTRY, hint=f"docker login {REGISTRY}")
        for check in ("registry-push", "registry-tag"):
            self.assert_skipped(report, check, "registry-credentials failed")

    def test_config_is_broken(self):
        folder = self.config({})
        Path(folder, "config.json").write_text('{"auths": {"x": {"auth": "hunter2"')
        self.secrets.append("hunter2")
        report = self.doctor(exit_code=1, DOCKER_CONFIG=folder)
        self.assert_fails(report, "registry-credentials", f"{folder}/config.json", "no JSON")

    def test_helper_that_is_not_installed(self):
        folder = self.config({"credHelpers": {REGISTRY: "nowhere"}})
        report = self.doctor(exit_code=1, DOCKER_CONFIG=folder)
        self.assertEqual(report.with_verdict("fail"), ["registry-credentials"])
        self.assert_fails(report, "registry-credentials", f"{folder}/config.json", "docker-credential-nowhere", "not installed",
                          hint="put docker-credential-nowhere on PATH")
        self.assertIn(f"docker login {REGISTRY}", report["registry-credentials"]["hint"])

    def token(self, *options: str) -> str:
        """As the lab's registry takes them, from a server of our own."""
        folder, port_file = LAB.root / "tokens", self.folder / "port"
        server = subprocess.Popen(
            [sys.executable, SUPPORT / "token_server.py", "--port-file", port_file, "--users", folder / "users.json", "--key",
             folder / "key.pem", "--cert", folder / "cert.pem", "--log", self.folder / "tokens.log", *options])
        try:
            deadline = time.monotonic() + 20
            while not port_file.exists() and server.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            scope = f"repository:{self.repository.split('/', 1)[1]}:pull,push"
            request = urllib.request.Request(
                f"http://127.0.0.1:{port_file.read_text().strip()}/token?service=wasmx-test-registry&scope={scope}")
            password = LAB.state["users"]["maintainer"]["password"]
            request.add_header("Authorization", "Basic " + base64.b64encode(f"maintainer:{password}".encode()).decode())
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
                return json.load(answer)["token"]
        finally:
            server.terminate()
            server.wait()

    def doctor_with_token(self, token: str, exit_code: int) -> Report:
        self.secrets.append(token)
        return self.doctor(exit_code=exit_code, DOCKER_CONFIG=self.config({"auths": {REGISTRY: {"registrytoken": token}}}))

    def test_token(self):
        report = self.doctor_with_token(self.token(), 0)
        self.assertIn("a token, from", report["registry-credentials"]["observed"])

    def test_token_that_has_expired(self):
        # Registries allow a minute for clocks that differ.
        report = self.doctor_with_token(self.token("--expires-in=-300"), 1)
        self.assertEqual(report.verdict("registry-credentials"), "pass")
        self.assert_fails(report, "registry-push", "401", hint="expired")

    def test_token_that_is_none(self):
        report = self.doctor_with_token("bm90LWEtdG9rZW4tYXQtYWxs.e30.c2ln", 1)
        self.assert_fails(report, "registry-push", hint=f"docker login {REGISTRY}")


class RegistryGone(DoctorCase):
    def test_nobody_listens(self):
        report = self.doctor(wanted={"repository": "127.0.0.1:1/x/y"}, exit_code=1,
                             DOCKER_CONFIG=self.config_of("a", "b-secret", "127.0.0.1:1"))
        self.assertEqual(report.with_verdict("fail"), ["registry-reachable"])
        self.assert_fails(report, "registry-reachable", "127.0.0.1:1", hint="does the service run?")
        for check in ("registry-push", "registry-tag", "clock"):
            self.assert_skipped(report, check, "registry-reachable failed")
        self.assertEqual(report.verdict("registry-credentials"), "pass")

    def test_unknown_authority(self):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                        "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate],
                       check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        registry = Stub(self, lambda path: (200, {}), tls)
        report = self.doctor(wanted={"repository": f"{registry.address}/x/y"}, exit_code=1)
        self.assert_fails(report, "registry-reachable", f"https://{registry.address}/v2/", "certificate", hint="/etc/docker/certs.d/")
        self.assertEqual(registry.requests, [])

    def test_no_registry(self):
        for status, hint in ((404, "the host of a registry"), (503, "try again later")):
            with self.subTest(status=status):
                server = Stub(self, lambda path, status=status: (status, {}))
                report = self.doctor(wanted={"repository": f"{server.address}/x/y"}, exit_code=1)
                self.assert_fails(report, "registry-reachable", str(status), hint=hint)


def tiny_image(name: str, word: str, architecture: str) -> bytes:
    """One that nobody knows the origin of, as `docker save` would write it."""
    def archive(files: dict[str, bytes]) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as tar:
            for path, content in files.items():
                entry = tarfile.TarInfo(path)
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
        return out.getvalue()

    layer = archive({"word": word.encode()})
    config = {"architecture": architecture, "os": "linux", "config": {},
              "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return archive({"layer.tar": layer, "config.json": json.dumps(config).encode(), "manifest.json": json.dumps(manifest).encode()})


class Published(DoctorCase):
    """A tag is replaced by the same thing only, unless somebody insists."""

    def push_build(self, *more, exit_code: int = 0) -> subprocess.CompletedProcess:
        return self.run_program("build", *self.options(), "--push", *more, exit_code=exit_code)

    def digest(self) -> str:
        return json.loads(self.skopeo("inspect", "--tls-verify=false", "--no-tags", f"docker://{self.image}"))["Digest"]

    def test_life_of_a_tag(self):
        self.assertEqual(self.doctor()["registry-tag"]["observed"], f"{self.image} is not published yet")
        first = self.git(self.source, "rev-parse", "HEAD").strip()
        self.assertEqual(self.push_build().stdout, f"{self.image}@{self.digest()}\n")
        digest = self.digest()
        same = self.doctor()["registry-tag"]
        self.assertEqual((same["verdict"], same["observed"]),
                         ("pass", f"already published from the same commit, version and base: {digest}"))
        other = self.doctor(wanted={"runtime_version": OTHER_VERSION})["registry-tag"]
        self.assertEqual((other["verdict"], other["observed"]),
                         ("pass", f"{self.repository}:v8-{OTHER_VERSION}-linux-{DOCKER_ARCH} is not published yet"))
        report = self.doctor("--tag", self.image, wanted={"runtime_version": OTHER_VERSION, "repository": None}, exit_code=1)
        self.assert_fails(report, "registry-tag", f"version {VERSION} instead of version {OTHER_VERSION}")
        self.docker("tag", BASE_IMAGE, f"{self.repository}-base:1")
        self.addCleanup(self.docker, "rmi", f"{self.repository}-base:1")
        report = self.doctor(wanted={"base_image": f"{self.repository}-base:1"}, exit_code=1)
        self.assert_fails(report, "registry-tag", f"base image {BASE_IMAGE} instead of base image {self.repository}-base:1")

        second = self.commit()
        report = self.doctor(exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["registry-tag"])
        self.assert_fails(report, "registry-tag", self.image, f"commit {first[:12]} instead of commit {second[:12]}", hint="--overwrite")
        self.assertEqual(self.doctor("--ref", first).verdict("registry-tag"), "pass")
        report = self.doctor("--overwrite")
        self.assertEqual(report.verdict("registry-tag"), "warn")
        self.assertIn(first[:12], report["registry-tag"]["observed"])
        refused = self.push_build(exit_code=1)
        self.assertEqual(refused.stdout, "")
        self.assertRegex(refused.stderr, r"(?m)^error: nothing was begun: 1 of \d+ checks failed: registry-tag$")
        self.assertIn("--overwrite", refused.stderr)
        self.assertEqual(self.digest(), digest)
        self.push_build("--overwrite")
        self.assertNotEqual(self.digest(), digest)
        self.assertEqual(self.doctor()["registry-tag"]["observed"],
                         f"already published from the same commit, version and base: {self.digest()}")

    def load_image(self, word: str, architecture: str = DOCKER_ARCH) -> None:
        """Takes the tag on the engine for something foreign."""
        archive = self.folder / "image.tar"
        archive.write_bytes(tiny_image(self.image, word, architecture))
        self.engine.load(archive)

    def test_something_foreign(self):
        self.load_image("foreign")
        self.addCleanup(self.docker, "rmi", self.image)
        self.docker("push", self.image)
        report = self.doctor(exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["registry-tag"])
        self.assert_fails(report, "registry-tag", self.image, "does not say its commit", hint="--overwrite")
        self.assertIn(self.digest(), report["registry-tag"]["details"])

    def test_other_platform(self):
        self.load_image("foreign", FOREIGN_ARCH)
        self.addCleanup(self.docker, "rmi", self.image)
        self.docker("push", self.image)
        report = self.doctor(exit_code=1)
        self.assert_fails(report, "registry-tag", self.image, FOREIGN_ARCH, hint="--overwrite")

    def test_push_of_something_foreign(self):
        self.load_image("one")
        self.addCleanup(self.docker, "rmi", self.image)
        refused = self.run_program("push", self.image, exit_code=1)
        self.assertIn("is named like a packaged runtime and holds none", refused.stderr)
        self.run_program("push", self.image, "--no-verify")
        digest = self.digest()
        self.run_program("push", "--no-verify", self.image)  # the very same image may come again
        self.assertEqual(self.digest(), digest)
        self.load_image("another")
        refused = self.run_program("push", self.image, exit_code=1)
        self.assertEqual(refused.stdout, "")
        self.assertIn("hint: take another version or --tag; --overwrite replaces it", refused.stderr)
        self.assertEqual(self.digest(), digest)
        self.run_program("push", "--no-verify", "--overwrite", self.image)
        self.assertNotEqual(self.digest(), digest)


class Inputs(DoctorCase):
    def test_ref_is_missing(self):
        report = self.doctor("--ref", "mian", exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["source"])
        self.assert_fails(report, "source", '"mian"', hint="did you mean main?")
        self.assert_skipped(report, "registry-tag", "source failed")
        self.assertEqual(report.verdict("runtime-version"), "pass")  # was given

    def test_source_is_missing(self):
        report = self.doctor(wanted={"source": self.folder / "nowhere", "runtime_version": None}, exit_code=1)
        self.assert_fails(report, "source", f"{self.folder}/nowhere", "does not exist", hint="clone")
        self.assert_skipped(report, "runtime-version", "source failed")

    def test_not_the_module(self):
        (self.folder / "other").mkdir()
        (self.folder / "other" / "README").write_text("x")
        report = self.doctor(wanted={"source": self.folder / "other"}, exit_code=1)
        self.assert_fails(report, "source", f"{self.folder}/other has no util/runtimes/v8.sh", hint="--source")

    def test_changes_without_a_commit(self):
        (self.source / "README.md").write_text("changed\n")
        report = self.doctor(exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["source"])
        self.assert_fails(report, "source", "README.md", hint="--allow-dirty")
        self.assertEqual(self.doctor("--allow-dirty").with_verdict("warn"), ["source"])

    def test_versions_disagree(self):
        report = self.doctor(wanted={"source": self.sample("disagree"), "runtime_version": None}, exit_code=1)
        self.assertEqual(report.with_verdict("fail"), ["runtime-version"])
        self.assert_fails(report, "runtime-version", "9.9.9.9", VERSION, "Makefile", hint=f"--runtime-version {VERSION}")
        self.assert_skipped(report, "registry-tag", "runtime-version failed")

    def test_foreign_platform(self):
        report = self.doctor("--platform", f"linux/{FOREIGN_ARCH}", exit_code=1)
        self.assert_fails(report, "engine-platform", f"linux/{FOREIGN_ARCH}", f"linux/{DOCKER_ARCH}", hint="--allow-emulation")
        # The base image of the lab is for its own machine.
        report = self.doctor("--platform", f"linux/{FOREIGN_ARCH}", "--allow-emulation", "--ignore", "base-image")
        self.assertEqual(report.with_verdict("warn"), ["engine-platform", "base-image"])
        self.assertEqual((report["engine-platform"]["ignored"], report["base-image"]["ignored"]), (False, True))


class Clock(DoctorCase):
    """A registry that is open to everybody, and has a clock of its own."""

    def clock(self, *, seconds: float | None, exit_code: int = 0) -> dict:
        def answer(path):
            return 200, {} if seconds is None else {"Date": formatdate(time.time() + seconds, usegmt=True)}

        address = Stub(self, answer).address
        report = self.doctor("--only", "clock", wanted={"repository": f"{address}/x/y"}, exit_code=exit_code)
        self.assertEqual(report.ids, ["registry-reachable", "clock"])
        self.assertEqual(report.verdict("registry-reachable"), "pass")
        if exit_code:
            self.assert_fails(report, "clock", hint="timedatectl")
        return report["clock"]

    def test_two_hours_off(self):
        self.assertRegex(self.clock(seconds=7200, exit_code=1)["observed"], r"^(2h|2 h|120 ?m|119 ?m|1h).* behind the registry's$")
        self.assertRegex(self.clock(seconds=-7200, exit_code=1)["observed"], r" ahead of the registry's$")

    def test_half_a_minute_off(self):
        for seconds in (30, -30):
            self.assertEqual(self.clock(seconds=seconds)["verdict"], "pass")

    def test_right(self):
        self.assertEqual(self.clock(seconds=0)["observed"], "right to the second")

    def test_no_date(self):
        found = self.clock(seconds=None)
        self.assertEqual(found["verdict"], "skip")
        self.assertIn("tells no Date", found["observed"])


class Scopes(DoctorCase):
    """Tokens for GitHub's registry, which itself is not asked here: a proxy that is not there keeps it away."""

    def scopes(self, token: str, answer=None, *, exit_code: int = 0, api: str | None = None, more: tuple = ()) -> dict:
        self.secrets.append(token)
        self.stub = Stub(self, answer or (lambda path: self.fail(f"{path} was asked for")))
        report = self.doctor("--only", "token-scopes", "--ignore", "registry-reachable", *more,
                             wanted={"repository": "ghcr.io/kong/x"}, exit_code=exit_code,
                             GITHUB_API_URL=api or f"http://{self.stub.address}", HTTPS_PROXY="http://127.0.0.1:1",
                             DOCKER_CONFIG=self.config_of("octocat", token, "ghcr.io"))
        self.assertEqual(report.verdict("registry-credentials"), "pass")
        if exit_code:
            self.assert_fails(report, "token-scopes", hint="write:packages")
        return report["token-scopes"]

    def assert_asked(self, token: str) -> None:
        self.assertEqual([(method, path, headers["Authorization"]) for method, path, headers in self.stub.requests],
                         [("GET", "/user", f"Bearer {token}")])

    @staticmethod
    def user(scopes: str | None):
        headers = {"Content-Type": "application/json", "body": '{"login": "octocat"}'}
        return lambda path: (200, headers | ({} if scopes is None else {"X-OAuth-Scopes": scopes}))

    def test_may_write(self):
        found = self.scopes("ghp_thisMayWrite00", self.user("repo, write:packages"))
        self.assertEqual(found["verdict"], "pass")
        self.assertIn("octocat's token", found["observed"])
        self.assertIn("repo, write:packages", found["observed"])
        self.assert_asked("ghp_thisMayWrite00")

    def test_may_read_only(self):
        found = self.scopes("ghp_thisMayRead000", self.user("read:packages"), exit_code=1)
        self.assertIn("read:packages", found["observed"])
        self.assert_asked("ghp_thisMayRead000")

    def test_no_scope(self):
        self.scopes("ghp_thisMayNothing", self.user(""), exit_code=1)

    def test_unknown_token(self):
        found = self.scopes("ghp_thisIsRevoked0", lambda path: (401, {}), exit_code=1)
        self.assertIn("401", found["observed"])
        self.assert_asked("ghp_thisIsRevoked0")

    def test_nothing_is_said_of_scopes(self):
        found = self.scopes("ghp_thisIsSilent00", self.user(None))
        self.assertEqual((found["verdict"], found["observed"]), ("skip", "GitHub tells no scopes of this token"))

    def test_github_is_down(self):
        found = self.scopes("ghp_thisIsUnlucky0", lambda path: (503, {}))
        self.assertEqual(found["verdict"], "skip")
        self.assertIn("503", found["observed"])

    def test_token_of_a_workflow(self):
        found = self.scopes("ghs_ofAWorkflow000")
        self.assertEqual(found["verdict"], "skip")
        self.assertIn("packages: write", found["observed"])
        self.assertEqual(self.stub.requests, [])

    def test_fine_grained_token(self):
        found = self.scopes("github_pat_fineGrained00", exit_code=1)
        self.assertIn("fine-grained", found["observed"])
        self.assertEqual(self.stub.requests, [])

    def test_not_sent_in_the_clear(self):
        for api in ("http://192.0.2.1", "http://127.0.0.1.example.invalid"):
            with self.subTest(api=api):
                self.secrets.append("ghp_notInTheClear0")
                report = self.doctor("--only", "token-scopes", "--ignore", "registry-reachable", wanted={"repository": "ghcr.io/kong/x"},
                                     exit_code=1, GITHUB_API_URL=api, HTTPS_PROXY="http://127.0.0.1:1",
                                     DOCKER_CONFIG=self.config_of("octocat", "ghp_notInTheClear0", "ghcr.io"))
                self.assert_fails(report, "token-scopes", f"a token is not sent to {api}", hint="GITHUB_API_URL")

    def test_scopes_of_another_registry_are_nobodys_business(self):
        stub = Stub(self, self.user("repo"))
        self.doctor("--only", "token-scopes", GITHUB_API_URL=f"http://{stub.address}")
        self.assertEqual(stub.requests, [])


class Selection(DoctorCase):
    NOWHERE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}

    def test_only(self):
        self.assertEqual(self.doctor("--only", "clock").ids, ["registry-reachable", "clock"])
        self.assertEqual(self.doctor("--only", "runtime-version,clock").ids, ["source", "runtime-version", "registry-reachable", "clock"])
        self.assertEqual(self.doctor("--only", "clock", "--only", "source").ids, ["source", "registry-reachable", "clock"])
        # What it needs, and what that needs; in the order of the table.
        self.assertEqual(self.doctor("--only", "engine-memory").ids, ["engine-reachable", "engine-version", "engine-memory"])
        report = self.doctor("--only", "source", exit_code=0, **self.NOWHERE)
        self.assertEqual((report.ids, report.with_verdict("pass")), (["source"], ["source"]))

    def test_ignore(self):
        keywords = {"wanted": {"source": "/nowhere"}, "DOCKER_CONFIG": READER_CONFIG}
        report = self.doctor(exit_code=1, **keywords)
        self.assertEqual(report.with_verdict("fail"), ["source", "registry-push"])
        report = self.doctor("--ignore", "source", exit_code=1, **keywords)
        self.assertEqual((report.with_verdict("warn"), report.with_verdict("fail")), (["source"], ["registry-push"]))
        for more in (("--ignore", "source,registry-push"), ("--ignore", "source", "--ignore", "registry-push")):
            report = self.doctor(*more, **keywords)
            self.assertEqual(report.with_verdict("warn"), ["source", "registry-push"])
            self.assertEqual([check["id"] for check in report.json["checks"] if check["ignored"]], ["source", "registry-push"])
            self.assert_skipped(report, "registry-tag", "source failed")
        # What is well is not ignored.
        self.assertFalse(self.doctor("--ignore", "clock")["clock"]["ignored"])

    def test_strict(self):
        """A warning fails with it."""
        self.doctor("--strict")
        (self.source / "README.md").write_text("changed\n")
        self.assertEqual(self.doctor("--allow-dirty").with_verdict("warn"), ["source"])
        report = self.doctor("--allow-dirty", "--strict", exit_code=1)
        self.assertEqual(report.with_verdict("warn"), ["source"])
        self.assertIn("1 of 16 checks failed: source", report.done.stderr)

    def test_unknown_id(self):
        for option in ("--only", "--ignore"):
            done = self.run_doctor(option, "clock,engine-memroy", exit_code=2)
            self.assertEqual(done.stdout, "")
            self.assertIn('error: there is no check "engine-memroy"', done.stderr)
            self.assertIn("hint: did you mean engine-memory?", done.stderr)
            self.assertIn("--list", self.run_doctor(option, "qqqqqqqqqqqqqqqq", exit_code=2).stderr)
            self.assertIn(f"error: {option} ", self.run_doctor(option, ",", exit_code=2).stderr)

    def test_list_runs_nothing(self):
        registry = Stub(self, lambda path: (200, {}))
        done = self.run_doctor("--list", wanted={"source": "/nowhere", "repository": f"{registry.address}/x/y"}, **self.NOWHERE)
        self.assertEqual([line.split()[0] for line in done.stdout.splitlines()],
                         [*ENGINE, "base-image", "source", "runtime-version", *REGISTRY_CHECKS])
        self.assertEqual((registry.requests, done.stderr), ([], ""))


class Forms(DoctorCase):
    """How the report looks to people."""
    ESCAPE = re.compile(r"\x1b\[[0-9;]*m")

    def on_terminal(self, *more, **environment) -> str:
        """What a terminal of 100 columns is sent."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 50, 100, 0, 0))
        process = subprocess.Popen([PROGRAM, "doctor", *self.options(repository=self.repository), "--ref", "mian", *more], stdout=theirs,
                                   stderr=subprocess.DEVNULL, cwd=self.folder, env=self.environment | {
                                       "TERM": "xterm", "DOCKER_CONFIG": READER_CONFIG} | environment)
        os.close(theirs)
        out = b""
        with contextlib.suppress(OSError):  # EIO: the other side is closed
            while piece := os.read(ours, 65536):
                out += piece
        os.close(ours)
        self.assertEqual(process.wait(), 1)
        return out.decode()

    def test_plain(self):
        done = self.run_doctor("--ref", "mian", exit_code=1, DOCKER_CONFIG=READER_CONFIG, LC_ALL="C.UTF-8")
        self.assertNotIn("\x1b", done.stdout)
        self.assertTrue(done.stdout.isascii(), done.stdout)
        self.assertRegex(done.stdout, r"(?m)^  FAIL  source ")
        self.assertRegex(done.stdout, r"(?m)^  ok    engine-reachable ")
        self.assertRegex(done.stdout, r"(?m)^  skip  registry-tag .*source failed$")
        self.assertRegex(done.stdout, r"(?m)^ +hint +did you mean main\?")
        self.assertEqual(done.stderr, "error: 2 of 16 checks failed: source, registry-push\n")
        lines = done.stdout.splitlines()
        self.assertEqual([line for line in lines if re.match(r"\S", line)],
                         ["engine", "inputs", "registry", "12 passed, 2 failed, 2 skipped"])
        self.assertEqual([line.split()[1] for line in lines if re.match(r"  \S", line)],
                         [*ENGINE, "base-image", "source", "runtime-version", *REGISTRY_CHECKS])

    def test_terminal(self):
        text = self.on_terminal(LC_ALL="C.UTF-8")
        self.assertRegex(text, r"\x1b\[[0-9;]+m✓\x1b\[0m +engine-reachable")
        self.assertRegex(text, r"\x1b\[[0-9;]+m✗\x1b\[0m +source")
        for line in self.ESCAPE.sub("", text).splitlines():
            self.assertTrue(len(line) <= 100 or " " not in line[40:].strip(), line)

    def test_terminal_without_colour(self):
        text = self.on_terminal(LC_ALL="C.UTF-8", NO_COLOR="1")
        self.assertNotIn("\x1b", text)
        self.assertRegex(text, r"✓ +engine-reachable")

    def test_terminal_without_utf_8(self):
        text = self.on_terminal(LC_ALL="C")
        self.assertTrue(text.isascii(), text)
        self.assertIn("\x1b[", text)

    def test_verbose(self):
        text = self.run_doctor("--verbose").stdout
        self.assertEqual(len(re.findall(r"(?m)^ +asks +whether ", text)), 16)
        self.assertEqual(len(re.findall(r"(?m)^ +took +", text)), 16)
        self.assertIn(self.git(self.source, "rev-parse", "HEAD").strip(), text)

    def test_github_actions(self):
        summary = self.folder / "summary.md"
        summary.write_text("before\n")
        report = self.doctor("--ref", "mian", "--ignore", "registry-push", exit_code=1, DOCKER_CONFIG=READER_CONFIG,
                             GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
        commands = [line for line in report.done.stderr.splitlines() if line.startswith("::")]
        self.assertEqual([command.split("::")[1] for command in commands], ["error title=source", "warning title=registry-push"])
        for command, check in zip(commands, (report["source"], report["registry-push"])):
            self.assertEqual(command.split("::", 2)[2], f"{check['observed']}\n{check['hint']}".replace("%", "%25").replace("\n", "%0A"))
        text = summary.read_text()
        self.assertTrue(text.startswith("before\n"), text)
        rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
        self.assertEqual(rows[0], ["", "check", "observed", "hint"])
        self.assertEqual([row[1] for row in rows[2:]], report.ids)
        self.assertEqual({row[1]: row[0] for row in rows[2:]}["source"], "❌")
        self.assertIn("1 warning, 1 failed, 2 skipped", text)

    def test_no_summary_can_be_written(self):
        """The report is told all the same."""
        done = self.run_doctor(GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY="/nowhere/summary.md")
        self.assertIn("engine-reachable", done.stdout)
        self.assertIn("/nowhere/summary.md", done.stderr)

    def test_not_in_github_actions(self):
        summary = self.folder / "summary.md"
        done = self.run_doctor("--ref", "mian", exit_code=1, GITHUB_STEP_SUMMARY=str(summary))
        self.assertNotIn("::", done.stderr)
        self.assertFalse(summary.exists())


class Build(DoctorCase):
    """`build` looks first."""

    def refused(self) -> subprocess.CompletedProcess:
        return self.run_program("build", *self.options(), "--push", exit_code=1, DOCKER_CONFIG=READER_CONFIG)

    def test_failed_checks_are_shown(self):
        done = self.refused()
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertRegex(lines[0], r"^  \|   FAIL  registry-push +POST http://")
        self.assertRegex(done.stderr, r"(?m)^  \|  +hint +the credentials from ")
        self.assertIn("error: nothing was begun: 1 of 16 checks failed: registry-push", lines)
        self.assertEqual(lines[-1], "hint: `wasmx-image doctor` shows all checks; --ignore registry-push goes on all the same")
        self.assertNotIn("checks:", done.stderr)

    def test_refused_build_touches_nothing(self):
        events = self.events_of(self.refused)
        # What was measured has left nothing, and nothing else was begun.
        self.assertEqual([event for event in events if event.get("Type") == "builder" or event.get("Action") in ("pull", "tag", "load")], [])
        made = [event["Actor"]["ID"] for event in events if event.get("Action") in ("import", "create")]
        gone = [event["Actor"]["ID"] for event in events if event.get("Action") in ("delete", "destroy")]
        self.assertEqual(sorted(made), sorted(gone))

    def test_all_is_well(self):
        done = self.run_program("build", *self.options(), "--push", "--dry-run", "--progress", "plain")
        self.assertEqual(len(re.findall(r"(?m)^checks:  1[0-9] passed, [1-4] skipped$", done.stderr)), 1, done.stderr)

    def test_registry_does_not_matter_without_push(self):
        done = self.run_program("build", *self.options(repository="127.0.0.1:1/x/y"), "--dry-run", DOCKER_CONFIG=self.config({}))
        found = re.findall(r"(?m)^checks:  (\d+) passed, (\d+) skipped$", done.stderr)
        self.assertEqual(sum(map(int, found[0])), 16, done.stderr)
        self.assertGreaterEqual(int(found[0][1]), len(REGISTRY_CHECKS))

    def test_ignored_check(self):
        """Goes on, says so, and fails where nothing can be done without."""
        done = self.run_program("build", *self.options(), "--push", "--dry-run", "--ignore", "registry-credentials",
                                DOCKER_CONFIG=self.config({}))
        self.assertRegex(done.stderr, r"warning: registry-credentials: .* \(ignored\)")
        done = self.run_program("build", *self.options(source="/nowhere"), "--ignore", "source", exit_code=1)
        self.assertIn("error: source was ignored, but there is no build without it", done.stderr)


class Watched:
    """A process that somebody waits for in the background."""

    def __init__(self, process: subprocess.Popen, check: str):
        self.check = check
        self.started = time.monotonic()
        self.ended = threading.Event()
        threading.Thread(target=self.watch, args=(process,), daemon=True).start()

    def watch(self, process: subprocess.Popen) -> None:
        out, err = process.communicate()
        self.seconds = time.monotonic() - self.started
        self.done = subprocess.CompletedProcess([], process.returncode, out, err)
        self.ended.set()


class Waits(DoctorCase):
    """Nobody answers, and that has an end. Those who wait were started with the module, since it takes them so long."""
    LONGEST = 40
    runs: dict[str, Watched] = {}

    def hanging(self) -> dict[str, tuple]:
        """Ways to hang: options, environment, and how to know that it does."""
        registry, git, token = Silence(self), Silence(self), Silence(self)
        engine, info = Silence(self, self.folder / "engine.sock"), Silence(self, self.folder / "info.sock", pongs=True)
        realm = f'Bearer realm="http://{token.address}/token",service="x"'
        with_realm = Stub(self, lambda path: (401, {"WWW-Authenticate": realm}))
        (self.folder / "bin").mkdir(exist_ok=True)
        helper = self.folder / "bin" / "docker-credential-slow"
        helper.write_text(f"#!/bin/sh\necho $$ > {self.folder}/helper.new\nmv {self.folder}/helper.new {self.folder}/helper\n"
                          "exec sleep 100\n")
        helper.chmod(0o755)
        return {
            "registry": (self.options(repository=f"{registry.address}/x/y"), {}, registry.visited.is_set, "registry-reachable"),
            "token": (self.options(repository=f"{with_realm.address}/x/y"),
                      {"DOCKER_CONFIG": self.config_of("a", "b-secret", with_realm.address)}, token.visited.is_set, "registry-push"),
            "helper": (self.options(), {"DOCKER_CONFIG": self.config({"credsStore": "slow"}),
                                        "PATH": f"{self.folder}/bin:{self.environment['PATH']}"},
                       (self.folder / "helper").exists, "registry-credentials"),
            "engine": (self.options(), {"DOCKER_HOST": engine.address}, engine.visited.is_set, "engine-reachable"),
            "git": (self.options(source=f"git://{git.address}/x"), {}, git.visited.is_set, "source"),
            "info": (self.options(), {"DOCKER_HOST": info.address}, info.visited.is_set, "engine-version"),
        }

    def start(self, options, environment) -> subprocess.Popen:
        process = self.start_program("doctor", "--json", *options, **environment)
        self.addCleanup(process.kill)
        return process

    def start_all(self) -> None:
        for name, (options, environment, _, check) in self.hanging().items():
            type(self).runs[name] = Watched(self.start(options, environment), check)

    def check_ends(self, name: str) -> None:
        run = self.runs[name]
        self.assertTrue(run.ended.wait(max(0.0, run.started + self.LONGEST - time.monotonic())), f"it still waits after {self.LONGEST} s")
        self.assertLess(run.seconds, self.LONGEST)
        self.assertEqual(run.done.returncode, 1, run.done.stderr)
        report = Report(run.done)
        self.assertEqual(report.verdict(run.check), "fail", report[run.check])

    def test_registry(self):
        self.check_ends("registry")

    def test_token_service(self):
        self.check_ends("token")

    def test_credential_helper(self):
        self.check_ends("helper")

    def test_engine(self):
        self.check_ends("engine")

    def test_source(self):
        self.check_ends("git")

    def test_engine_that_is_alive_and_has_hung(self):
        self.check_ends("info")

    def test_ctrl_c_ends_every_wait(self):
        for name, (options, environment, hangs, _) in self.hanging().items():
            with self.subTest(name):
                process = self.start(options, environment)
                deadline = time.monotonic() + 20
                while not hangs() and process.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.02)
                self.assertTrue(hangs())
                started = time.monotonic()
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=30)
                self.assertEqual((process.returncode, out), (130, ""), err)
                self.assertLess(time.monotonic() - started, 5)
        helper = int((self.folder / "helper").read_text())
        self.assertFalse(Path(f"/proc/{helper}").exists(), "the credential helper still runs")


def setUpModule():
    waits = Waits("start_all")
    unittest.addModuleCleanup(waits.doCleanups)
    waits.setUp()
    waits.start_all()


if __name__ == "__main__":
    unittest.main()
