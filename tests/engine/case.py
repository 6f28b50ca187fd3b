# SPDX-License-Identifier: Apache-2.0
"""What the tests against real services share: the program under test run as a user would, and a look at what it made by
other people's tools. The lab's addresses come from `lab.py env`; the program from WASMX_IMAGE."""
import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

SUPPORT = Path(__file__).resolve().parent.parent / "support"
sys.path.insert(0, str(SUPPORT))
from engine_api import Engine  # noqa: E402
from lab import Lab  # noqa: E402
from schema import schema_errors  # noqa: E402, F401

LAB = Lab(os.environ["WASMX_LAB"])
LAB_ENVIRONMENT = LAB.environment()
REGISTRY = LAB_ENVIRONMENT["WASMX_LAB_REGISTRY"]
BASE_IMAGE = LAB_ENVIRONMENT["WASMX_LAB_BASE_IMAGE"]
DOCKER = "/usr/bin/docker"
PROGRAM = os.environ["WASMX_IMAGE"]
VERSION = "13.1.201.15"
DOCKER_ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
ASSET_ARCH = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
TAG = f"v8-{VERSION}-linux-{DOCKER_ARCH}"
TOP = f"v8-{VERSION}-linux-{ASSET_ARCH}"
# For a sample, on whatever machine.
ENOUGH = ("--min-memory", "1GB", "--min-disk", "1GB")
# Of a build of the sample, beside source and repository.
ARGUMENTS = ("--base-image", BASE_IMAGE, "--runtime-version", VERSION, *ENOUGH)
PACKAGE = f"ngx_wasm_runtime-{TOP}.tar.gz"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()



class LabCase(unittest.TestCase):
    """A home folder of its own, a repository name of its own, the lab's engine."""
    HOST = LAB_ENVIRONMENT["DOCKER_HOST"]
    ENVIRONMENT: dict[str, str] = {}

    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="wasmx-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.engine = Engine(self.HOST)
        name = self.id().rsplit(".", 1)[-1].lower().replace("_", "-")
        # Of this run only: the registry may still have what an earlier one pushed.
        self.repository = f"{REGISTRY}/{type(self).__name__.lower()}/{name}-{os.getpid()}"
        self.image = f"{self.repository}:{TAG}"
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "DOCKER_HOST": self.HOST,
            "DOCKER_CONFIG": LAB_ENVIRONMENT["DOCKER_CONFIG"],
            "MALLOC_PERTURB_": "165",  # what is freed is overwritten, so that reading it goes wrong every time (mallopt(3))
            **self.ENVIRONMENT}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        (self.folder / "home").mkdir()

    def run_program(self, *arguments, exit_code: int = 0, **environment) -> subprocess.CompletedProcess:
        result = subprocess.run([PROGRAM, *map(str, arguments)], env=self.environment | environment, cwd=self.folder,
                                capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, exit_code, f"{arguments}\n{result.stdout}\n{result.stderr}")
        return result

    def start_program(self, *arguments, **environment) -> subprocess.Popen:
        def heed_interrupts():  # which a shell's background job is started to ignore, and this may run in one
            signal.signal(signal.SIGINT, signal.SIG_DFL)

        return subprocess.Popen([PROGRAM, *map(str, arguments)], env=self.environment | environment, cwd=self.folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)

    def sample(self, variant: str = "ok") -> Path:
        target = self.folder / f"sample-{variant}"
        subprocess.run([SUPPORT / "make_sample_repo", "--variant", variant, target], check=True, stdout=subprocess.DEVNULL)
        return target

    def build(self, source: Path, *more, **keywords) -> subprocess.CompletedProcess:
        return self.run_program("build", "--source", source, "--base-image", BASE_IMAGE, "--repository", self.repository,
                                "--runtime-version", VERSION, *ENOUGH, *more, **keywords)

    def base_with(self, *instructions: str) -> str:
        """A base image that is the tests' own and these instructions of a Dockerfile."""
        name = f"wasmx-test-base-{type(self).__name__.lower()}:{os.getpid()}"
        dockerfile = "\n".join([f"FROM {BASE_IMAGE}", *instructions]).encode()
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            member = tarfile.TarInfo("Dockerfile")
            member.size = len(dockerfile)
            tar.addfile(member, io.BytesIO(dockerfile))
        status, answer = self.engine.request("POST", f"/build?t={name}&rm=1&forcerm=1", context.getvalue(), {"Content-Type": "application/x-tar"})
        self.assertTrue(status == 200 and b'"error' not in answer, answer)
        self.addCleanup(self.engine.request, "DELETE", f"/images/{name}?force=1")
        # podman's own name for it, since a short one would be looked up at a registry.
        return self.engine.image(name)["RepoTags"][0]

    def git(self, repository: Path, *arguments) -> str:
        return subprocess.run(["git", "-C", str(repository), *arguments], check=True, capture_output=True, text=True).stdout

    def docker(self, *arguments) -> str:
        done = subprocess.run([DOCKER, "--host", self.HOST, "--config", LAB_ENVIRONMENT["DOCKER_CONFIG"], *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, f"docker {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def skopeo(self, *arguments) -> str:
        done = subprocess.run(["skopeo", *arguments], capture_output=True, text=True,
                              env=os.environ | {"REGISTRY_AUTH_FILE": LAB_ENVIRONMENT["DOCKER_CONFIG"] + "/config.json"})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def manifest(self, image: str) -> dict:
        return json.loads(self.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{image}"))

    def layers(self, image: str) -> list[Path]:
        """The layers of a pushed image as tar files, base first."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        self.skopeo("copy", "--src-tls-verify=false", "--dest-decompress", f"docker://{image}", f"dir:{folder}")
        manifest = json.loads((folder / "manifest.json").read_text())
        return [folder / layer["digest"].removeprefix("sha256:") for layer in manifest["layers"]]

    def assert_absent(self, image: str) -> None:
        done = subprocess.run(["skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{image}"], capture_output=True, text=True,
                              env=os.environ | {"REGISTRY_AUTH_FILE": LAB_ENVIRONMENT["DOCKER_CONFIG"] + "/config.json"})
        self.assertNotEqual(done.returncode, 0)
        self.assertRegex(done.stderr, "manifest unknown|name unknown|repository name not known")

    def assert_source_layer(self, layer: Path, repository: Path) -> None:
        """The layer is what `git ls-tree` says of the commit, file by file and byte by byte, and nothing else."""
        expected = {}
        for row in self.git(repository, "ls-tree", "-r", "-z", "HEAD").split("\0")[:-1]:
            (mode, _, blob), path = row.split("\t")[0].split(), row.split("\t", 1)[1]
            expected[f"wasmx/{path}"] = (mode, blob)
        found = {}
        with tarfile.open(layer) as tar:
            for member in tar:
                self.assertEqual((member.uid, member.gid), (0, 0), member.name)
                if member.isdir():
                    continue
                content = member.linkname.encode() if member.issym() else tar.extractfile(member).read()
                mode = "120000" if member.issym() else "100755" if member.mode & 0o111 else "100644"
                found[member.name] = (mode, hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest())
        self.assertEqual(found, expected)
