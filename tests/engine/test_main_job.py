# SPDX-License-Identifier: Apache-2.0
"""`build --push`, then `extract`: on Docker's own store, on containerd's store, on podman."""
import json
import re
import shutil
import subprocess
import tarfile
import unittest
from pathlib import Path

from case import (BASE_IMAGE, DOCKER_ARCH, ENOUGH, LAB_ENVIRONMENT, PACKAGE, PROGRAM, REGISTRY, SUPPORT, TAG, TOP, VERSION, LabCase, sha256)
from engine_proxy import EngineProxy


class MainJob(LabCase):
    def test_build_push_extract(self):
        sample = self.sample()
        done = self.build(sample, "--push", "--output", self.folder / "out")
        self.assertRegex(done.stdout, rf"\A{re.escape(self.image)}@sha256:[0-9a-f]{{64}}\n\Z")

        inspected = json.loads(self.skopeo("inspect", "--tls-verify=false", f"docker://{self.image}"))
        self.assertEqual(inspected["Digest"], done.stdout.strip().split("@")[1])
        self.assertEqual(inspected["Architecture"], DOCKER_ARCH)
        base = self.engine.image(BASE_IMAGE)
        self.assertEqual(len(inspected["Layers"]), len(base["RootFS"]["Layers"]) + 2)

        layers = self.layers(self.image)
        self.assert_source_layer(layers[-2], sample)
        with tarfile.open(layers[-1]) as tar:
            names = {member.name for member in tar if member.name.startswith("wasmx/") and not member.isdir()}
        self.assertEqual(names, {f"wasmx/dist/{PACKAGE}{suffix}" for suffix in ("", ".sha256", ".build.json")}, "something is left over")

        made, ground = self.engine.image(self.image)["Config"], base["Config"]
        for key in ("Env", "Cmd", "User"):
            self.assertEqual(made[key], ground[key], key)
        labels = {key for key in made["Labels"] if key not in (ground["Labels"] or {})}
        self.assertEqual({key for key in labels if not key.startswith("org.opencontainers.image.")}, set())

        listed = json.loads(self.run_program("extract", "--list", "--json", self.image).stdout)
        self.assertIn(f"/wasmx/dist/{PACKAGE}", [entry["path"] for entry in listed["entries"]])
        self.assertLessEqual(listed["layers_read"], 2)  # ours, and not those of the base image
        extracted = self.run_program("extract", self.image, "-o", "got")
        self.assertEqual(extracted.stdout, f"{sha256(self.folder / 'got' / PACKAGE)}  got/{PACKAGE}\n")
        self.assertEqual((self.folder / "got" / PACKAGE).read_bytes(), (self.folder / "out" / PACKAGE).read_bytes())
        piped = subprocess.run([PROGRAM, "extract", "--stdout", self.image], env=self.environment, capture_output=True)
        self.assertEqual(piped.stdout, (self.folder / "got" / PACKAGE).read_bytes())
        self.check_package(self.folder / "got" / PACKAGE)

    def check_package(self, package: Path):
        with tarfile.open(package) as tar:
            members = tar.getmembers()
        self.assertEqual({member.name.split("/")[0] for member in members}, {TOP})
        self.assertEqual([m.name for m in members], sorted(m.name for m in members))
        self.assertEqual({(m.uid, m.gid, m.uname, m.gname) for m in members}, {(0, 0, "", "")})
        self.assertEqual(len({m.mtime for m in members}), 1)
        self.assertEqual(package.read_bytes()[4:8], b"\0\0\0\0", "gzip -n writes no time")
        unpacked = self.folder / "unpacked"
        with tarfile.open(package) as tar:
            tar.extractall(unpacked)
        program = self.folder / "consumer"
        subprocess.run(["cc", SUPPORT / "consumer" / "consumer.c", f"-I{unpacked / TOP / 'include'}", f"-L{unpacked / TOP / 'lib'}", "-lv8bridge",
                        "-lwee8", "-ldl", "-lm", "-lpthread", "-lstdc++", "-latomic", "-o", program], check=True)
        subprocess.run([program], check=True, stdout=subprocess.DEVNULL)

    def test_what_the_base_sets_steers_nothing(self):
        """Its ENV wins over an ARG on the classic builder and podman, and is read by shells, tar and gzip."""
        sample = self.sample()
        self.build(sample, "--output", "one")
        base = self.base_with(
            "RUN echo 'echo BASH_ENV is read; exit 9' >/steer",
            "ENV RUNTIME=wasmer RUNTIME_VERSION=9.9.9 ASSET_ARCH=s390x TOP_DIRECTORY=x PACKAGE_NAME=y JOBS=1 SOURCE_DATE_EPOCH=1",
            "ENV TAR_OPTIONS=--mtime=@1 GZIP=-1 POSIXLY_CORRECT=1 BASH_ENV=/steer CDPATH=/usr NGX_WASM_DIR=/x CXXFLAGS=-DX CI=1",
            "ENV CC=cc")
        done = self.build(sample, "--base-image", base, "--output", "two", "--progress", "plain", "--no-cache")
        self.assertEqual(sha256(self.folder / "one" / PACKAGE), sha256(self.folder / "two" / PACKAGE))
        self.assertEqual(sorted(self.engine.image(self.image)["Config"]["Env"]), sorted(self.engine.image(base)["Config"]["Env"]))
        self.assertRegex(done.stderr, r"ENV of the base image that is not used:.* RUNTIME_VERSION .*")

    def test_base_that_cannot_be_built_on(self):
        sample = self.sample()
        for instruction, word in (("VOLUME /wasmx", "the volume /wasmx"), ("VOLUME /wasmx/dist", "the volume /wasmx/dist"),
                                  ("VOLUME /", "the volume /")):
            with self.subTest(instruction):
                base = self.base_with(instruction)
                done = self.build(sample, "--base-image", base, exit_code=1)
                self.assertIn(word, done.stderr)
                self.assertIn("--base-image", done.stderr)
        self.assertIsNone(self.engine.image(self.image))

    def test_base_with_triggers(self):
        if self.HOST == LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]:
            self.skipTest("podman 4.3 does not tell of triggers; a commit runs none")
        done = self.build(self.sample(), "--base-image", self.base_with("ONBUILD RUN touch /y"), "--push", exit_code=1)
        self.assertIn("ONBUILD trigger", done.stderr)
        self.assert_absent(self.image)
        self.assertIsNone(self.engine.image(self.image))

    def test_a_base_that_runs_as_another_user(self):
        """The build runs as root all the same, and the image as the base's user."""
        base = self.base_with("USER nobody", "VOLUME /root/.cache", "ENTRYPOINT [\"/bin/false\"]", "HEALTHCHECK CMD false")
        self.build(self.sample(), "--base-image", base)
        config = self.engine.image(self.image)["Config"]
        self.assertEqual((config["User"], config["Entrypoint"]), ("nobody", ["/bin/false"]))

    def test_a_tag_that_another_build_moves(self):
        """What was built and checked is pushed, whatever the tag stands for meanwhile."""
        moved = []

        def sent(data: bytes) -> bytes:
            if data.startswith(b"DELETE ") and b"/containers/wasmx-image-" not in data and self.engine.image(self.image) and not moved:
                moved.append(self.engine.request("POST", f"/images/{BASE_IMAGE}/tag?repo={self.repository}&tag={TAG}")[0])
            return data

        proxy = EngineProxy(self.HOST, self.folder / "engine.sock", sent=sent)
        self.addCleanup(proxy.close)
        sample = self.sample()
        done = self.build(sample, "--push", "--output", "out", DOCKER_HOST=proxy.host)
        self.assertEqual(moved, [201])
        self.assertEqual(done.stdout.strip().split("@")[0], self.image)
        layers = self.layers(self.image)
        self.assert_source_layer(layers[-2], sample)
        self.run_program("extract", self.image, "-o", "got")
        self.assertEqual(sha256(self.folder / "got" / PACKAGE), sha256(self.folder / "out" / PACKAGE))
        # It is the other build's tag now.
        self.assertEqual(self.engine.image(self.image)["Id"], self.engine.image(BASE_IMAGE)["Id"])

    def test_twice_without_cache_is_the_same(self):
        sample = self.sample()
        for folder in ("one", "two"):
            self.build(sample, "--no-cache", "--output", folder)
        self.assertEqual(sha256(self.folder / "one" / PACKAGE), sha256(self.folder / "two" / PACKAGE))

    def test_leaves_nothing_behind(self):
        """But for the source image and the work volume, which have names of their own."""
        self.build(self.sample(), "--no-cache")
        self.assertEqual(json.loads(self.engine.request("GET", "/containers/json?all=1")[1]), [])
        images = [tag for image in json.loads(self.engine.request("GET", "/images/json?all=0")[1]) for tag in image["RepoTags"] or ["<none>"]]
        ours = [tag for tag in images if "wasmx-image" in tag]
        self.assertTrue(all("wasmx-image-source:" in tag for tag in ours), ours)

    def test_labels(self):
        sample = self.sample()
        self.build(sample)
        labels = self.engine.image(self.image)["Config"]["Labels"]
        prefix = "org.opencontainers.image."
        self.assertEqual(labels[prefix + "revision"], self.git(sample, "rev-parse", "HEAD").strip())
        self.assertEqual(labels[prefix + "version"], VERSION)
        self.assertEqual(labels[prefix + "base.name"], BASE_IMAGE)
        self.assertEqual(labels[prefix + "licenses"], "Apache-2.0")
        date = self.git(sample, "log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ")
        self.assertEqual(labels[prefix + "created"][:10], date.strip()[:10])
        self.assertNotIn(prefix + "source", labels, "a folder of this machine is nobody else's business")
        self.assertIn(VERSION, labels[prefix + "title"])

    def test_stdout_of_build_is_the_image_id(self):
        done = self.build(self.sample())
        self.assertRegex(done.stdout, r"\Asha256:[0-9a-f]{64}\n\Z")
        self.assertTrue(self.engine.image(self.image)["Id"].endswith(done.stdout.strip().removeprefix("sha256:")))

    def test_the_log_is_kept_whole(self):
        done = self.build(self.sample(), "--no-cache", "--log-file", "x/build.log", "--quiet")
        self.assertEqual(done.stderr, "")
        log = (self.folder / "x" / "build.log").read_text()
        self.assertIn("building v8bridge", log)
        self.assertIn("==> packaging", log)

    def test_a_loud_build_arrives_with_its_end(self):
        done = self.build(self.sample("loud"), "--progress", "plain", "--no-cache")
        self.assertGreater(len(done.stderr), 6_000_000, "nothing is clipped")
        self.assertIn(f"{PACKAGE}\n", done.stderr)


