# SPDX-License-Identifier: Apache-2.0
"""What a module's script leaves open: it clones depot_tools as it is that day, which updates itself, and V8's main. The
servers of both are ours, at the address that the lab's engine has on its bridge."""
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

from builds import WorkCase
from case import ENOUGH, LAB, PACKAGE, SUPPORT, VERSION, sha256
from git_server import GitServer

LATER = "13.1.201.16"
SITE = "https://chromium.googlesource.com/"
V8 = "v8/v8.git"
DEPOT_TOOLS = "chromium/tools/depot_tools.git"

# Each says the version that it is of; `gclient` leaves it in V8's sources, so that the package shows it.
TOOLS = {
    "fetch": """
echo "fetch of depot_tools $version: V8's main is synced"
git clone -q https://chromium.googlesource.com/v8/v8.git v8
echo 'solutions = []' > .gclient
exec gclient sync
""",
    "gclient": """
"$here/update_depot_tools" || exit
version=$(cat "$here/version")
[ "$(cat "$here/python3_bin_reldir.txt")" = "$version" ] || { echo "depot_tools $version is not bootstrapped"; exit 1; }
grep -q '"managed": False' ../.gclient || exit 1
echo "gclient of depot_tools $version syncs $(git describe --tags --always)"
echo "extern const char synced[]; const char synced[] = \\"depot_tools $version\\";" > src/synced.cc
""",
    "update_depot_tools": """
[ "$DEPOT_TOOLS_UPDATE" != 0 ] || exit 0
echo "depot_tools $version updates itself"
cd "$here" && git fetch -q origin main && git checkout -q -f FETCH_HEAD && ./ensure_bootstrap
""",
    "ensure_bootstrap": """
echo "bootstrapping depot_tools $version"
echo "$version" > "$here/python3_bin_reldir.txt"
""",
    "python-bin/python3": """
exec "$here/../$(cat "$here/../python3_bin_reldir.txt")/python3" "$@"
""",
}


def dated(date: str) -> dict[str, str]:
    return os.environ | {"GIT_AUTHOR_DATE": f"{date}T12:00:00Z", "GIT_COMMITTER_DATE": f"{date}T12:00:00Z", "GIT_CONFIG_GLOBAL": "/dev/null",
                         "GIT_CONFIG_NOSYSTEM": "1"}


