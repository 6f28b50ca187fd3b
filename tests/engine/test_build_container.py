# SPDX-License-Identifier: Apache-2.0
"""What a build container gets, what is recorded of it, and what is left when its client is killed."""
import json
import re
import tarfile
import time
import unittest

from builds import JOBS, STEPS, BuildCase
from case import ARGUMENTS, BASE_IMAGE, LAB_ENVIRONMENT, PACKAGE, VERSION


class Containers(BuildCase):
    def change(self, path: str, old: str, new: str):
        """Of the module, as a commit."""
        file = self.repo / path
        text = file.read_text()
        self.assertIn(old, text)
        file.write_text(text.replace(old, new, 1))
        self.git(self.repo, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "change")

    def layer_containers(self) -> list[str]:
        rows = json.loads(self.engine.request("GET", "/containers/json?all=1")[1])
        return [row["Names"][0] for row in rows if "wasmx-image-layer-" in row["Names"][0]]

    def test_open_files(self):
        """The lab's engines give 1,024 at first, as engines do since containerd 2; a linker of V8 opens more."""
        self.change("util/runtimes/v8.sh", "set -e\n", 'set -e\necho "open files: $(ulimit -Sn)"\n')
        said = self.end(self.start(), 0)
        self.assertGreaterEqual(int(re.search(r"open files: (\d+)", said)[1]), 4096)

    def test_container_that_does_not_start(self):
        """What a client left that was killed before it started the container."""
        name = self.run_program("build", "--source", self.repo, *ARGUMENTS, "--repository", self.repository, "--detach").stdout.strip()
        self.run_program("cancel")
        self.engine.request("DELETE", f"/containers/{name}?force=1")
        status, body = self.engine.request("POST", f"/containers/create?name={name}", json.dumps(
            {"Image": self.engine.image(BASE_IMAGE)["Id"], "Entrypoint": ["/none"]}), {"Content-Type": "application/json"})
        self.assertEqual(status, 201, body)
        self.finish()

    def test_record(self):
        self.change("util/runtimes/v8.sh", "set -e\n", 'set -e\necho "build settings: is_debug=false x=\\"1\\""\n')
        self.end(self.start("--output", "out", "--jobs", "2"), 0)
        record = json.loads((self.folder / "out" / f"{PACKAGE}.build.json").read_text())
        self.assertEqual(record["package"], PACKAGE)
        self.assertEqual(record["version"], VERSION)
        self.assertEqual(record["revision"], self.git(self.repo, "rev-parse", "HEAD").strip())
        self.assertEqual(record["base"]["layers"], self.engine.image(BASE_IMAGE)["RootFS"]["Layers"])
        self.assertRegex(record["build"]["compiler"], r"^g\+\+ ")
        self.assertEqual((record["build"]["processors"], record["build"]["jobs"]), ("1", 2))
        self.assertEqual(record["build"]["settings"], 'is_debug=false x="1"')
        with tarfile.open(self.folder / "out" / PACKAGE) as tar:
            self.assertEqual([name for name in tar.getnames() if "build.json" in name], [])
        # The image has it as well, where a build that is there already takes it from.
        self.end(self.start("--output", "again", "--jobs", "2"), 0)
        self.assertEqual((self.folder / "again" / f"{PACKAGE}.build.json").read_bytes(),
                         (self.folder / "out" / f"{PACKAGE}.build.json").read_bytes())

    def test_timeout(self):
        said = self.end(self.start("--timeout", "6s"), 1)
        self.assertIn("error: building", said)
        self.assertIn("--timeout is over: the build is stopped", said)
        self.assertIn("run the same command again", said)
        self.assertEqual(self.builds(), [])
        compiled, _ = self.finish()
        self.assertLessEqual(compiled, STEPS + JOBS)

    def test_disk_full_and_freed(self):
        size = 96 << 20
        status, body = self.engine.request("POST", "/volumes/create", json.dumps(
            {"Name": self.volume(), "Driver": "local", "DriverOpts": {"type": "tmpfs", "device": "tmpfs", "o": f"size={size}"}}),
            {"Content-Type": "application/json"})
        self.assertIn(status, (200, 201), body)
        self.hold_volume()  # a tmpfs is gone with the last container that uses it
        with self.subTest("too little is said before anything is built"):
            said = self.end(self.start(), 1)
            self.assertRegex(said, r"\n  \| disk space: \d+ MB are free, 1000 MB are needed")
        little = ("--min-disk", "1MB")
        process = self.start_until(40, *little)
        self.in_volume("cat /dev/zero > /w/filler || true")
        said = self.end(process, 1)
        self.assertIn("hint: the engine's disk is full", said)
        self.in_volume("rm /w/filler")
        compiled, _ = self.finish(*little)
        self.assertLessEqual(compiled, STEPS + JOBS)

    def test_client_killed_while_it_makes_layers(self):
        self.finish()
        for delay in (0, 0.1, 0.2, 0.4):
            with self.subTest(delay=delay):
                (self.repo / "docs" / "changes.md").write_text(f"{delay}\n")
                self.git(self.repo, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "change")
                for step in ("source layer", "package layer"):
                    process = self.start()
                    for line in process.stderr:
                        if step in line:
                            break
                    time.sleep(delay)
                    process.kill()
                    process.wait()
                    process.stderr.close()
                    process.stdout.close()
                image = self.end_of_build()
                self.assertEqual(len(image["RootFS"]["Layers"]), len(self.engine.image(BASE_IMAGE)["RootFS"]["Layers"]) + 2)
                self.assertEqual(self.builds(), [])
                self.assertEqual(self.layer_containers(), [])

    def end_of_build(self) -> dict:
        done = self.run_program("build", "--source", self.repo, *ARGUMENTS, "--repository", self.repository)
        return self.engine.image(done.stdout.strip())


class Docker(Containers):
    pass


class Podman(Containers):
    HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]
    # These are the program's affair, not the engine's.
    test_timeout = None
    test_disk_full_and_freed = None  # 4.3 makes no volume of a given size without quotas


del Containers  # only its heirs are run

if __name__ == "__main__":
    unittest.main()