class BuildKit(MainJob):
    def test_base_image_from_the_module(self):
        subprocess.run(["/usr/bin/docker", "--host", self.HOST, "rmi", "-f", "wasmx-build-ubuntu"], capture_output=True)
        sample = self.sample()
        arguments = ("build", "--source", sample, "--repository", self.repository, "--runtime-version", VERSION, *ENOUGH)
        first = self.run_program(*arguments)
        self.assertIn("base image: building wasmx-build-ubuntu", first.stderr)
        labels = self.engine.image("wasmx-build-ubuntu")["Config"]["Labels"]
        self.assertEqual(labels["dev.wasmx.base.tree"], self.git(sample, "rev-parse", "HEAD:assets/release/Dockerfiles").strip())
        again = self.run_program(*arguments)
        self.assertNotIn("base image: building", again.stderr)
        self.assertEqual(again.stdout, first.stdout, "nothing changed")
        (sample / "assets/release/Dockerfiles/more").write_text("changed\n")
        self.git(sample, "add", "-A")
        self.git(sample, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "change")
        third = self.run_program(*arguments)
        self.assertIn("base image: building wasmx-build-ubuntu", third.stderr)

    def test_base_image_is_pulled(self):
        remote = f"{REGISTRY}/{type(self).__name__.lower()}/base:1"
        self.docker("tag", BASE_IMAGE, remote)
        self.run_program("push", remote)
        self.docker("rmi", remote)
        self.run_program("build", "--source", self.sample(), "--base-image", remote, "--repository", self.repository,
                         "--runtime-version", VERSION, *ENOUGH)
        labels = self.engine.image(self.image)["Config"]["Labels"]
        self.assertRegex(labels["org.opencontainers.image.base.digest"], "^sha256:[0-9a-f]{64}$")

    def test_docker_pull_and_cp_agree_with_extract(self):
        self.build(self.sample(), "--push")
        self.docker("rmi", self.image)
        self.docker("pull", "--quiet", self.image)
        container = self.docker("create", self.image, "none").strip()
        self.addCleanup(self.docker, "rm", container)
        self.docker("cp", f"{container}:/wasmx/dist/{PACKAGE}", str(self.folder / "by-docker"))
        self.run_program("extract", self.image)
        self.assertEqual((self.folder / PACKAGE).read_bytes(), (self.folder / "by-docker").read_bytes())

    def test_push_of_an_image_that_is_there(self):
        done = self.build(self.sample())
        pushed = self.run_program("push", self.image)
        self.assertRegex(pushed.stdout, rf"\A{re.escape(self.image)}@sha256:[0-9a-f]{{64}}\n\Z")
        self.assertEqual(self.manifest(self.image)["config"]["digest"], done.stdout.strip())

    def test_tag_is_the_whole_name(self):
        name = f"{self.repository}:mine"
        done = self.run_program("build", "--source", self.sample(), "--base-image", BASE_IMAGE, "-t", name,
                                "--runtime-version", VERSION, *ENOUGH, "--push")
        self.assertTrue(done.stdout.startswith(name + "@sha256:"))
        self.run_program("extract", name)  # the manifest says where the package is
        self.assertTrue((self.folder / PACKAGE).exists())
        self.run_program("extract", name, "--path", f"/wasmx/dist/{PACKAGE}")

    def test_ref(self):
        sample = self.sample()
        self.build(sample, "--ref", "v0.1", "--allow-dirty")
        labels = self.engine.image(self.image)["Config"]["Labels"]
        self.assertEqual(labels["org.opencontainers.image.revision"], self.git(sample, "rev-parse", "v0.1^{commit}").strip())

    def test_git_url(self):
        sample = self.sample()
        url = f"file://{sample}"
        self.build(url, "--ref", "main")
        first = self.engine.image(self.image)["Config"]["Labels"]["org.opencontainers.image.revision"]
        self.assertEqual(first, self.git(sample, "rev-parse", "main").strip())
        self.git(sample, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-q", "--allow-empty", "-m", "next")
        self.build(url)
        second = self.engine.image(self.image)["Config"]["Labels"]["org.opencontainers.image.revision"]
        self.assertEqual(second, self.git(sample, "rev-parse", "main").strip())
        self.assertNotEqual(first, second)

    def test_plain_folder(self):
        sample = self.sample()
        shutil.rmtree(sample / ".git")
        (sample / ".dockerignore").write_text("docs\n*.secret\n")
        (sample / "key.secret").write_text("x")
        done = self.build(sample, "--push")
        self.assertIn("warning:", done.stderr)
        with tarfile.open(self.layers(self.image)[-2]) as tar:
            names = tar.getnames()
        self.assertIn("wasmx/Makefile", names)
        self.assertFalse([name for name in names if name.startswith("wasmx/docs") or name.endswith(".secret")])

    def test_dirty_tree(self):
        sample = self.sample()
        (sample / "Makefile").write_text((sample / "Makefile").read_text() + "# changed\n")
        (sample / "new file").write_text("x")
        done = self.build(sample, exit_code=2)
        self.assertIn("Makefile", done.stderr)
        self.assertIn("new file", done.stderr)
        self.assertIn("--allow-dirty", done.stderr)
        self.build(sample, "--allow-dirty")
        labels = self.engine.image(self.image)["Config"]["Labels"]
        self.assertNotIn("org.opencontainers.image.revision", labels)

    def test_cache_is_used(self):
        sample = self.sample()
        first = self.build(sample)
        second = self.build(sample)
        self.assertEqual(first.stdout, second.stdout)
        self.assertIn("is built already", second.stderr)
        third = self.build(sample, "--no-cache")
        self.assertIn("building v8bridge", third.stderr)


class Classic(LabCase):
    """The classic builder makes the base image; nothing else is built from a Dockerfile."""
    ENVIRONMENT = {"DOCKER_BUILDKIT": "0"}

    def test_base_image_from_the_module(self):
        BuildKit.test_base_image_from_the_module(self)


class ContainerdStore(MainJob):
    """A newer engine, which keeps images in containerd's store."""
    HOST = LAB_ENVIRONMENT["WASMX_LAB_CONTAINERD_HOST"]
    # To these the store is all one.
    test_labels = test_stdout_of_build_is_the_image_id = test_the_log_is_kept_whole = None
    test_a_loud_build_arrives_with_its_end = test_twice_without_cache_is_the_same = None

    def test_docker_pull_and_cp_agree_with_extract(self):
        BuildKit.test_docker_pull_and_cp_agree_with_extract(self)

    def test_push_of_an_image_that_is_there(self):
        self.build(self.sample())
        self.run_program("push", self.image)
        again = self.run_program("push", self.image)
        self.assertIn("3 of 3 layers already existed", again.stderr)
        self.assertEqual(len(self.layers(self.image)), 3)


class Podman(MainJob):
    HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]

    def test_base_image_from_the_module(self):
        BuildKit.test_base_image_from_the_module(self)

    def test_base_image_is_pulled(self):
        remote = f"{REGISTRY}/podman/base:1"
        self.engine.request("POST", f"/images/{BASE_IMAGE}/tag?repo={REGISTRY}/podman/base&tag=1")
        self.run_program("push", remote)
        self.engine.request("DELETE", f"/images/{remote}")
        self.assertIsNone(self.engine.image(remote))
        self.build(self.sample(), "--base-image", remote)
        self.assertIsNotNone(self.engine.image(remote))


del MainJob  # only its heirs are run

if __name__ == "__main__":
    unittest.main()
