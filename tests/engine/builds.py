# SPDX-License-Identifier: Apache-2.0
"""What the tests of builds share: a module of many short compile steps, and a look at the containers and volumes that
a build has."""
import json
import os
import re
import subprocess

from case import ARGUMENTS, BASE_IMAGE, TAG, LabCase

PREFIX = f"wasmx-image-{TAG}-"
JOBS = os.cpu_count() + 2  # of ninja
STEPS = int(os.environ.get("STEPS", "100")) + 7  # of a compiler


class WorkCase(LabCase):
    """The work volume that builds of V8 share, empty at the beginning and in the end."""

    def setUp(self):
        super().setUp()
        self.clean()
        self.addCleanup(self.clean)

    def clean(self):
        """No build and no work of another test."""
        for container in self.builds():
            self.engine.request("DELETE", f"/containers/{container['Id']}?force=1")
        self.engine.request("DELETE", f"/volumes/{self.volume()}")

    @staticmethod
    def volume() -> str:
        return f"wasmx-image-work-v8-{TAG.rsplit('-', 1)[1]}"

    def builds(self) -> list[dict]:
        rows = json.loads(self.engine.request("GET", "/containers/json?all=1")[1])
        return [row for row in rows if row["Names"][0].lstrip("/").startswith(PREFIX)]

    def end(self, process: subprocess.Popen, exit_code: int) -> str:
        said = process.stderr.read()
        self.assertEqual(process.wait(60), exit_code, said)
        process.stderr.close()
        process.stdout.close()
        return said

    def in_volume(self, script: str) -> str:
        """What the script prints, in a container that has the work at /w."""
        container = self.start_in_volume(script)
        code = json.loads(self.engine.request("POST", f"/containers/{container}/wait")[1])["StatusCode"]
        said = self.engine.request("GET", f"/containers/{container}/logs?stdout=1")[1].decode().replace("\r\n", "\n")
        self.engine.request("DELETE", f"/containers/{container}?force=1")
        self.assertEqual(code, 0, said)
        return said

    def hold_volume(self):
        """Keeps the work volume in use until the test ends."""
        self.start_in_volume("exec sleep 600")

    def start_in_volume(self, script: str) -> str:
        status, body = self.engine.request("POST", "/containers/create", json.dumps(
            {"Image": self.engine.image(BASE_IMAGE)["Id"], "Cmd": ["sh", "-c", script], "Tty": True,
             "HostConfig": {"Mounts": [{"Type": "volume", "Source": self.volume(), "Target": "/w"}],
                            # podman's defaults are above what it may set where its own limits are capped
                            "Ulimits": [{"Name": name, "Soft": 1024, "Hard": 1024} for name in ("nofile", "nproc")]}}),
            {"Content-Type": "application/json"})
        self.assertEqual(status, 201, body)
        container = json.loads(body)["Id"]
        self.addCleanup(self.engine.request, "DELETE", f"/containers/{container}?force=1")
        self.assertEqual(self.engine.request("POST", f"/containers/{container}/start")[0], 204)
        return container


class BuildCase(WorkCase):
    """The module of many steps."""
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.repo = self.sample("steps")

    def start(self, *more) -> subprocess.Popen:
        return self.start_program("build", "--source", self.repo, *ARGUMENTS, "--repository", self.repository,
                                  "--progress", "plain", *more)

    def start_until(self, done: int, *more) -> subprocess.Popen:
        """A build, of which so many of its steps are done."""
        process = self.start(*more)
        for line in process.stderr:
            if (count := re.search(r"\[(\d+)/\d+\] CXX", line)) and int(count[1]) >= done:
                return process
        self.fail(f"it ended: {process.wait()}")

    def finish(self, *more) -> tuple[int, str]:
        """Builds to the end; returns how often a compiler has been started for all of it."""
        said = self.end(self.start(*more), 0)
        return int(re.search(r"compiled: (\d+)", said)[1]), said
