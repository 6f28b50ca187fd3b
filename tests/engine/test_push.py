# SPDX-License-Identifier: Apache-2.0
"""`push`: what is sent and what is not, whatever happened before, and what others make of the result."""
import contextlib
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
import unittest
import unittest.mock
from pathlib import Path

from case import BASE_IMAGE, DOCKER, ENOUGH, LAB, LAB_ENVIRONMENT, REGISTRY, SUPPORT, VERSION, Lab, LabCase, schema_errors
from engine_proxy import EngineProxy
from service import Service, free_port, http_status


def tar_of(*members, form=tarfile.PAX_FORMAT) -> bytes:
    """Of TarInfos, or of names with contents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form, encoding="utf-8", errors="surrogateescape") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name) if isinstance(name, str) else name
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def link(name: str, kind: bytes, target: str) -> tarfile.TarInfo:
    out = tarfile.TarInfo(name)
    out.type, out.linkname = kind, target
    return out


def folder(name: str) -> tarfile.TarInfo:
    out = tarfile.TarInfo(name)
    out.type, out.mode = tarfile.DIRTYPE, 0o755
    return out


def odd_layers() -> list[bytes]:
    """Tars of which docker would make none."""
    capability = tarfile.TarInfo("ping")
    capability.pax_headers = {"SCHILY.xattr.security.capability": bytes.fromhex("0100000200200000000000000000000000000000").decode("latin-1")}
    old = b"x" * 1000
    return [
        tar_of(),
        tar_of(("z", b"last first"), ("m", b"2"), ("a", b"1")),
        tar_of(("z", old), (link("a", tarfile.LNKTYPE, "z"), b""), (link("s", tarfile.SYMTYPE, "a"), b"")),
        tar_of(("./dotted//name", b"1"), ("/absolute", b"2")),
        tar_of(("caf\udce9", b"no UTF-8"), form=tarfile.GNU_FORMAT),
        tar_of(("u\u0308/" + "n" * 200 + "/" + "n" * 200, b"long")),
        tar_of(("g" * 200 + "/" + "n" * 99, b"long"), form=tarfile.GNU_FORMAT),
        tar_of(("ustar", b"1"), form=tarfile.USTAR_FORMAT),
        tar_of((capability, b"capable")),
        tar_of((folder("d"), b""), ("d/one", b"1"), ("d/two", b"2")),
        tar_of(("d/.wh.one", b"")),
        tar_of(("d/.wh..wh..opq", b""), ("d/three", b"3")),
        tar_of(("zeros", bytes(20_000_000))),
        tar_of(("a", b"padded")) + bytes(100_000),
        tar_of(("empty", b""), ("full", b"1")),
    ]


def docker_archive(name: str, layers: list[bytes]) -> bytes:
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]}}).encode()
    paths = [f"{i}/layer.tar" for i in range(len(layers))]
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": paths}]).encode()
    return tar_of(("config.json", config), *zip(paths, layers), ("manifest.json", manifest))


class PushCase(LabCase):
    """A small image of three layers over the lab's base: a large layer of random bytes, which sealing takes a while for."""

    def setUp(self):
        super().setUp()
        self.image = f"{self.repository}:1"
        self.cache = self.folder / "cache"

    def make_image(self, name: str, top: str = "top"):
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        # The same for all tests of a run, so that the engine builds it once.
        (context / "top").write_text(top)
        (context / "Dockerfile").write_text(
            f"FROM {BASE_IMAGE}\nRUN head -c 30000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 >/large 2>/dev/null || "
            "head -c 30000000 /dev/urandom >/large\nRUN echo middle >/middle\nCOPY top /top\n")
        self.docker("build", "--quiet", "--tag", name, str(context))
        self.addCleanup(lambda: subprocess.run(["docker", "--host", self.HOST, "rmi", "--force", name], capture_output=True))

    def push(self, *more, image: str | None = None, cache: Path | None = None, **keywords):
        return self.run_program("push", image or self.image, "--cache-dir", cache or self.cache, "--progress", "json", *more, **keywords)

    def events(self, text: str) -> list[dict]:
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def sent(self, done) -> dict[str, int]:
        """Digests of the blobs that were uploaded, brief, with their sizes."""
        events = self.events(done.stderr)
        names = {event["task"]: event for event in events if event["event"] == "started"}
        # Of one that was uploaded as it was made, the digest is known in the end.
        return {re.search(r"sha256:[0-9a-f]{12}", names[event["task"]]["name"] + " " + event["how"])[0]: event["bytes"]
                for event in events if event["event"] == "ended" and event["how"].startswith("uploaded")}

    def sealed(self, done) -> int:
        return sum(event["event"] == "started" and event["name"].startswith("sealing") for event in self.events(done.stderr))

    def blobs(self, image: str) -> dict[str, int]:
        """All of a pushed image, its config too, by brief digest."""
        manifest = self.manifest(image)
        return {blob["digest"][:19]: blob["size"] for blob in [manifest["config"], *manifest["layers"]]}


    def change(self, tag: str, top: str) -> str:
        image = f"{self.repository}:{tag}"
        self.make_image(image, top=top)
        return image

    def present(self) -> set[str]:
        """Blobs that the registry has for this repository, brief."""
        name = self.repository.split("/", 1)[1]
        folder = Path(LAB.state["registry_data"], "docker/registry/v2/repositories", name, "_layers/sha256")
        return {f"sha256:{path.name[:12]}" for path in folder.iterdir()} if folder.exists() else set()

    @contextlib.contextmanager
    def registry_of_short_tokens(self):
        """Good for two seconds: the registry allows a minute of leeway, so they are issued as good as expired."""
        lab = Lab(self.folder / "lab")
        make = Lab.token_server

        def short_lived(self, port):
            service = make(self, port)
            service.argv.append("--expires-in=-58")
            return service

        with unittest.mock.patch.object(Lab, "token_server", short_lived):
            try:
                lab.up(registry=True)
                yield lab
            finally:
                lab.down()


