# SPDX-License-Identifier: Apache-2.0
"""A newer engine, with containerd's store: it has layers compressed, and gives them as they are; but for the base image,
which the lab loads, and which `docker load` leaves uncompressed."""
import json
import os
import re
import signal
import unittest
from pathlib import Path

from case import LAB, LAB_ENVIRONMENT, REGISTRY, LabCase
from test_push import PushCase, docker_archive, odd_layers

HOST = LAB_ENVIRONMENT["WASMX_LAB_CONTAINERD_HOST"]
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


class StoreCase(PushCase):
    HOST = HOST

    def tearDown(self):
        self.assertEqual(self.docker("ps", "--all", "--quiet", "--filter", "name=wasmx-image-reader"), "")
        super().tearDown()

    def check(self, image: str, layer_types: set[str] = frozenset({GZIP})):
        before = self.engine.image(image)
        manifest = self.manifest(image)
        self.assertEqual(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json")
        self.assertEqual({layer["mediaType"] for layer in manifest["layers"]}, layer_types)
        config = json.loads(self.skopeo("inspect", "--config", "--raw", "--tls-verify=false", f"docker://{image}"))
        self.assertEqual(config["rootfs"]["diff_ids"], before["RootFS"]["Layers"])
        # skopeo holds every layer against its diff ID when it unpacks.
        self.assertEqual(len(self.layers(image)), len(before["RootFS"]["Layers"]))

    def tag_exists(self, image: str) -> bool:
        name, _, tag = image.split("/", 1)[1].rpartition(":")
        return Path(LAB.state["registry_data"], "docker/registry/v2/repositories", name, "_manifests/tags", tag).exists()


class ViaStore(StoreCase):
    def test_everything_then_nothing(self):
        self.make_image(self.image)
        done = self.push()
        self.assertIn(", by store,", done.stderr)
        self.assertEqual(self.sent(done), self.blobs(self.image))
        self.check(self.image)
        again = self.push()
        self.assertEqual((again.stdout, self.sent(again)), (done.stdout, {}))
        # Without the cache the base is compressed once more: it was loaded as it is, and what the tag says of it is not believed.
        elsewhere = self.push(cache=self.folder / "another machine")
        base = self.manifest(self.image)["layers"][0]["digest"][:19]
        self.assertEqual((elsewhere.stdout, set(self.sent(elsewhere))), (done.stdout, {base}))

    def test_what_is_compressed_stays_as_it_is(self):
        self.make_image(self.image)
        # The base alone: what the others will be is known beforehand.
        self.assertEqual(self.push().stderr.count(" as it is made"), 1)
        ours = self.manifest(self.image)
        by_docker = f"{self.repository}-by-docker:1"
        self.docker("tag", self.image, by_docker)
        self.docker("push", "--quiet", by_docker)
        theirs = self.manifest(by_docker)
        self.assertEqual(ours["config"]["digest"], theirs["config"]["digest"])
        self.assertTrue(theirs["layers"][0]["mediaType"].endswith(".tar"))  # the base, as it was loaded
        self.assertLess(ours["layers"][0]["size"], theirs["layers"][0]["size"] / 2)
        self.assertEqual([layer["digest"] for layer in ours["layers"][1:]], [layer["digest"] for layer in theirs["layers"][1:]])

    def test_only_the_top_layer(self):
        self.make_image(self.image)
        self.push()
        before = self.blobs(self.image)
        image = self.change("2", f"another top {os.getpid()}")
        done = self.push(image=image)
        self.assertEqual(self.sent(done), {digest: size for digest, size in self.blobs(image).items() if digest not in before})
        self.assertEqual(len(self.sent(done)), 2)  # the layer and the config
        self.check(image)

    def test_another_image_is_not_overwritten(self):
        self.make_image(self.image)
        first = self.push()
        self.change("1", f"another top {os.getpid()}")
        self.assertIn("is published, and another one", self.push(exit_code=1).stderr)
        self.assertIn(self.manifest_digest(self.image), first.stdout)
        self.push("--overwrite")
        self.check(self.image)

    def manifest_digest(self, image: str) -> str:
        return json.loads(self.skopeo("inspect", "--no-tags", "--tls-verify=false", f"docker://{image}"))["Digest"]

    def test_pulled_back_by_an_older_docker(self):
        self.make_image(self.image)
        self.push()
        before = self.engine.image(self.image)
        older = LabCase("assert_absent")
        older.HOST = LAB_ENVIRONMENT["DOCKER_HOST"]
        older.docker("pull", "--quiet", self.image)
        self.addCleanup(older.docker, "rmi", "--force", self.image)
        after = json.loads(older.docker("image", "inspect", self.image))[0]
        self.assertEqual(after["RootFS"], before["RootFS"])
        self.assertEqual(after["Id"], self.manifest(self.image)["config"]["digest"])
        # And by itself, from the beginning.
        self.docker("rmi", "--force", self.image)
        self.docker("pull", "--quiet", self.image)
        self.assertEqual(self.engine.image(self.image)["RootFS"], before["RootFS"])

    def test_killed_at_every_stage(self):
        """kill -9, then the same command: it sends what was missing, and the tag never held anything but ours."""
        self.make_image(self.image)
        for stage in (r'"name":"sealing layer', r'"name":"pushing layer', r'"how":"uploaded', r'"name":"pushing config'):
            with self.subTest(stage=stage):
                self.repository = f"{REGISTRY}/killed-store/{os.getpid()}-{abs(hash(stage))}"
                image = f"{self.repository}:1"
                self.docker("tag", self.image, image)
                self.addCleanup(self.docker, "rmi", image)
                process = self.start_program("push", image, "--cache-dir", self.cache, "--progress", "json")
                for line in process.stderr:
                    if re.search(stage, line):
                        break
                process.send_signal(signal.SIGKILL)
                process.communicate()
                self.assertFalse(self.tag_exists(image))
                there = self.present()
                sent = self.sent(self.push(image=image))
                blobs = self.blobs(image)
                self.assertEqual(sent, {digest: size for digest, size in blobs.items() if digest in sent})
                self.assertFalse(set(sent) & there)
                self.assertTrue(self.tag_exists(image))
                self.check(image)

    def test_an_interrupt_leaves_nothing(self):
        self.make_image(self.image)
        process = self.start_program("push", self.image, "--cache-dir", self.cache, "--progress", "json")
        for line in process.stderr:
            if '"name":"pushing layer' in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assert_absent(self.image)

    def test_tokens_that_are_good_for_two_seconds(self):
        with self.registry_of_short_tokens() as lab:
            image = f"{lab.state['registry']}/short/lived:1"
            self.make_image(image)
            done = self.push(image=image, DOCKER_CONFIG=lab.state["docker_config"])
        self.assertIn(", by store,", done.stderr)
        self.assertNotIn('"event":"warning"', done.stderr)

    def test_layers_of_the_base_are_mounted(self):
        base = f"{REGISTRY}/bases/{os.getpid()}-store:1"
        context = self.folder / "layers"
        context.mkdir()
        (context / "lower").write_bytes(os.urandom(2_000_000))
        (context / "upper").write_text("upper")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY lower /lower\n")
        self.docker("build", "--quiet", "--tag", base, str(context))
        self.addCleanup(self.docker, "rmi", base)
        digest = self.push(image=base).stdout.strip().split("@")[1]
        (context / "Dockerfile").write_text(f"FROM {base}\nCOPY upper /upper\nLABEL org.opencontainers.image.base.name={base} "
                                            f"org.opencontainers.image.base.digest={digest}\n")
        self.docker("build", "--quiet", "--tag", self.image, str(context))
        self.addCleanup(self.docker, "rmi", self.image)
        done = self.push()
        lower, upper = self.manifest(self.image)["layers"]
        self.assertEqual(lower["digest"], self.manifest(base)["layers"][0]["digest"])
        self.assertEqual(set(self.sent(done)), {upper["digest"][:19], self.manifest(self.image)["config"]["digest"][:19]})
        self.assertIn("0 of 2 layers already existed, 1 mounted", done.stderr)

    def test_another_compression_is_for_what_is_not_compressed(self):
        self.make_image(self.image)
        done = self.push("--compression", "zstd")
        self.assertIn(", by store,", done.stderr)
        types = [layer["mediaType"].rsplit("+", 1)[1] for layer in self.manifest(self.image)["layers"]]
        self.assertEqual(types, ["zstd", "gzip", "gzip", "gzip"])
        self.assertEqual(len(self.layers(self.image)), 4)

    def test_tars_as_others_make_them(self):
        archive = self.folder / "odd.tar"
        archive.write_bytes(docker_archive(self.image, odd_layers()))
        self.docker("load", "--input", archive)
        self.addCleanup(self.docker, "rmi", "--force", self.image)
        self.assertIn(", by store,", self.push("--via", "store").stderr)
        self.check(self.image)

    def test_an_image_that_was_pulled(self):
        self.make_image(self.image)
        first = self.push()
        self.docker("rmi", "--force", self.image)
        self.docker("pull", "--quiet", self.image)
        done = self.push("--via", "store", cache=self.folder / "another machine")
        self.assertEqual((done.stdout, self.sent(done)), (first.stdout, {}))

    def test_a_registry_that_refuses(self):
        self.make_image(self.image)
        self.assertIn("may not push", self.push(DOCKER_CONFIG=LAB_ENVIRONMENT["WASMX_LAB_READER_CONFIG"], exit_code=1).stderr)
        self.assert_absent(self.image)

    def test_export(self):
        self.make_image(self.image)
        self.assertIn(", by export,", self.push("--via", "export").stderr)
        self.check(self.image)


if __name__ == "__main__":
    unittest.main()
