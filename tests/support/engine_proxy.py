# SPDX-License-Identifier: Apache-2.0
"""An engine's socket, passed on: `before(data)` is called with what a client sends, before the engine gets it."""
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path


class EngineProxy:
    def __init__(self, host: str, path: Path, before: Callable[[bytes], None]):
        self.target, self.host, self.before = host.removeprefix("unix://"), f"unix://{path}", before
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self.target)
            back = threading.Thread(target=self.pass_on, args=(engine, client, lambda data: None), daemon=True)
            back.start()
            self.pass_on(client, engine, self.before)
            back.join()

    @staticmethod
    def pass_on(source: socket.socket, end: socket.socket, before: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                before(data)
                end.sendall(data)
        for side in (source, end):  # the other direction ends with this one
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