class WhatIsSent(PushCase):
    def test_nothing_twice(self):
        self.make_image(self.image)
        first = self.push()
        self.assertEqual(self.sent(first), self.blobs(self.image))
        again = self.push()
        self.assertEqual(again.stdout, first.stdout)
        self.assertEqual((self.sent(again), self.sealed(again)), ({}, 0))

    def test_only_the_top_layer_after_a_change(self):
        self.make_image(self.image)
        self.push()
        before = self.blobs(self.image)
        second = f"{self.repository}:2"
        self.make_image(second, top="another top")
        done = self.push(image=second)
        self.assertEqual(self.sent(done), {digest: size for digest, size in self.blobs(second).items() if digest not in before})
        self.assertEqual(len(self.sent(done)), 2)  # the layer and the config

    def test_what_a_tag_says_of_a_layer_is_not_believed(self):
        """Whoever may write a tag could else get a blob of theirs into an image of ours, whose digest is then signed."""
        self.make_image(self.image)
        self.push()
        before = self.blobs(self.image)
        folder = self.folder / "substituted"
        self.skopeo("copy", "--src-tls-verify=false", f"docker://{self.image}", f"dir:{folder}")
        manifest = json.loads((folder / "manifest.json").read_text())
        blob = gzip.compress(b"not the layer")
        digest = hashlib.sha256(blob).hexdigest()
        (folder / digest).write_bytes(blob)
        manifest["layers"][-1] |= {"digest": f"sha256:{digest}", "size": len(blob)}
        (folder / "manifest.json").write_text(json.dumps(manifest))
        self.skopeo("copy", "--dest-tls-verify=false", f"dir:{folder}", f"docker://{self.image}")
        self.assertIn(f"sha256:{digest[:12]}", self.blobs(self.image))
        self.push(cache=self.folder / "another machine")
        self.assertEqual(self.blobs(self.image), before)

    def test_the_manifest_is_ours_whoever_pushed_before(self):
        self.make_image(self.image)
        self.docker("push", "--quiet", self.image)
        self.push()
        self.assertEqual(self.manifest(self.image)["mediaType"], "application/vnd.oci.image.manifest.v1+json")

    def test_a_label_alone_mounts_nothing(self):
        """A base image may carry any label; only what the engine has pulled by that digest says which blob is which layer."""
        base = f"{REGISTRY}/bases/{os.getpid()}-label:1"
        self.docker("tag", BASE_IMAGE, base)
        self.docker("push", "--quiet", base)
        digest = self.skopeo("inspect", "--format", "{{.Digest}}", "--tls-verify=false", f"docker://{base}").strip()
        self.docker("rmi", base)  # and with it what the engine knows of that name
        context = self.folder / "context"
        context.mkdir()
        (context / "Dockerfile").write_text(f"FROM {BASE_IMAGE}\nLABEL org.opencontainers.image.base.name={base}\n"
                                            f"LABEL org.opencontainers.image.base.digest={digest}\nRUN echo x >/x\n")
        self.docker("build", "--quiet", "--tag", self.image, str(context))
        self.addCleanup(lambda: subprocess.run(["docker", "--host", self.HOST, "rmi", "--force", self.image], capture_output=True))
        self.assertNotIn('"how":"mounted"', self.push().stderr)

    def test_layers_of_the_base_are_mounted(self):
        base = f"{REGISTRY}/bases/{os.getpid()}:1"
        self.docker("tag", BASE_IMAGE, base)
        self.addCleanup(lambda: subprocess.run(["docker", "--host", self.HOST, "rmi", base], capture_output=True))
        self.docker("push", "--quiet", base)
        repository = f"{REGISTRY}/mounting/{os.getpid()}"
        done = self.run_program("build", "--source", self.sample(), "--base-image", base, "--repository", repository, "--runtime-version",
                                VERSION, *ENOUGH, "--push", "--cache-dir", self.cache, "--progress", "json")
        image = done.stdout.strip().split("@")[0]
        layers = [layer["digest"] for layer in self.manifest(image)["layers"]]
        self.assertEqual(layers[0], self.manifest(base)["layers"][0]["digest"])
        self.assertNotIn(layers[0][:19], self.sent(done))
        self.assertIn('"how":"mounted"', done.stderr)
        self.assertEqual(len(self.layers(image)), 3)
        # Also where the cache has all of them.
        other = f"{repository}-other:1"
        self.docker("tag", image, other)
        self.addCleanup(lambda: subprocess.run(["docker", "--host", self.HOST, "rmi", other], capture_output=True))
        base_alone = f"{repository}-base:1"
        self.docker("tag", BASE_IMAGE, base_alone)
        self.addCleanup(lambda: subprocess.run(["docker", "--host", self.HOST, "rmi", base_alone], capture_output=True))
        self.push(image=base_alone)  # so that the cache has the base's layer, in our form
        again = self.push("--no-verify", image=other)
        self.assertIn('"how":"mounted"', again.stderr)
        self.assertNotIn(layers[0][:19], self.sent(again))

    def test_another_repository_gets_the_blobs_from_the_cache(self):
        self.make_image(self.image)
        self.push()
        other = f"{self.repository}-other:1"
        self.docker("tag", self.image, other)
        done = self.push(image=other)
        self.assertEqual(self.sealed(done), 0)
        self.assertEqual(self.sent(done), self.blobs(self.image))

    def test_a_damaged_cache_costs_time_only(self):
        self.make_image(self.image)
        self.push()
        other = f"{self.repository}-other:1"
        self.docker("tag", self.image, other)
        largest = max((self.cache / "blobs").iterdir(), key=lambda path: path.stat().st_size)
        with largest.open("r+b") as blob:
            blob.seek(1000)
            blob.write(b"damaged")
        done = self.push(image=other)
        self.assertIn("is damaged, and made anew", done.stderr)
        self.assertEqual(self.blobs(other), self.blobs(self.image))
        self.assertGreater(self.sealed(done), 0)

    def test_a_cache_that_cannot_be_used(self):
        (self.folder / "file").write_text("")
        self.make_image(self.image)
        done = self.push(cache=self.folder / "file" / "below")
        self.assertIn("the cache", done.stderr)
        self.assertEqual(self.sent(done), self.blobs(self.image))


