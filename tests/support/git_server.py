# SPDX-License-Identifier: Apache-2.0
"""A git server as real ones are: `git http-backend` behind HTTP, over a folder of bare repositories."""
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from service import PATH


class GitServer:
    """`requests` has the paths that were asked for. While `held` is set to a part of a path, its packs are not given out;
    `is_held` says that one waits."""

    def __init__(self, folder: Path, address: str):
        self.folder = folder
        self.requests: list[str] = []
        self.held = ""
        self.is_held = threading.Event()
        self.release = threading.Event()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.answer(self)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer((address, 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://{address}:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path, _, query = handler.path.partition("?")
        self.requests.append(path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if self.held and self.held in path and b"command=fetch" in body:
            self.is_held.set()
            self.release.wait(60)
        # RFC 3875; git-http-backend(1)
        environment = {
            "PATH": PATH, "GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
            "REQUEST_METHOD": handler.command, "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": handler.client_address[0],
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""), "GIT_PROTOCOL": handler.headers.get("Git-Protocol", "")}
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        status = next((value for name, value in fields if name == "Status"), "200 OK")
        try:
            handler.send_response(int(status.split()[0]))
            for name, value in fields:
                if name != "Status":
                    handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
        except OSError:
            pass  # nobody is there any more

    def stop(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()
