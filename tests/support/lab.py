#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real services for tests and for the quickstart: dockerd, podman, a registry with token auth, a base image.

Everything listens on loopback or on unix sockets and keeps its data in one folder. A machine's own Docker,
Podman and their configuration are neither used nor touched, and several labs live side by side.

    lab.py up --root DIR [--engine | --any-engine] [--containerd] [--podman] [--registry [--registry-port N]]
                         [--base] [--cache DIR]
    lab.py env --root DIR     `export` lines for a shell
    lab.py down --root DIR    ends what was started; the data stays for the next time

DIR/lab.json says where everything is. Sockets and pid files are in a short folder below /run, since the path of
a unix socket is limited to 107 bytes, and since pid files must not outlive a reboot.
"""
import argparse
import base64
import contextlib
import fcntl
import hashlib
import ipaddress
import json
import os
import re
import resource
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import base_image
import engine_root
from engine_api import Engine, EngineError
from service import CONTAINED, PATH, LabError, Service, free_port, http_status, is_free, write

SUPPORT = Path(__file__).resolve().parent


def ip(*arguments: str) -> str:
    try:
        return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise LabError(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error


class Lab:
    def __init__(self, root: str | Path):
        self.root = Path(root).resolve()
        self.tag = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:8]
        self.run = (Path("/run") if os.access("/run", os.W_OK) else Path(tempfile.gettempdir())) / f"wasmx-lab-{self.tag}"
        self.bridges = {"dockerd": f"wxl{self.tag}", "containerd-store": f"wxc{self.tag}"}
        self.state_file = self.root / "lab.json"
        self.state = self.load()

    @contextlib.contextmanager
    def lock(self):
        """One at a time: two runs of a test suite may bring the same lab up."""
        path = self.run.with_suffix(".lock")
        while True:
            with open(path, "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not path.exists() or os.stat(path).st_ino != os.fstat(lock.fileno()).st_ino:
                    continue  # a `down` was faster, and this file is gone
                self.state = self.load()
                yield
                return

    def load(self) -> dict:
        return json.loads(self.state_file.read_text()) if self.state_file.exists() else {}

    def save(self, **changes) -> None:
        self.state.update(changes)
        write(self.state_file, self.state, mode=0o600)

    def service(self, name: str, folder: str, **details) -> Service:
        return Service(name, self.root / folder, self.run / f"{name}.pid", **details)

    # --- engines ---

    def dockerd(self) -> Service:
        folder, host = self.root / "engine", f"unix://{self.run}/docker.sock"
        return self.service("dockerd", "engine", ready=Engine(host).answers, argv=[
            # A soft limit as engines give it since containerd 2.
            CONTAINED, "dockerd", f"--default-ulimit=nofile=1024:{resource.getrlimit(resource.RLIMIT_NOFILE)[1]}", f"--data-root={folder}/data", f"--exec-root={self.run}/docker", f"--pidfile={self.run}/engine.pid",
            f"--host={host}", f"--bridge={self.bridges['dockerd']}", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            "--ip-masq=false", "--userland-proxy=false"])

    def containerd_store(self, root: Path | None = None) -> Service:
        """Docker of a newer Debian, whose images are in containerd's store."""
        name = "containerd-store"
        folder, run = self.root / name, self.run / name
        host = f"unix://{run}/docker.sock"
        return self.service(name, name, ready=Engine(host).answers, argv=[
            CONTAINED, "--root", str(root), "--share", str(folder), "--share", str(run), "dockerd",
            f"--config-file={folder}/daemon.json", f"--data-root={folder}/data", "--exec-root=/run/engine", f"--pidfile={run}/engine.pid",
            f"--host={host}", f"--bridge={self.bridges[name]}", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            "--ip-masq=false", "--userland-proxy=false"])

    def podman(self) -> Service:
        folder, host = self.root / "podman", f"unix://{self.run}/podman.sock"
        return self.service("podman", "podman", ready=Engine(host).answers, environment={
            "CONTAINERS_CONF": f"{folder}/containers.conf", "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf",
            "CONTAINERS_REGISTRIES_CONF": f"{folder}/registries.conf", "TMPDIR": f"{folder}/tmp", "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}, argv=[
            CONTAINED, "podman", f"--root={folder}/storage", f"--runroot={self.run}/podman", f"--tmpdir={self.run}/podman-tmp",
            "--cgroup-manager=cgroupfs", "--events-backend=file", "system", "service", "--time=0", host])

    def up_engine(self) -> str:
        self.require_root("dockerd")
        service = self.dockerd()
        if not service.pid():
            version = subprocess.run(["dockerd", "--version"], capture_output=True, text=True, env={"PATH": PATH}).stdout
            if (number := re.search(r"version (\d+)", version)) and int(number[1]) >= 23:
                self.spare_docker0()
            shutil.rmtree(self.run / "docker", ignore_errors=True)  # of one that was killed
            (self.run / "engine.pid").unlink(missing_ok=True)
            self.make_bridge(self.bridges["dockerd"])
        service.ensure()
        return service_host(service)

    def up_containerd_store(self, cache: Path) -> str:
        self.require_root("dockerd")
        service = self.containerd_store(engine_root.ensure(cache))
        if not service.pid():
            self.spare_docker0()
            shutil.rmtree(self.run / service.name, ignore_errors=True)
            for folder in (self.run / service.name, service.folder / "data"):
                folder.mkdir(parents=True, exist_ok=True)
            write(service.folder / "daemon.json", {"features": {"containerd-snapshotter": True}})
            self.make_bridge(self.bridges[service.name])
        service.ensure()
        return service_host(service)

    def find_engine(self) -> str | None:
        """The engine this machine works with, unless the lab has one running already."""
        if not self.dockerd().pid():
            for host in filter(None, (os.environ.get("DOCKER_HOST"), "unix:///var/run/docker.sock")):
                with contextlib.suppress(EngineError):
                    if Engine(host).answers():
                        return host
        return None

    def up_podman(self) -> str:
        self.require_root("podman")
        folder = self.root / "podman"
        # crun of Debian 12 refuses machines with both versions of cgroups; runc takes all of them.
        write(folder / "containers.conf", '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
                                          '[containers]\nlog_driver = "k8s-file"\n')
        write(folder / "registries.conf", "unqualified-search-registries = []\n")
        write(folder / "storage.conf", f'[storage]\ndriver = "overlay"\ngraphroot = "{folder}/storage"\nrunroot = "{self.run}/podman"\n')
        (folder / "tmp").mkdir(exist_ok=True)
        service = self.podman()
        service.ensure()
        return service_host(service)

    def spare_docker0(self) -> None:
        """From 23 on, a dockerd with a bridge of its own removes docker0, and with it the network of running containers."""
        if Path("/sys/class/net/docker0").exists():
            raise LabError("this dockerd would remove the docker0 of this machine: use its own engine with --any-engine")

    def make_bridge(self, name: str) -> None:
        """A bridge of the lab's own, so that several labs can be up at once."""
        self.remove_bridge(name)
        used = [ipaddress.ip_network(f"{address['local']}/{address['prefixlen']}", strict=False)
                for link in json.loads(ip("-json", "-4", "address")) for address in link.get("addr_info", [])]
        used += [ipaddress.ip_network(route["dst"]) for route in json.loads(ip("-json", "-4", "route", "show", "table", "all"))
                 if "/" in route["dst"]]
        first = int(self.tag, 16)
        candidates = (ipaddress.ip_network(f"10.213.{(first + n) % 256}.0/24") for n in range(256))
        subnet = next((net for net in candidates if not any(net.overlaps(other) for other in used)), None)
        if subnet is None:
            raise LabError("no free subnet in 10.213.0.0/16")
        ip("link", "add", name, "type", "bridge")
        ip("address", "add", f"{subnet[1]}/{subnet.prefixlen}", "dev", name)
        ip("link", "set", name, "up")

    def remove_bridge(self, name: str) -> None:
        if Path("/sys/class/net", name).exists():
            ip("link", "delete", name)

    def require_root(self, what: str) -> None:
        if os.geteuid() != 0:
            raise LabError(f"{what} needs root: run this with sudo")

    # --- registry ---

    def token_server(self, port: int) -> Service:
        folder = self.root / "tokens"
        return self.service("token-server", "tokens", ready=lambda: http_status(f"http://127.0.0.1:{port}/token") == 400, argv=[
            sys.executable, str(SUPPORT / "token_server.py"), f"--listen=127.0.0.1:{port}", f"--users={folder}/users.json",
            f"--key={folder}/key.pem", f"--cert={folder}/cert.pem", f"--log={folder}/requests.log"])

    def registry(self, port: int) -> Service:
        return self.service("registry", "registry", ready=lambda: http_status(f"http://127.0.0.1:{port}/v2/") == 401,
                            argv=["docker-registry", "serve", str(self.root / "registry" / "config.yml")])

    def up_registry(self, first_port: int | None) -> dict:
        """The ports of the first time are kept, so that references printed yesterday still mean something."""
        ports = self.state.get("ports") or {"registry": first_port or free_port(), "tokens": free_port()}
        for name, service in (("registry", self.registry(ports["registry"])), ("tokens", self.token_server(ports["tokens"]))):
            if not service.pid() and not is_free(ports[name]):
                ports[name] = free_port()
        users = self.state.get("users") or {
            "maintainer": {"password": secrets.token_hex(12), "actions": ["pull", "push", "delete"]},
            "reader": {"password": secrets.token_hex(12), "actions": ["pull"]}}
        folder = self.root / "registry"
        write(self.root / "tokens" / "users.json", users, mode=0o600)
        # The storage has no cache in memory: it would claim to have blobs that a test removed from the disk.
        write(folder / "config.yml", {  # JSON is YAML
            "version": "0.1",
            "log": {"level": "info"},
            "storage": {"filesystem": {"rootdirectory": f"{folder}/data"}, "delete": {"enabled": True}},
            "http": {"addr": f"127.0.0.1:{ports['registry']}", "secret": self.tag},
            "auth": {"token": {"realm": f"http://127.0.0.1:{ports['tokens']}/token", "service": "wasmx-test-registry",
                               "issuer": "wasmx-test-tokens", "rootcertbundle": f"{self.root}/tokens/cert.pem"}}})
        self.token_server(ports["tokens"]).ensure()
        self.registry(ports["registry"]).ensure()
        host = f"127.0.0.1:{ports['registry']}"
        for user, name in (("maintainer", "docker-config"), ("reader", "docker-config-reader")):
            auth = base64.b64encode(f"{user}:{users[user]['password']}".encode()).decode()
            write(self.root / name / "config.json", {"auths": {host: {"auth": auth}}}, mode=0o600)
        return {"ports": ports, "users": users, "registry": host, "token_server": f"http://127.0.0.1:{ports['tokens']}/token",
                "registry_data": f"{folder}/data", "docker_config": str(self.root / "docker-config"),
                "docker_config_reader": str(self.root / "docker-config-reader")}

    # --- all of it ---

    def up(self, engine: bool = False, any_engine: bool = False, containerd: bool = False, podman: bool = False,
           registry: bool = False, registry_port: int | None = None, base: bool = False, cache: Path | None = None,
           say: Callable[[str], None] = lambda line: None) -> dict:
        """Brings up what is asked for and is not up yet; returns the state, which is also in lab.json."""
        with self.lock():
            self.run.mkdir(parents=True, exist_ok=True)
            self.save(root=str(self.root), run=str(self.run))
            if registry:
                self.save(**self.up_registry(registry_port))
                say(f"registry    {self.state['registry']}")
            if engine or any_engine:
                found = self.find_engine() if any_engine else None
                self.save(docker_host=found or self.up_engine(), engine_is_ours=not found)
                say(f"engine      {self.state['docker_host']}")
            if containerd:
                self.save(containerd_host=self.up_containerd_store(cache or self.root / "cache"))
                say(f"containerd  {self.state['containerd_host']}")
            if podman:
                self.save(podman_host=self.up_podman())
                say(f"podman      {self.state['podman_host']}")
            if base:
                archive = base_image.ensure(cache or self.root / "cache")
                for host in map(self.state.get, ("docker_host", "containerd_host", "podman_host")):
                    if host:
                        load_base(Engine(host), archive)
                self.save(base_image=base_image.NAME, base_archive=str(archive))
                say(f"base image  {self.state['base_image']}")
        return self.state

    def down(self, say: Callable[[str], None] = lambda line: None) -> None:
        with self.lock():
            ports = self.state.get("ports", {"registry": 0, "tokens": 0})
            for service in (self.podman(), self.containerd_store(), self.dockerd(), self.registry(ports["registry"]), self.token_server(ports["tokens"])):
                if service.stop():
                    say(f"stopped {service.name}")
            for bridge in self.bridges.values():
                self.remove_bridge(bridge)
            if self.state_file.exists():
                self.state = {key: self.state[key] for key in ("ports", "users") if key in self.state}
                self.save()
            shutil.rmtree(self.run, ignore_errors=True)
            self.run.with_suffix(".lock").unlink(missing_ok=True)

    def environment(self) -> dict[str, str]:
        names = {"DOCKER_HOST": "docker_host", "DOCKER_CONFIG": "docker_config", "WASMX_LAB_ROOT": "root",
                 "WASMX_LAB_REGISTRY": "registry", "WASMX_LAB_PODMAN_HOST": "podman_host", "WASMX_LAB_CONTAINERD_HOST": "containerd_host", "WASMX_LAB_BASE_IMAGE": "base_image",
                 "WASMX_LAB_READER_CONFIG": "docker_config_reader"}
        return {name: self.state[key] for name, key in names.items() if key in self.state}


