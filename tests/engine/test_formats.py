# SPDX-License-Identifier: Apache-2.0
"""The same image in every form that registries hold: extract gives the same tarball."""
import json
import os
import re
import subprocess
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from case import DOCKER, DOCKER_ARCH, LAB_ENVIRONMENT, PACKAGE, REGISTRY, TAG, LabCase, sha256


class Formats(LabCase):
    made: tuple[str, str] | None = None  # the image that all tests start from, and its package's sha256

    def setUp(self):
        super().setUp()
        if Formats.made is None:
            self.build(self.sample(), "--push")
            self.run_program("extract", self.image, "-o", "first")
            Formats.made = self.image, sha256(self.folder / "first" / PACKAGE)
        self.image, self.expected = Formats.made

    def copy(self, name: str, *options) -> str:
        """By way of plain layers, since skopeo does not compress again what is compressed; and to the registry without it, since
        it would mount there what it remembers as another form of the same layer."""
        plain, form = self.folder / "plain", self.folder / name
        self.skopeo("copy", "--src-tls-verify=false", "--dest-decompress", f"docker://{self.image}", f"dir:{plain}")
        self.skopeo("copy", *options, f"dir:{plain}", f"dir:{form}")
        target = f"{self.repository}-{name}:{TAG}"
        raw = (form / "manifest.json").read_bytes()
        manifest = json.loads(raw)
        for blob in [manifest["config"], *manifest["layers"]]:
            self.put_blob(target, blob["digest"], (form / blob["digest"].removeprefix("sha256:")).read_bytes())
        self.put_manifest(target, raw, manifest["mediaType"])
        return target

    def check(self, image: str, *more):
        self.run_program("extract", image, "-o", "again", *more)
        self.assertEqual(sha256(self.folder / "again" / PACKAGE), self.expected)

    def test_docker_schema_2(self):
        image = self.copy("v2s2", "--format", "v2s2", "--dest-compress")
        self.assertIn("docker", self.manifest(image)["mediaType"])
        self.check(image)

    def test_zstd_layers(self):
        image = self.copy("zstd", "--format", "oci", "--dest-compress", "--dest-compress-format", "zstd")
        self.assertTrue(any("zstd" in layer["mediaType"] for layer in self.manifest(image)["layers"]))
        self.check(image)

    def test_uncompressed_layers(self):
        self.check(self.copy("tar", "--format", "oci"))

    def test_digest_instead_of_tag(self):
        digest = json.loads(self.skopeo("inspect", "--tls-verify=false", f"docker://{self.image}"))["Digest"]
        self.check(f"{self.image}@{digest}")
        self.check(f"{self.image.rsplit(':', 1)[0]}@{digest}", "--path", f"/wasmx/dist/{PACKAGE}")

    def test_index(self):
        raw = self.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{self.image}").encode()
        digest = json.loads(self.skopeo("inspect", "--tls-verify=false", f"docker://{self.image}"))["Digest"]
        other = {"amd64": "arm64", "arm64": "amd64"}[DOCKER_ARCH]
        entry = {"mediaType": json.loads(raw)["mediaType"], "digest": digest, "size": len(raw)}
        index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [
            entry | {"platform": {"os": "unknown", "architecture": "unknown"},
                     "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
            entry | {"platform": {"os": "windows", "architecture": DOCKER_ARCH}},
            entry | {"platform": {"os": "linux", "architecture": DOCKER_ARCH}}]}
        self.put_manifest(self.image + "-index", json.dumps(index).encode(), index["mediaType"])
        self.check(self.image + "-index", "--path", f"/wasmx/dist/{PACKAGE}")
        missing = self.run_program("extract", self.image + "-index", "--path", "/x", "--platform", f"linux/{other}", exit_code=1)
        self.assertIn(f"linux/{DOCKER_ARCH}", missing.stderr)

    def test_as_podman_pushes_it(self):
        podman = ["podman", "--url", LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]]
        target = f"{self.repository}-podman:{TAG}"
        for command in (["pull", "--tls-verify=false", self.image], ["tag", self.image, target],
                        ["push", "--tls-verify=false", "--format", "oci", target], ["rmi", "--force", target, self.image]):
            done = subprocess.run([*podman, *command], capture_output=True, text=True,
                                  env=os.environ | {"REGISTRY_AUTH_FILE": LAB_ENVIRONMENT["DOCKER_CONFIG"] + "/config.json"})
            self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
        self.check(target)

    def test_another_platform_by_both_builders(self):
        """An image for the other machine, made and pushed by docker without running anything, and taken apart here."""
        other = {"amd64": "arm64", "arm64": "amd64"}[DOCKER_ARCH]
        context = self.folder / "context"
        (context / "dist").mkdir(parents=True)
        (context / "dist" / "x").write_text("for the other")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY dist/x /wasmx/gone\nCOPY dist /wasmx/dist\nCMD [\"x\"]\n")
        for builder in ("0", "1"):
            target = f"{self.repository}-{other}-{builder}:1"
            for command in (["build", "--quiet", "--platform", f"linux/{other}", "--tag", target, str(context)], ["push", "--quiet", target],
                            ["rmi", "--force", target]):
                done = subprocess.run([DOCKER, "--host", self.HOST, "--config", LAB_ENVIRONMENT["DOCKER_CONFIG"], *command], capture_output=True,
                                      text=True, env=os.environ | {"DOCKER_BUILDKIT": builder})
                self.assertEqual(done.returncode, 0, f"{command}: {done.stderr}")
            self.run_program("extract", target, "--path", "/wasmx/dist/.", "--platform", f"linux/{other}", "-o", f"other-{builder}")
            self.assertEqual((self.folder / f"other-{builder}" / "x").read_text(), "for the other")
            self.assertIn(f"linux/{other}", self.run_program("extract", target, "--path", "/wasmx/dist/x", exit_code=1).stderr)

    def send(self, image: str, method: str, path: str, body: bytes | None = None, **headers):
        name = image.removeprefix(REGISTRY + "/").split(":")[0]
        url = path if path.startswith("http") else f"http://{REGISTRY}/v2/{name}/{path}"
        headers = {key.replace("_", "-"): value for key, value in headers.items()}
        return urllib.request.urlopen(urllib.request.Request(
            url, body, headers | {"Authorization": f"Bearer {self.token(name)}"}, method=method))

    def token(self, name: str) -> str:
        config = Path(LAB_ENVIRONMENT["DOCKER_CONFIG"]) / "config.json"
        auth = json.loads(config.read_text())["auths"][REGISTRY]["auth"]
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://{REGISTRY}/v2/")
        parts = dict(re.findall(r'(\w+)="([^"]*)"', refused.exception.headers["WWW-Authenticate"]))
        refused.exception.close()
        url = f"{parts['realm']}?service={parts['service']}&scope=repository:{name}:pull,push"
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Authorization": f"Basic {auth}"})) as answer:
            return json.load(answer)["token"]

    def put_blob(self, image: str, digest: str, body: bytes) -> None:
        with self.send(image, "POST", "blobs/uploads/", b"") as opened:
            location = opened.headers["Location"]
        joint = "&" if "?" in location else "?"
        self.send(image, "PUT", f"{location}{joint}digest={digest}", body, Content_Type="application/octet-stream").close()

    def put_manifest(self, image: str, body: bytes, media_type: str) -> None:
        self.send(image, "PUT", "manifests/" + image.rsplit(":", 1)[1], body, Content_Type=media_type).close()


if __name__ == "__main__":
    unittest.main()
