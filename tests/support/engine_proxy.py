# SPDX-License-Identifier: Apache-2.0
"""An engine's socket, passed on: what a client sends and what the engine answers may be looked at, or be changed."""
import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

Change = Callable[[bytes], bytes]


def unchanged(data: bytes) -> bytes:
    return data


class EngineProxy:
    def __init__(self, host: str, path: Path, *, sent: Change = unchanged, answered: Change = unchanged):
        self.target, self.host, self.sent, self.answered = host.removeprefix("unix://"), f"unix://{path}", sent, answered
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
            back = threading.Thread(target=self.pass_on, args=(engine, client, self.answered), daemon=True)
            back.start()
            self.pass_on(client, engine, self.sent)
            back.join()

    @staticmethod
    def pass_on(source: socket.socket, end: socket.socket, change: Change) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                end.sendall(change(data))
        for side in (source, end):  # the other direction ends with this one
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
