# SPDX-License-Identifier: Apache-2.0
"""Everything that goes wrong ends non-zero, says why, and pushes nothing."""
import base64
import json
import os
import signal
import time
import unittest
from pathlib import Path

from case import BASE_IMAGE, ENOUGH, LAB_ENVIRONMENT, REGISTRY, TAG, VERSION, LabCase


class Failures:
    """A script that fails, on each engine."""

    def fails(self, variant: str, *more, exit_code=1):
        done = self.build(self.sample(variant), "--push", *more, exit_code=exit_code)
        self.assertEqual(done.stdout, "")
        self.assert_absent(self.image)
        self.assertIn("error:", done.stderr)
        self.assertEqual(json.loads(self.engine.request("GET", "/containers/json?all=1")[1]), [])
        return done.stderr

    def test_script_fails(self):
        said = self.fails("fails")
        self.assertIn("running util/runtimes/v8.sh failed: exit code 3", said)
        tail = [line for line in said[:said.index("\nerror: ")].splitlines() if line.startswith("  | ")]
        self.assertIn("missing/header.h", tail[0], "the first line is the first error")
        log = said.splitlines()[-1].removeprefix("log: ")
        self.assertIn("util/runtimes/v8.sh failed (exit code 3)", Path(log).read_text())
        self.assertIn("failed: exit code 3", Path(log).read_text())

    def test_loud_script_fails(self):
        said = self.fails("loud-fails")
        self.assertIn("exit code 7", said)
        self.assertIn("  | g++: fatal error: Killed signal terminated program cc1plus", said)
        self.assertIn("hint: a compiler was killed because memory ran out", said)

    def test_network_is_missing(self):
        said = self.fails("offline")
        self.assertIn("127.0.0.1", said)
        self.assertIn("hint: a container of this engine does not reach the network", said)

    def test_disk_is_full(self):
        self.assertIn("hint: the engine's disk is full", self.fails("no-space"))

    def test_header_is_missing(self):
        said = self.fails("missing-header")
        self.assertIn("wasm.h: No such file or directory", said)
        self.assertIn("hint: see what the module's script installs", said)

    def test_package_runs_wrong(self):
        said = self.fails("miscounts")
        self.assertIn("a function that returns 42 does not", said)
        self.assertIn("a program that is linked with the package fails", said)


class DockerFailures(Failures, LabCase):
    pass


class PodmanFailures(Failures, LabCase):
    HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]


