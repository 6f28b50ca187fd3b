# SPDX-License-Identifier: Apache-2.0
"""scripts/deps forbids that packages start services, and leaves no trace of that, however it ends. In a mount namespace of
its own, over a /usr/sbin that is a copy."""
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

DEPS = Path(__file__).resolve().parent.parent.parent / "scripts" / "deps"
POLICY = "/usr/sbin/policy-rc.d"
# $1: a scratch folder; $2: what is done in it. Writes to /usr/sbin stay in the scratch folder.
PRIVATE = """
set -eu
mount -t tmpfs none "$1"; mkdir "$1"/upper "$1"/work "$1"/bin
mount -t overlay overlay -o lowerdir=/usr/sbin,upperdir="$1"/upper,workdir="$1"/work /usr/sbin
printf '#!/bin/sh\\n/usr/sbin/policy-rc.d x start; echo during $? >>%s/log; [ ! -e %s/hold ] || { echo >%s/held; exec sleep 60; }\\n' "$1" "$1" "$1" >"$1"/bin/apt-get
printf '#!/bin/sh\\necho missing\\n' >"$1"/bin/dpkg-query
chmod +x "$1"/bin/*
rm -f /usr/sbin/policy-rc.d
export PATH="$1/bin:$PATH" scratch="$1"
ask() { if [ -e /usr/sbin/policy-rc.d ]; then code=0; /usr/sbin/policy-rc.d x start || code=$?; echo "$1 $code"; else echo "$1 none"; fi; }
killed() {  # a run that is killed while it installs
    touch "$scratch/hold"; "$deps" lint >/dev/null 2>&1 & run=$!
    until [ -e "$scratch/held" ]; do sleep 0.05; done
    ask running; kill -9 $run; wait $run 2>/dev/null || :; rm "$scratch/hold" "$scratch/held"
}
eval "$2"
"""


def works() -> bool:
    if os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(["unshare", "-m", "--propagation", "private", "bash", "-c", PRIVATE, "x", folder, ":"],
                              env=os.environ | {"deps": str(DEPS)}, capture_output=True).returncode == 0


@unittest.skipUnless(works(), "needs root, and overlays")
class Deps(unittest.TestCase):
    def run_private(self, script: str) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["unshare", "-m", "--propagation", "private", "bash", "-c", PRIVATE, "x", folder, script],
                                  env=os.environ | {"deps": str(DEPS)}, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_services_are_forbidden_meanwhile_and_nothing_is_left(self):
        said = self.run_private('"$deps" lint >/dev/null; cat "$scratch/log"; ask after; ls /usr/sbin/policy-rc.d* || :')
        self.assertEqual(said, ["during 101", "during 101", "after none"])

    def test_a_run_that_is_killed_forbids_nothing_and_the_next_one_tidies_up(self):
        said = self.run_private('killed; ask killed; "$deps" lint >/dev/null; ask after; ls /usr/sbin/policy-rc.d* || :')
        self.assertEqual(said, ["running 101", "killed 0", "after none"])

    def test_the_policy_of_the_machine_holds_and_comes_back(self):
        said = self.run_private(f"printf '#!/bin/sh\\nexit 104\\n' >{POLICY}; chmod +x {POLICY}; killed; ask killed; killed; ask again\n"
                                f'"$deps" lint >/dev/null; ask after; grep 104 {POLICY}; ls /usr/sbin/policy-rc.d*')
        self.assertEqual(said, ["running 101", "killed 104", "running 101", "again 104", "after 104", "exit 104", POLICY])


if __name__ == "__main__":
    unittest.main()