def service_host(service: Service) -> str:
    return next(argument.removeprefix("--host=") for argument in service.argv if "unix://" in argument)


def load_base(engine: Engine, archive: Path, name: str = base_image.NAME) -> None:
    def layers() -> list[str]:
        return (engine.image(name) or {}).get("RootFS", {}).get("Layers", [])

    wanted = [base_image.diff_id(archive)]
    if layers() != wanted:
        engine.load(archive)
    if layers() != wanted:
        raise LabError(f"{engine.host}: {archive} was loaded, and {name} is still not there")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    up, env, down = (commands.add_parser(name) for name in ("up", "env", "down"))
    for command in (up, env, down):
        command.add_argument("--root", required=True, metavar="DIR")
    which = up.add_mutually_exclusive_group()
    which.add_argument("--engine", action="store_true", help="a dockerd of the lab's own")
    which.add_argument("--any-engine", action="store_true", help="the one that answers at DOCKER_HOST or /var/run/docker.sock, "
                       "which is left alone but for the base image; a dockerd of the lab's own where none does")
    up.add_argument("--containerd", action="store_true", help="a newer dockerd, with containerd's store, from a Debian of its own")
    up.add_argument("--podman", action="store_true")
    up.add_argument("--registry", action="store_true")
    up.add_argument("--registry-port", type=int, metavar="N", help="for the first time, if it is free; then it stays")
    up.add_argument("--base", action="store_true", help=f"load {base_image.NAME} into the engines")
    up.add_argument("--cache", type=Path, metavar="DIR", help="where the base image, and the newer Debian, are kept; default: DIR/cache")
    options = parser.parse_args()
    lab = Lab(options.root)
    try:
        match options.command:
            case "up":
                lab.up(options.engine, options.any_engine, options.containerd, options.podman, options.registry, options.registry_port,
                       options.base, options.cache, say=print)
            case "env":
                if not lab.environment():
                    raise LabError(f"nothing is up in {lab.root}")
                for name, value in lab.environment().items():
                    print(f"export {name}={shlex.quote(value)}")
            case "down":
                lab.down(say=print)
    except (LabError, EngineError, base_image.BaseImageError) as failure:
        sys.exit(f"lab: {failure}")


if __name__ == "__main__":
    main()