class Before(LabCase):
    """What can be known before the build is said before the build."""

    def events_of(self, action):
        since = time.time()
        action()
        path = f"/events?since={since:.9f}&until={time.time():.9f}"
        return [json.loads(line) for line in self.engine.request("GET", path)[1].splitlines()]

    def things(self):
        images = json.loads(self.engine.request("GET", "/images/json?all=1")[1])
        containers = json.loads(self.engine.request("GET", "/containers/json?all=1")[1])
        volumes = json.loads(self.engine.request("GET", "/volumes")[1])["Volumes"]
        return {image["Id"] for image in images}, containers, sorted(volume["Name"] for volume in volumes)

    def refused(self, config: str, *words):
        sample = self.sample()
        said = []
        before = self.things()
        said.append(self.build(sample, "--push", exit_code=1, DOCKER_CONFIG=config).stderr)
        self.assertEqual(self.things(), before)
        for word in words:
            self.assertIn(word, said[0])

    def config(self, user: str, password: str) -> str:
        folder = self.folder / "docker"
        folder.mkdir()
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": auth}}}))
        return str(folder)

    def test_read_only_user(self):
        self.refused(LAB_ENVIRONMENT["WASMX_LAB_READER_CONFIG"], "registry-push", "may not push to", "error: nothing was begun:", "hint:")

    def test_wrong_password(self):
        self.refused(self.config("maintainer", "hunter2-wrong"), "registry-push", "config.json", "error: nothing was begun:")

    def test_no_credentials(self):
        (self.folder / "empty").mkdir()
        self.refused(str(self.folder / "empty"), f"docker login {REGISTRY}", "error: nothing was begun:")

    def test_helper_that_is_not_installed(self):
        folder = self.folder / "docker"
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps({"credHelpers": {REGISTRY: "nowhere"}}))
        done = self.build(self.sample(), "--push", exit_code=2, DOCKER_CONFIG=str(folder))
        self.assertIn("docker-credential-nowhere", done.stderr)

    def test_registry_is_down(self):
        done = self.run_program("build", "--source", self.sample(), "--base-image", BASE_IMAGE, "--repository", "127.0.0.1:1/x/y",
                                "--runtime-version", VERSION, *ENOUGH, "--push", exit_code=1)
        self.assertIn("127.0.0.1:1", done.stderr)

    def test_no_secret_is_said(self):
        config = self.config("maintainer", "hunter2-wrong")
        done = self.build(self.sample(), "--push", exit_code=1, DOCKER_CONFIG=config)
        self.assertNotIn("hunter2", done.stderr + done.stdout)

    def test_bad_ref(self):
        done = self.build(self.sample(), "--ref", "mian", exit_code=1)
        self.assertIn("main", done.stderr)

    def test_versions_disagree(self):
        sample = self.sample("disagree")
        done = self.run_program("build", "--source", sample, "--base-image", BASE_IMAGE, exit_code=2)
        self.assertIn("9.9.9.9", done.stderr)
        self.assertIn(VERSION, done.stderr)

    def test_not_the_module(self):
        folder = self.folder / "other"
        folder.mkdir()
        (folder / "README").write_text("x")
        done = self.build(folder, exit_code=1)
        self.assertIn("util/runtimes/v8.sh", done.stderr)

    def test_base_image_that_does_not_exist(self):
        done = self.run_program("build", "--source", self.sample(), "--base-image", f"{REGISTRY}/no/such:1", "--repository",
                                self.repository, "--runtime-version", VERSION, *ENOUGH, exit_code=1)
        self.assertIn(f"{REGISTRY}/no/such:1", done.stderr)

    def test_foreign_platform(self):
        foreign = "linux/arm64" if os.uname().machine == "x86_64" else "linux/amd64"
        done = self.build(self.sample(), "--platform", foreign, exit_code=1)
        self.assertIn("--allow-emulation", done.stderr)

    def test_no_engine(self):
        done = self.build(self.sample(), exit_code=1, DOCKER_HOST=f"unix://{self.folder}/none.sock")
        self.assertIn("none.sock", done.stderr)
        self.assertIn("DOCKER_HOST", done.stderr)

    def test_remote_engines_are_refused_by_name(self):
        sample = self.sample()
        for host in ("tcp://127.0.0.1:2375", "ssh://somewhere"):
            done = self.build(sample, "--host", host, exit_code=2)
            self.assertIn(f"--host names an engine by {host.split('//')[0]}", done.stderr)

    def test_dry_run_touches_nothing(self):
        sample = self.sample()
        def images():
            return sorted(image["Id"] for image in json.loads(self.engine.request("GET", "/images/json?all=1")[1]))

        before = images()
        files = sorted(path for path in self.folder.rglob("*"))
        events = self.events_of(lambda: self.build(sample, "--push", "--dry-run"))
        self.assertEqual(events, [])
        self.assertEqual(images(), before)
        self.assertEqual(files, sorted(path for path in self.folder.rglob("*")))
        done = self.build(f"file://{sample}", "--push", "--dry-run")
        self.assertIn(self.git(sample, "rev-parse", "main").strip(), done.stderr)
        self.assertEqual(files, sorted(path for path in self.folder.rglob("*")))
        self.assert_absent(self.image)


class Interruption(LabCase):
    def interrupt(self, number: int, exit_code: int):
        process = self.start_program("build", "--source", self.sample("slow"), "--base-image", BASE_IMAGE, "--repository",
                                     self.repository, "--runtime-version", VERSION, *ENOUGH, "--push", "--no-cache", "--progress", "plain")
        for line in process.stderr:
            if "obj/wee8/slow_" in line:
                break
        started = time.monotonic()
        process.send_signal(number)
        said = process.stderr.read()
        self.assertEqual(process.wait(20), exit_code, said)
        self.assertLess(time.monotonic() - started, 5)
        self.assert_absent(self.image)
        return said

    def running(self) -> bool:
        """Whether the script of the sample still runs in a container, seen from outside."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if b"/wasmx/util/runtimes/v8.sh" in path.read_bytes():
                    return True
            except OSError:
                pass
        return False

    def test_ctrl_c_stops_the_build(self):
        self.interrupt(signal.SIGINT, 130)
        self.assertFalse(self.running(), "the engine still builds")

    def test_sigterm(self):
        self.interrupt(signal.SIGTERM, 143)


class PodmanInterruption(Interruption):
    HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]


class Extract(LabCase):
    def test_no_such_tag(self):
        done = self.run_program("extract", f"{self.repository}:{TAG}", exit_code=1)
        self.assertIn(TAG, done.stderr)
        self.assertEqual(list(self.folder.glob("*.tar.gz")), [])

    def test_no_such_path(self):
        self.build(self.sample(), "--push")
        done = self.run_program("extract", self.image, "--path", "/wasmx/nothing", exit_code=1)
        self.assertIn("/wasmx/nothing", done.stderr)
        self.assertEqual(list(self.folder.glob("nothing*")), [])

    def test_wrong_platform(self):
        self.build(self.sample(), "--push")
        foreign = "linux/arm64" if os.uname().machine == "x86_64" else "linux/amd64"
        done = self.run_program("extract", self.image, "--platform", foreign, exit_code=1)
        self.assertIn(foreign, done.stderr)


if __name__ == "__main__":
    unittest.main()
