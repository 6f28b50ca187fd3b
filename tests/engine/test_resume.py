# SPDX-License-Identifier: Apache-2.0
"""No hour of compiling is lost: what stops a build, and what the same command does afterwards."""
import json
import os
import re
import signal
import subprocess
import tarfile
import time
import unittest
from pathlib import Path

from case import ARGUMENTS, BASE_IMAGE, ENOUGH, LAB_ENVIRONMENT, PACKAGE, PREFIX, VERSION, Lab, WorkCase, sha256

JOBS = os.cpu_count() + 2  # of ninja
STEPS = int(os.environ.get("STEPS", "100")) + 6  # of a compiler


class WithSteps(WorkCase):
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


class Accidents(WithSteps):
    def test_each_accident_loses_no_more_than_what_was_under_way(self):
        """Of all steps each is done once, but for those that an accident met."""
        accidents = 0

        def accident():
            nonlocal accidents
            accidents += 1

        with self.subTest("Ctrl-C: the container ends, the work stays"):
            process = self.start_until(20)
            process.send_signal(signal.SIGINT)
            said = self.end(process, 130)
            accident()
            self.assertEqual(self.builds(), [])
            self.assertIn("the work volume", said)
            self.assertIn("run the same command again", said)
        with self.subTest("the container is killed"):
            process = self.start_until(40)
            self.engine.request("POST", f"/containers/{self.builds()[0]['Id']}/kill")
            said = self.end(process, 1)
            accident()
            self.assertIn("137", said)
            self.assertIn("killed from outside", said)
        with self.subTest("the terminal is closed: the build goes on"):
            process = self.start_until(40)
            process.send_signal(signal.SIGHUP)
            said = self.end(process, 129)
            self.assertIn("goes on", said)
            self.assertEqual([row["State"] for row in self.builds()], ["running"])
        with self.subTest("kill -9 of the program: the build goes on, the next one joins it"):
            process = self.start_until(40)
            process.kill()
            self.end(process, -signal.SIGKILL)
            self.assertEqual([row["State"] for row in self.builds()], ["running"])
        compiled, said = self.finish("--output", "out")
        self.assertIn("joining it", said)
        self.assertLessEqual(compiled, STEPS + accidents * JOBS)
        self.assertGreaterEqual(compiled, STEPS)
        self.assertEqual(self.builds(), [])
        with self.subTest("and it is what an undisturbed build makes"):
            self.finish("--fresh", "--output", "fresh")
            self.assertEqual(sha256(self.folder / "out" / PACKAGE), sha256(self.folder / "fresh" / PACKAGE))

    def test_another_commit_and_another_version(self):
        self.finish()
        (self.repo / "docs" / "more.md").write_text("x\n")
        self.git(self.repo, "add", "-A")
        self.git(self.repo, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "docs")
        compiled, _ = self.finish()
        self.assertEqual(compiled, STEPS, "a commit that changes no source compiles nothing")
        other = self.start_program("build", "--source", self.repo, "--base-image", BASE_IMAGE, "--runtime-version", "13.1.201.16", *ENOUGH,
                                   "--repository", self.repository, "--progress", "plain", "--output", "other")
        said = self.end(other, 0)
        self.assertEqual(int(re.search(r"compiled: (\d+)", said)[1]), 2 * STEPS, "the version stands in every command")
        package = self.folder / "other" / PACKAGE.replace(VERSION, "13.1.201.16")
        with tarfile.open(package) as tar:
            self.assertNotIn(VERSION.encode(), b"".join(tar.extractfile(m).read() for m in tar if m.isfile()))

    def test_a_step_that_does_not_compile(self):
        broken = self.sample("broken-step")
        good, self.repo = self.repo, broken
        said = self.end(self.start(), 1)
        lines = [line for line in said.splitlines() if line.startswith("  | ")]
        self.assertIn("FAILED: obj/wee8/builtin_50.o", lines[0])
        self.assertTrue(any("#error step 50 is broken" in line for line in lines), lines)
        self.assertLess(len(lines), 45)
        self.assertIn("running util/runtimes/v8.sh failed: exit code 1", said)
        self.assertIn("run the same command again", said)
        self.assertEqual(self.builds(), [])
        self.repo = good

    def test_two_at_once(self):
        first = self.start_until(30)
        second = self.start("--output", "second")
        for line in second.stderr:
            if "joining it" in line:
                break
        with self.subTest("another version waits for the volume, or says who has it"):
            other = self.start_program("build", "--source", self.repo, "--base-image", BASE_IMAGE, "--runtime-version", "13.1.201.16",
                                       *ENOUGH, "--repository", self.repository)
            said = self.end(other, 1)
            self.assertIn(PREFIX, said)
            self.assertIn("--wait", said)
        with self.subTest("the second one's Ctrl-C is its own affair"):
            third = self.start()
            for line in third.stderr:
                if "CXX" in line:
                    break
            third.send_signal(signal.SIGINT)
            self.assertIn("goes on", self.end(third, 130))
        results = []
        for process in (first, second):
            said = process.stderr.read()
            results.append((process.wait(60), said))
            process.stderr.close()
            process.stdout.close()
        self.assertEqual([code for code, _ in results], [0, 0], results)
        self.assertTrue((self.folder / "second" / PACKAGE).exists())
        self.assertEqual(self.builds(), [])

    def test_detach_builds_attach_cancel(self):
        self.run_program("builds")
        done = self.run_program("build", "--source", self.repo, *ARGUMENTS, "--repository", self.repository, "--detach")
        self.assertEqual(done.stdout, self.builds()[0]["Names"][0].lstrip("/") + "\n")
        rows = json.loads(self.run_program("builds", "--json").stdout)
        self.assertEqual([(row["state"], row["volume"]) for row in rows], [("running", self.volume())])
        self.assertIn("running", self.run_program("builds").stdout)
        attached = self.start_program("attach", "--progress", "plain")
        for line in attached.stderr:
            if "CXX" in line:
                break
        attached.send_signal(signal.SIGINT)
        self.assertIn("goes on", self.end(attached, 130))
        name = self.run_program("cancel", rows[0]["key"]).stdout.strip()
        self.assertEqual(name, rows[0]["name"])
        rows = json.loads(self.run_program("builds", "--json").stdout)
        self.assertEqual([(row["state"], row["exit_code"]) for row in rows], [("failed", 143)])
        self.run_program("attach", exit_code=1)
        # A build that ends without anybody there is taken by the same command.
        self.run_program("build", "--source", self.repo, *ARGUMENTS, "--repository", self.repository, "--detach")
        self.run_program("attach")
        self.assertEqual(json.loads(self.run_program("builds", "--json").stdout)[0]["state"], "finished")
        self.run_program("build", "--source", self.repo, *ARGUMENTS, "--repository", self.repository)
        self.assertEqual(self.builds(), [])
        self.assertIn(self.volume(), self.run_program("cache").stdout)
        self.run_program("cache", "--prune")
        self.assertNotIn(self.volume(), self.run_program("cache").stdout)

    def test_memory_limit(self):
        (self.repo / "lib/wee8/build/gen.py").write_text(
            (self.repo / "lib/wee8/build/gen.py").read_text().replace("sleep 0.2;", "python3 -c 'x = bytearray(1 << 30)' || exit 1;"))
        self.git(self.repo, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qam", "greedy")
        said = self.end(self.start("--memory", "256MiB"), 1)
        self.assertIn("hint: a compiler was killed because memory ran out", said)

    def test_what_the_container_lacks_is_said_at_once(self):
        base = self.base_with("RUN rm /usr/bin/python3 /usr/bin/xz")
        started = time.monotonic()
        done = self.build(self.repo, "--base-image", base, exit_code=1)
        self.assertLess(time.monotonic() - started, 60)
        self.assertIn("  | python3: util/runtimes/v8.sh runs it", done.stderr)
        self.assertIn("  | xz: util/runtimes/v8.sh runs it", done.stderr)
        self.assertIn("2 things", done.stderr)

    def test_a_clone_that_was_cut_off(self):
        """The script only asks whether the folder is there."""
        process = self.start_until(20)
        process.send_signal(signal.SIGINT)
        self.end(process, 130)
        self.in_volume("git init -q /w/runtimes/libwee8/tools/depot_tools; rm -rf /w/runtimes/libwee8/repos/v8/.git; "
                       "cd /w/runtimes/libwee8/repos/v8 && git init -q && touch .git/objects/pack/tmp_pack_x")
        compiled, said = self.finish()
        self.assertIn("removing /wasmx/work/runtimes/libwee8/tools/depot_tools, a clone that was cut off", said)
        self.assertIn("removing /wasmx/work/runtimes/libwee8/repos/v8, a clone that was cut off", said)
        self.assertGreater(compiled, STEPS)


class Docker(Accidents):
    pass


class Podman(Accidents):
    HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]
    # These are the program's affair, not the engine's.
    test_another_commit_and_another_version = None
    test_a_step_that_does_not_compile = None
    test_what_the_container_lacks_is_said_at_once = None
    test_a_clone_that_was_cut_off = None
    test_memory_limit = None  # 4.3 does not tell


class EngineGone(WithSteps):
    """An engine of its own, since this one is killed."""

    def setUp(self):
        self.own = Lab(os.path.join("/tmp", f"wasmx-own-{os.getpid()}"))
        self.addCleanup(subprocess.run, ["rm", "-rf", str(self.own.root)], check=False)
        self.addCleanup(self.own.down, say=lambda line: None)
        self.up()
        self.HOST = self.own.environment()["DOCKER_HOST"]
        super().setUp()

    def up(self):
        cache = Path(os.environ["WASMX_LAB"]) / "cache"
        self.own.up(True, False, False, False, None, True, cache, say=lambda line: None)

    def test_engine_stopped_and_power_gone(self):
        process = self.start_until(20)
        self.own.down(say=lambda line: None)
        self.up()
        said = self.end(process, 1)
        self.assertIn("run the same command again", said)
        process = self.start_until(60)
        os.kill(self.own.dockerd().pid(), signal.SIGKILL)  # with it all of its containers
        time.sleep(1)
        self.up()
        self.end(process, 1)
        compiled, _ = self.finish()
        self.assertLessEqual(compiled, STEPS + 2 * JOBS)


del Accidents, WithSteps  # only their heirs are run

if __name__ == "__main__":
    unittest.main()
