# SPDX-License-Identifier: Apache-2.0
"""As much of the Docker Engine API as the tests need to prepare an engine, over a unix socket or plain TCP."""
import http.client
import json
import socket
import urllib.parse
from pathlib import Path


class EngineError(Exception):
    pass


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self, host: str):
        """host: `unix:///path` or `tcp://name:port`, as in DOCKER_HOST."""
        self.host = host
        self.url = urllib.parse.urlsplit(host)
        if self.url.scheme not in ("unix", "tcp"):
            raise EngineError(f"{host}: only unix:// and tcp:// engines can be prepared")

    def request(self, method: str, path: str, body=None, headers: dict | None = None, timeout: float = 600) -> tuple[int, bytes]:
        connection = (_UnixConnection(self.url.path, timeout) if self.url.scheme == "unix" else
                      http.client.HTTPConnection(self.url.hostname, self.url.port or 2375, timeout=timeout))
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"{self.host}: {method} {path}: {error}") from error
        finally:
            connection.close()

    def answers(self) -> bool:
        try:
            return self.request("GET", "/_ping", timeout=3)[0] == 200
        except EngineError:
            return False

    def image(self, reference: str) -> dict | None:
        status, body = self.request("GET", f"/images/{reference}/json")
        return json.loads(body) if status == 200 else None

    def load(self, archive: Path) -> None:
        """Errors come inside a 200 (docker) or with a status of their own (podman)."""
        with archive.open("rb") as body:
            status, answer = self.request("POST", "/images/load?quiet=1", body, {
                "Content-Type": "application/x-tar", "Content-Length": str(archive.stat().st_size)})
        if status != 200 or b'"error' in answer:
            raise EngineError(f"{self.host}: loading {archive}: {answer.decode(errors='replace').strip()}")
