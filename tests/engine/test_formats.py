# SPDX-License-Identifier: Apache-2.0
"""The same image in every form that registries hold: extract gives the same tarball."""
import json
import unittest
import urllib.error
import urllib.request

from case import DOCKER_ARCH, LAB_ENVIRONMENT, PACKAGE, REGISTRY, LabCase, sha256


class Formats(LabCase):
    def setUp(self):
        super().setUp()
        self.build(self.sample(), "--push")
        self.run_program("extract", self.image, "-o", "first")
        self.expected = sha256(self.folder / "first" / PACKAGE)

    def copy(self, name: str, *options) -> str:
        """By way of plain layers, since skopeo does not compress again what is compressed."""
        plain, target = f"dir:{self.folder}/plain", f"{self.repository}-{name}:{self.image.rsplit(':', 1)[1]}"
        self.skopeo("copy", "--src-tls-verify=false", "--dest-decompress", f"docker://{self.image}", plain)
        self.skopeo("copy", "--dest-tls-verify=false", *options, plain, f"docker://{target}")
        return target

    def check(self, image: str, *more):
        self.run_program("extract", image, "-o", "again", *more)
        self.assertEqual(sha256(self.folder / "again" / PACKAGE), self.expected)

    def test_docker_schema_2(self):
        image = self.copy("v2s2", "--format", "v2s2")
        self.assertIn("docker", self.manifest(image)["mediaType"])
        self.check(image)

    def test_zstd_layers(self):
        image = self.copy("zstd", "--format", "oci", "--dest-compress-format", "zstd")
        self.assertTrue(any("zstd" in layer["mediaType"] for layer in self.manifest(image)["layers"]))
        self.check(image)

    def test_uncompressed_layers(self):
        self.check(self.copy("plain", "--format", "oci", "--dest-decompress"))

    def test_digest_instead_of_tag(self):
        digest = json.loads(self.skopeo("inspect", "--tls-verify=false", f"docker://{self.image}"))["Digest"]
        self.check(f"{self.image}@{digest}")
        self.check(f"{self.repository}@{digest}", "--path", f"/wasmx/dist/{PACKAGE}")

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
        tag = self.image.rsplit(":", 1)[1]
        self.put_manifest(tag, json.dumps(index).encode(), index["mediaType"])
        self.check(self.image)
        missing = self.run_program("extract", self.image, "--platform", f"linux/{other}", exit_code=1)
        self.assertIn(f"linux/{DOCKER_ARCH}", missing.stderr)

    def put_manifest(self, tag: str, body: bytes, media_type: str):
        auth = json.load(open(LAB_ENVIRONMENT["DOCKER_CONFIG"] + "/config.json"))["auths"][REGISTRY]["auth"]
        name = self.repository.split("/", 1)[1]
        url = f"http://{REGISTRY}/v2/{name}/manifests/{tag}"
        try:
            urllib.request.urlopen(urllib.request.Request(f"http://{REGISTRY}/v2/"))
        except urllib.error.HTTPError as refused:
            challenge = refused.headers["WWW-Authenticate"]
        realm = challenge.split('realm="')[1].split('"')[0]
        service = challenge.split('service="')[1].split('"')[0]
        asked = urllib.request.Request(f"{realm}?service={service}&scope=repository:{name}:pull,push", headers={"Authorization": f"Basic {auth}"})
        token = json.load(urllib.request.urlopen(asked))["token"]
        urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": media_type, "Authorization": f"Bearer {token}"}, method="PUT"))


if __name__ == "__main__":
    unittest.main()