class Pins(WorkCase):
    maxDiff = None

    def setUp(self):
        super().setUp()
        self.repo = self.sample("clones")
        self.servers = self.folder / "servers"
        self.depot_tools = self.servers / DEPOT_TOOLS
        self.v8 = self.servers / V8
        for repository in (self.depot_tools, self.v8):
            repository.parent.mkdir(parents=True)
            subprocess.run(["git", "init", "-q", "-b", "main", "--template=", repository], check=True)
            self.git(repository, "config", "user.name", "x")
            self.git(repository, "config", "user.email", "x@example.org")
        self.tools = [self.commit_tools(number, date) for number, date in enumerate(("2024-10-01", "2024-11-01", "2024-12-01"), 1)]
        shutil.copytree(SUPPORT / "sample_module" / "lib" / "wee8", self.v8, dirs_exist_ok=True)
        (self.v8 / "DEPS").write_text("deps = {\n  'third_party/depot_tools':\n    Var('chromium_url') + '/chromium/tools/depot_tools.git'"
                                      f" + '@' + '{self.tools[0]}',\n}}\n")
        self.commit(self.v8, "2024-11-15", VERSION)
        (self.v8 / "DEPS").write_text("deps = {}\n")
        self.commit(self.v8, "2024-12-15", LATER)
        (self.v8 / "src" / "main.cc").write_text("#error this is V8's main\n")
        self.commit(self.v8, "2025-01-15")
        self.server = self.serve()
        self.base = self.base_with(f"RUN git config --system url.{self.server.url}/.insteadOf {SITE}")

    def serve(self) -> GitServer:
        links = json.loads(subprocess.run(["ip", "-json", "-4", "address", "show", "dev", LAB.bridges["dockerd"]], check=True,
                                          capture_output=True, text=True).stdout)
        server = GitServer(self.servers, links[0]["addr_info"][0]["local"])
        self.addCleanup(server.stop)
        return server

    def commit(self, repository: Path, date: str, tag: str = "") -> str:
        self.git(repository, "add", "--all")
        subprocess.run(["git", "-C", repository, "commit", "-q", "--allow-empty", "-m", f"of {date}"], check=True, env=dated(date))
        if tag:
            self.git(repository, "tag", tag)
        return self.git(repository, "rev-parse", "HEAD").strip()

    def commit_tools(self, version: int, date: str, **other: str) -> str:
        for name, text in (TOOLS | other).items():
            file = self.depot_tools / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(f'#!/usr/bin/env bash\nhere=$(cd "$(dirname "$0")" && pwd)\nversion=$(cat "$here/version")\n{text}')
            file.chmod(0o755)
        (self.depot_tools / "version").write_text(f"{version}\n")
        (self.depot_tools / ".gitignore").write_text("/python3_bin_reldir.txt\n")
        return self.commit(self.depot_tools, date)

    def arguments(self, *more, version: str = VERSION) -> tuple:
        return ("build", "--source", self.repo, "--base-image", self.base, "--repository", self.repository, "--runtime-version", version, *ENOUGH,
                "--progress", "plain", *more)

    def make(self, *more, version: str = VERSION, exit_code: int = 0) -> str:
        """What a build says; its package is in the folder `out`."""
        said = self.run_program(*self.arguments("--output", "out", *more, version=version), exit_code=exit_code).stderr
        self.assertNotIn("V8's main is", said)
        self.assertNotIn("updates itself", said)
        return said

    def package(self, version: str = VERSION) -> str:
        return sha256(self.folder / "out" / PACKAGE.replace(VERSION, version))

    def assert_built_with(self, said: str, number: int, version: str = VERSION) -> None:
        v8 = self.git(self.v8, "rev-parse", f"{version}^{{commit}}").strip()
        self.assertEqual(dict(re.findall(r"==> fact (v8|depot_tools): (.*)", said)), {"v8": v8, "depot_tools": self.tools[number - 1]})
        self.assertIn(f"gclient of depot_tools {number} syncs {version}", said)

    def clones(self) -> list[str]:
        return sorted(self.in_volume("cd /w/runtimes/libwee8 && ls -A repos tools | grep -v : | grep .").split())

    def assert_fails(self, said: str, sentence: str) -> None:
        lines = [line.removeprefix("  | ") for line in said.splitlines() if line.startswith("  | ")]
        self.assertTrue(any(line.startswith("error: " + sentence) for line in lines), said)

    def test_the_same_inputs_in_the_next_month(self):
        said = self.make()
        self.assert_built_with(said, 1)
        self.assertIn("bootstrapping depot_tools 1", said)
        package = self.package()
        with self.subTest("of V8 there is one commit, and no more of it than its tag"):
            commits = self.in_volume("cd /w/runtimes/libwee8/repos/v8 && git rev-list --all && git --no-pager tag").split()
            self.assertEqual(commits, [self.git(self.v8, "rev-parse", VERSION).strip(), VERSION])
        self.tools.append(self.commit_tools(4, "2025-02-01"))
        with self.subTest("depot_tools goes on: the same package, from an empty volume as well"):
            self.assert_built_with(self.make("--no-cache"), 1)
            self.assertEqual(self.package(), package)
            self.assert_built_with(self.make("--fresh"), 1)
            self.assertEqual(self.package(), package)
        with self.subTest("another version: its tag is fetched, and depot_tools is the newest of that day"):
            said = self.make(version=LATER)
            self.assert_built_with(said, 3, LATER)
            self.assertIn("bootstrapping depot_tools 3", said)
        with self.subTest("and back: nothing is asked for, and what the script left in depot_tools is not in the way"):
            self.server.requests.clear()
            said = self.make("--no-cache")
            self.assert_built_with(said, 1)
            self.assertEqual(self.package(), package)
            self.assertEqual(self.server.requests, [])
        later = self.package(LATER)
        with self.subTest("without a server all goes on"):
            self.server.stop()
            self.assert_built_with(self.make("--no-cache", version=LATER), 3, LATER)
            self.assertEqual(self.package(LATER), later)
            self.assert_built_with(self.make("--no-cache"), 1)
            self.assertEqual(self.package(), package)
        with self.subTest("but for what is not there"):
            self.assert_fails(self.make("--depot-tools", "main", exit_code=1), f"{SITE}{DEPOT_TOOLS} cannot be read in a container: fatal: ")
            self.assert_fails(self.make("--fresh", exit_code=1), f"{SITE}{V8} cannot be read in a container: fatal: ")

    def test_depot_tools_as_the_user_wants_it(self):
        self.make()
        package = self.package()
        with self.subTest("a tag, after the clone was made"):
            self.git(self.depot_tools, "tag", "good", self.tools[1])
            said = self.make("--depot-tools", "good")
            self.assertNotIn("is built already", said)
            self.assert_built_with(said, 2)
            self.assertNotEqual(self.package(), package)
            self.assertIn("is built already", self.make("--depot-tools", "good"))
        with self.subTest("a branch is what it is now"):
            self.assert_built_with(self.make("--depot-tools", "main"), 3)
            self.tools.append(self.commit_tools(4, "2025-02-01"))
            self.assert_built_with(self.make("--depot-tools", "main", "--no-cache"), 4)
        with self.subTest("a commit, whole or not"):
            self.assert_built_with(self.make("--depot-tools", self.tools[1]), 2)
            self.assert_built_with(self.make("--depot-tools", self.tools[2][:10]), 3)
        with self.subTest("none"):
            self.assert_fails(self.make("--depot-tools", "mian", exit_code=1), "depot_tools has no branch, tag or commit mian (")
            self.assert_fails(self.make("--depot-tools", "1" * 40, exit_code=1), f"depot_tools has no branch, tag or commit {'1' * 40} (")
        with self.subTest("one that cannot be bootstrapped, and does not say so"):
            self.tools.append(self.commit_tools(5, "2025-03-01", ensure_bootstrap="echo no network\n"))
            self.assert_fails(self.make("--depot-tools", "main", "--no-cache", exit_code=1), f"depot_tools {self.tools[4]} cannot fetch what it runs with")
        with self.subTest("a file of its own where the script puts one"):
            self.tools.append(self.commit_tools(6, "2025-04-01", tar="exec /usr/bin/tar \"$@\"\n"))
            self.assert_built_with(self.make("--depot-tools", "main", "--no-cache"), 6)
            self.assert_built_with(self.make("--no-cache"), 1)
            self.assertEqual(self.package(), package)
        with self.subTest("a module that does not clone it"):
            self.repo = self.sample("ok")
            self.assert_fails(self.make("--depot-tools", "main", exit_code=1), "--depot-tools has nothing to decide")

    def test_a_version_that_v8_has_not(self):
        said = self.make(version="13.1.201.99", exit_code=1)
        self.assert_fails(said, "V8 has no tag 13.1.201.99 (")
        self.assertIn("cloning V8 and depot_tools failed", said)
        with self.subTest("V8 is older than all of depot_tools"):
            (self.v8 / "old").write_text("")
            self.commit(self.v8, "2020-01-01", "8.0.1")
            self.assert_fails(self.make(version="8.0.1", exit_code=1), "depot_tools has no commit as old as V8 8.0.1")

    def test_a_clone_that_is_cut_off(self):
        for held in (V8, DEPOT_TOOLS):
            for how in ("kill", "Ctrl-C"):
                with self.subTest(f"{how} while {held} is cloned"):
                    self.server.held = held
                    self.server.is_held.clear()
                    process = self.start_program(*self.arguments("--fresh"))
                    self.assertTrue(self.server.is_held.wait(60))
                    if how == "kill":
                        self.engine.request("POST", f"/containers/{self.builds()[0]['Id']}/kill")
                        self.end(process, 1)
                        self.assertTrue(any(name.endswith(".new") for name in self.clones()))
                    else:
                        process.send_signal(signal.SIGINT)
                        interrupted = time.monotonic()
                        self.assertIn("run the same command again", self.end(process, 130))
                        self.assertLess(time.monotonic() - interrupted, 9, "git has not been stopped, but killed with the container")
                    self.server.held = ""
                    self.assert_built_with(self.make("--no-cache"), 1)
                    self.assertEqual(self.clones(), [".gclient", "depot_tools", "v8"])

    def test_what_the_scripts_themselves_have_cloned(self):
        """A volume in which an earlier version of this program let the script clone: all of V8, and depot_tools of some day."""
        self.make()
        package = self.package()
        self.in_volume(f"""set -e
            git config --system url.{self.server.url}/.insteadOf {SITE}
            cd /w/runtimes/libwee8 && rm -rf repos tools && mkdir repos tools
            git clone -q {SITE}{DEPOT_TOOLS} tools/depot_tools && echo dirty >> tools/depot_tools/gclient
            git clone -q {SITE}{V8} repos/v8 && git -C repos/v8 tag -d {LATER}""")
        self.assert_built_with(self.make("--no-cache"), 1)
        self.assertEqual(self.package(), package)
        self.assert_built_with(self.make(version=LATER), 3, LATER)


if __name__ == "__main__":
    unittest.main()