class Killed(PushCase):
    def test_kill_at_every_stage(self):
        """kill -9, then the same command: it sends what was missing, and no byte more."""
        self.make_image(self.image)
        for stage in (r'"name":"sealing', r'"how":".*compressed"', r'"name":"pushing layer', r'"how":"uploaded', r'"name":"pushing config'):
            with self.subTest(stage=stage):
                shutil.rmtree(self.cache, ignore_errors=True)
                self.repository = f"{REGISTRY}/killed/{os.getpid()}-{abs(hash(stage))}"
                image = f"{self.repository}:1"
                self.docker("tag", self.image, image)
                process = self.start_program("push", image, "--cache-dir", self.cache, "--progress", "json")
                on_their_way = set()
                streamed = False
                for line in process.stderr:
                    on_their_way.update(re.findall(r'"started".*"name":"pushing \w+ (sha256:[0-9a-f]{12})', line))
                    streamed = streamed or " as it is made" in line
                    if re.search(stage, line):
                        break
                process.send_signal(signal.SIGKILL)
                process.communicate()
                there = self.present()
                sealed = {f"sha256:{path.name[:12]}" for path in (self.cache / "blobs").iterdir()}
                if streamed:  # whose digest was not known when they began
                    on_their_way |= sealed
                done = self.push(image=image)
                sent = self.sent(done)
                blobs = self.blobs(image)
                self.assertEqual(sent, {digest: size for digest, size in blobs.items() if digest in sent})
                self.assertFalse(set(sent) & there)
                # A request that was complete when the process died may be stored only after the look at the registry.
                self.assertLessEqual(set(blobs) - set(sent) - there, on_their_way)
                # With everything sealed, and the config known, the engine is not asked for anything.
                if "config" in stage:
                    self.assertLessEqual(set(blobs), sealed)
                if set(blobs) <= sealed:
                    self.assertEqual(self.sealed(done), 0)


