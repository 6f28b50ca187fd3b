# SPDX-License-Identifier: Apache-2.0
"""A registry without authentication that holds its images in memory, for images that no engine would make and for answers that
no registry gives on demand."""
import gzip
import hashlib
import io
import json
import ssl
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def member(name: str, content: bytes | str = b"", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    content = content.encode() if isinstance(content, str) else content
    info.size, info.type, info.linkname, info.mode = len(content), kind, link, mode
    return info, content


def layer_of(*members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


class MemoryRegistry:
    """`fault(request, digest, data)` may answer a GET of a blob itself, and then returns True."""

    def __init__(self, tls: ssl.SSLContext | None = None):
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.fault = None
        self.sent: dict[str, int] = {}
        self.asked: dict[str, int] = {}  # how often
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status: int, body: bytes = b"", **headers):
                self.send_response(status)
                for name, value in ({"Content_Length": len(body)} | headers).items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def do_GET(self):
                kind, key = ("", "") if self.path == "/v2/" else self.path.rsplit("/", 2)[1:]
                if kind == "manifests" and key in registry.manifests:
                    body = registry.manifests[key]
                    return self.answer(200, body, Content_Type=json.loads(body)["mediaType"], Docker_Content_Digest=digest_of(body))
                if kind == "blobs" and key in registry.blobs:
                    data = registry.blobs[key]
                    registry.asked[key] = registry.asked.get(key, 0) + 1
                    if registry.fault and registry.fault(self, key, data):
                        self.close_connection = True
                        return None
                    registry.sent[key] = registry.sent.get(key, 0) + len(data)
                    return self.answer(200, data)
                return self.answer(200 if self.path == "/v2/" else 404)

            do_HEAD = do_GET

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):  # a client that has what it wants goes away
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.host = "127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def blob(self, data: bytes, media_type: str) -> dict:
        self.blobs[digest_of(data)] = data
        return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

    def image(self, tag: str, layers: list[bytes], architecture: str = "arm64", annotations: dict | None = None,
              blobs: list[bytes] | None = None, diff_ids: list[str] | None = None) -> str:
        """Its name; `layers` are tar files, or what claims to be. `blobs` and `diff_ids` stand in for what would be made of them."""
        diff_ids = diff_ids or [digest_of(layer) for layer in layers]
        blobs = blobs or [gzip.compress(layer, 1, mtime=0) for layer in layers]
        config = {"os": "linux", "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": self.blob(json.dumps(config).encode(), CONFIG),
                    "layers": [self.blob(blob, LAYER) for blob in blobs], "annotations": annotations or {}}
        data = json.dumps(manifest).encode()
        self.manifests[tag] = self.manifests[digest_of(data)] = data
        return f"{self.host}/kong/x:{tag}"

    def layers(self, tag: str) -> list[str]:
        return [layer["digest"] for layer in json.loads(self.manifests[tag])["layers"]]