class Identity(PushCase):
    def test_pulled_back_it_is_the_same(self):
        for compression in ("gzip", "zstd"):
            with self.subTest(compression=compression):
                image = f"{self.repository}-{compression}:1"
                self.make_image(image)
                before = self.engine.image(image)
                self.push("--compression", compression, image=image)
                config = json.loads(self.skopeo("inspect", "--config", "--raw", "--tls-verify=false", f"docker://{image}"))
                self.assertEqual(config["rootfs"]["diff_ids"], before["RootFS"]["Layers"])
                manifest = self.manifest(image)
                self.assertEqual(manifest["config"]["digest"], before["Id"])
                self.assertEqual({layer["mediaType"].rsplit("+", 1)[1] for layer in manifest["layers"]}, {compression})
                # skopeo holds every layer against its diff ID when it unpacks.
                self.assertEqual(len(self.layers(image)), len(before["RootFS"]["Layers"]))
                if compression == "zstd":
                    continue  # 20.10 does not read it
                self.docker("rmi", "--force", image)
                self.docker("pull", "--quiet", image)
                after = self.engine.image(image)
                self.assertEqual((after["Id"], after["RootFS"]), (before["Id"], before["RootFS"]))


class OwnAuthority(PushCase):
    """A registry with TLS, of an authority that the machine does not know."""

    def setUp(self):
        super().setUp()
        folder = self.folder / "tls"
        folder.mkdir()
        openssl = lambda *arguments: subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)  # noqa: E731
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority of the tests",
                "-keyout", folder / "ca.key", "-out", folder / "ca.crt")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=registry", "-keyout", folder / "key.pem", "-out", folder / "request.pem")
        (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-days", "2", "-in", folder / "request.pem", "-CA", folder / "ca.crt", "-CAkey", folder / "ca.key",
                "-CAcreateserial", "-extfile", folder / "names", "-out", folder / "cert.pem")
        port = free_port()
        (folder / "config.yml").write_text(json.dumps({
            "version": "0.1", "log": {"level": "error"}, "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}},
            "http": {"addr": f"127.0.0.1:{port}", "tls": {"certificate": f"{folder}/cert.pem", "key": f"{folder}/key.pem"}}}))
        service = Service("tls-registry", folder, folder / "pid", ["docker-registry", "serve", str(folder / "config.yml")],
                          ready=lambda: http_status(f"http://127.0.0.1:{port}/v2/") == 400)
        service.ensure()
        self.addCleanup(service.stop)
        self.authority = folder / "ca.crt"
        self.registry = f"127.0.0.1:{port}"
        self.image = f"{self.registry}/tls/x:1"
        self.make_image(self.image)

    def test_it_is_trusted_where_docker_and_podman_look_for_it(self):
        unknown = self.push(exit_code=1)
        self.assertIn("does not trust the certificate", unknown.stderr)
        self.assertIn("/etc/docker/certs.d/", unknown.stderr)
        folder = self.folder / "home" / ".config" / "containers" / "certs.d" / self.registry
        folder.mkdir(parents=True)
        shutil.copy(self.authority, folder)
        done = self.push()
        self.assertIn("@sha256:", done.stdout)
        # Of another registry it says nothing.
        folder.rename(folder.with_name("127.0.0.1:1"))
        self.push(exit_code=1)

    def test_it_is_trusted_by_variable(self):
        self.assertIn("@sha256:", self.push(SSL_CERT_FILE=str(self.authority)).stdout)
        out = self.folder / "out"
        self.run_program("extract", self.image, "--path", "/top", "-o", out, "--no-verify", SSL_CERT_FILE=str(self.authority))
        self.assertEqual((out / "top").read_text(), "top")


class ViaStore(PushCase):
    """Layers out of the engine's own store: those that it has built, and those that it was given."""
    # What tars differ in: names beyond a header's 100 and 256 bytes and beyond ASCII, owners with and without a name, bits of
    # a mode, links, what was deleted of a layer below, devices and what is no file.
    COMMANDS = (
        "mkdir -p /f/$(printf 'd%.0s' $(seq 90))/$(printf 'e%.0s' $(seq 90))",
        "echo long >/f/$(printf 'd%.0s' $(seq 90))/file-that-is-split",
        "echo longer >/f/$(printf 'd%.0s' $(seq 90))/$(printf 'e%.0s' $(seq 90))/$(printf 'f%.0s' $(seq 120))",
        *(f"echo edge >/$(printf 'n%.0s' $(seq {size}))" for size in (97, 98, 99, 100, 101, 102)),
        "echo umlaut >/f/f\u00fcr; mkdir /f/\u00e9",
        "echo owned >/f/owned; chown 1:42 /f/owned; echo other >/f/other; chown 12345:54321 /f/other",
        "echo inner:x:12345:54321::/:/bin/sh >>/etc/passwd; echo inner:x:54321: >>/etc/group",  # known there alone
        "echo set >/f/set; chmod 6755 /f/set; mkdir -m 1777 /f/sticky",
        "ln /f/set /f/hard; ln -s /f/set /f/soft; ln -s $(printf 'l%.0s' $(seq 140)) /f/far; mkfifo /f/fifo",
        "mkdir /f/below; echo 1 >/f/below/one; echo 2 >/f/below/two",
        "truncate -s 5000000 /f/sparse; echo end >>/f/sparse",
    )

    def tearDown(self):
        self.assertEqual(self.readers(), [])
        super().tearDown()

    def readers(self) -> list[str]:
        return self.docker("ps", "--all", "--quiet", "--filter", "name=wasmx-image-reader").split()

    def build_on_base(self, name: str, *steps: str, **environment) -> None:
        context = self.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "copied").write_text("copied")
        (context / "Dockerfile").write_text("\n".join((f"FROM {BASE_IMAGE}", *steps)) + "\n")
        subprocess.run([DOCKER, "--host", self.HOST, "build", "--quiet", "--tag", name, str(context)], check=True, capture_output=True,
                       env=os.environ | environment)
        self.addCleanup(lambda: subprocess.run([DOCKER, "--host", self.HOST, "rmi", "--force", name], capture_output=True))

    def check(self, image: str) -> None:
        before = self.engine.image(image)
        self.assertEqual(self.manifest(image)["config"]["digest"], before["Id"])
        self.assertEqual(len(self.layers(image)), len(before["RootFS"]["Layers"]))  # skopeo holds each against its diff ID

    def test_whatever_is_in_a_layer_that_was_built(self):
        steps = (f"RUN {' && '.join(self.COMMANDS)}", "COPY copied /f/copied/", "RUN rm -r /f/hard /f/below/one /f/other && ln -f /f/soft /f/again",
                 "RUN rm -r /f && mkdir /f && echo b >/f/b", "RUN true")
        for builder in ("0", "1"):
            with self.subTest(buildkit=builder):
                image = f"{self.repository}:{builder}"
                self.build_on_base(image, f"RUN echo {builder}", *steps, DOCKER_BUILDKIT=builder)
                done = self.push("--via", "store", image=image)
                self.assertIn(", by store,", done.stderr)
                self.check(image)

    def test_what_the_engine_was_given(self):
        """Their tars are others' work: the engine has them as it got them."""
        self.build_on_base(self.image, "RUN mkdir /f && echo 1 >/f/a && head -c 5000000 /dev/urandom >/large", "RUN rm -r /f && echo >/top")
        first = self.push("--via", "store")
        self.check(self.image)
        archive = self.folder / "saved.tar"
        self.docker("save", "--output", archive, self.image)
        files = self.folder / "files.tar"
        with tarfile.open(files, "w", format=tarfile.PAX_FORMAT) as tar:
            for name in ("z", "m/\u00e9", f"{'a' * 150}/{'b' * 149}", "m/a"):  # in no order
                member = tarfile.TarInfo(name)
                member.size = 3_000_000
                member.mtime = 1.5
                member.pax_headers = {"SCHILY.xattr.user.test": "value"}
                tar.addfile(member, io.BytesIO(os.urandom(member.size)))
        imported = f"{self.repository}:imported"
        for way, make, image in (("pulled", ("pull", "--quiet", self.image), self.image),
                                 ("loaded", ("load", "--input", archive), self.image),
                                 ("imported", ("import", files, imported), imported)):
            with self.subTest(way=way):
                self.docker("rmi", "--force", self.image)
                self.docker(*make)
                self.addCleanup(lambda image=image: subprocess.run([DOCKER, "--host", self.HOST, "rmi", "--force", image], capture_output=True))
                done = self.push("--via", "store", image=image, cache=self.folder / way)
                self.assertIn(", by store,", done.stderr)
                if image == self.image:
                    self.assertEqual(done.stdout, first.stdout)
                self.check(image)

    def test_tars_as_others_make_them(self):
        """Each is a layer of an archive that `docker load` takes."""
        layers = odd_layers() * 2
        for i in range(len(layers), 100):
            layers.append(tar_of((f"many/{i}", str(i).encode())))
        name = f"{self.repository}:odd"
        archive = self.folder / "odd.tar"
        archive.write_bytes(docker_archive(name, layers))
        self.docker("load", "--input", archive)
        self.addCleanup(lambda: subprocess.run([DOCKER, "--host", self.HOST, "rmi", "--force", name], capture_output=True))
        done = self.push("--via", "store", image=name)
        self.assertIn(", by store,", done.stderr)
        self.check(name)

    def test_what_a_killed_push_has_left(self):
        self.make_image(self.image)
        self.docker("tag", self.image, leftover := f"127.0.0.1:9/wasmx-image/{'a' * 32}:push")  # of an older version
        for _ in range(50):
            push = self.start_program("push", self.image, "--cache-dir", self.cache)
            while push.poll() is None and not self.readers():
                pass
            push.kill()
            push.communicate()
            if self.readers():
                break
        self.assertTrue(self.readers())
        self.push()
        self.check(self.image)
        self.assertNotIn(leftover, self.docker("images", "--format", "{{.Repository}}:{{.Tag}}"))

    def test_an_interrupt_leaves_nothing(self):
        self.make_image(self.image)
        process = self.start_program("push", self.image, "--cache-dir", self.cache, "--progress", "json")
        for line in process.stderr:
            if '"name":"sealing layer' in line:
                break
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130)
        self.assertLess(time.monotonic() - start, 10)
        self.assert_absent(self.image)

    def test_one_that_may_not_be_pushed_is_not(self):
        """The engine has begun by then."""
        self.make_image(self.image)
        self.push()
        before = self.present()
        image = self.change("2", f"not allowed {os.getpid()}")
        done = self.push(image=image, exit_code=1, DOCKER_CONFIG=LAB_ENVIRONMENT["WASMX_LAB_READER_CONFIG"])
        self.assertIn("may not push", done.stderr)
        self.assertEqual(self.sent(done), {})
        self.assertEqual(self.present(), before)
        self.assert_absent(image)
        self.push(image=image)
        self.check(image)

    def test_another_compression(self):
        self.make_image(self.image)
        self.push("--compression", "zstd")
        image = self.change("2", f"zstd {os.getpid()}")
        done = self.push("--compression", "zstd", image=image)
        self.assertEqual(len(self.sent(done)), 2)
        self.assertEqual({layer["mediaType"].rsplit("+", 1)[1] for layer in self.manifest(image)["layers"]}, {"zstd"})
        self.assertEqual(len(self.layers(image)), len(self.engine.image(image)["RootFS"]["Layers"]))

    def test_an_engine_on_another_machine(self):
        """Nothing is read by a path of this machine."""
        def answered(data: bytes) -> bytes:  # other memory than this machine has: a number of as many digits
            return re.sub(rb'("MemTotal":)(\d)(\d+)', lambda m: m[1] + (b"8" if m[2] == b"9" else b"9") + m[3], data)

        self.make_image(self.image)
        engine = EngineProxy(self.HOST, self.folder / "engine.sock", answered=answered)
        self.addCleanup(engine.close)
        self.assertIn(", by store,", self.push(DOCKER_HOST=engine.host).stderr)
        self.check(self.image)

    def test_an_engine_that_does_not_mount_its_store(self):
        def sent(data: bytes) -> bytes:  # a folder that is not there, of as many letters
            return data.replace(b"/image/overlay2", b"/image/overlayX")

        self.make_image(self.image)
        engine = EngineProxy(self.HOST, self.folder / "engine.sock", sent=sent)
        self.addCleanup(engine.close)
        refused = self.push("--via", "store", exit_code=1, DOCKER_HOST=engine.host)
        self.assertIn("the engine's store cannot be read", refused.stderr)
        self.assertIn("--via auto", refused.stderr)
        self.assert_absent(self.image)
        done = self.push(DOCKER_HOST=engine.host)
        self.assertIn("falling back to export", done.stderr)
        self.assertIn(", by export,", done.stderr)
        self.check(self.image)

    def test_json(self):
        self.make_image(self.image)
        first = json.loads(self.push("--json").stdout)
        self.assertEqual(first["reference"], f"{self.image}@{first['digest']}")
        self.assertEqual([(layer["digest"], layer["size"], layer["media_type"]) for layer in first["layers"]],
                         [(layer["digest"], layer["size"], layer["mediaType"]) for layer in self.manifest(self.image)["layers"]])
        self.assertEqual({layer["origin"] for layer in first["layers"]}, {"store"})
        self.assertEqual(first["bytes_sent"], sum(self.blobs(self.image).values()))
        self.change("1", "another top")
        again = json.loads(self.push("--json", "--overwrite").stdout)
        self.assertEqual([layer["origin"] for layer in again["layers"]], ["existed", "existed", "existed", "store"])
        self.assertEqual(schema_errors(SUPPORT.parent.parent / "src" / "push" / "report.schema.json", first, again), [[], []])

    def test_a_word_of_an_older_version(self):
        self.assertIn("auto, store, export", self.push("--via", "relay", exit_code=2).stderr.replace("|", ", "))


class OfPodman(PushCase):
    HOST = LAB_ENVIRONMENT["WASMX_LAB_PODMAN_HOST"]

    def test_it_exports(self):
        name, _, tag = self.image.rpartition(":")
        self.engine.request("POST", f"/images/{BASE_IMAGE}/tag?repo={name}&tag={tag}")
        self.addCleanup(self.engine.request, "DELETE", f"/images/{self.image}?noprune=true")
        self.assertIn("podman's store is not read", self.push("--via", "store", exit_code=1).stderr)
        done = self.push()
        self.assertIn(", by export,", done.stderr)
        self.assertNotIn('"event":"warning"', done.stderr)


class ShortTokens(PushCase):
    def test_tokens_that_are_good_for_two_seconds(self):
        """docker and skopeo do not get through."""
        with self.registry_of_short_tokens() as lab:
            image = f"{lab.state['registry']}/short/lived:1"
            self.make_image(image)
            self.push(image=image, DOCKER_CONFIG=lab.state["docker_config"])
            log = Path(lab.root, "tokens", "requests.log").read_text()
        # The same token more than once: it was renewed.
        asked = [json.dumps(json.loads(line)["scope"]) for line in log.splitlines() if json.loads(line)["status"] == 200]
        self.assertGreater(max(map(asked.count, asked)), 1, log)


if __name__ == "__main__":
    unittest.main()
