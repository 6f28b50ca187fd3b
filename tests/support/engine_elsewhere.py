# SPDX-License-Identifier: Apache-2.0
"""An engine that says to have other memory than this machine: as one on another machine, whose socket is forwarded."""
import re
import socket
import threading
from pathlib import Path


class EngineElsewhere:
    def __init__(self, host: str, path: Path):
        self.target, self.host = host.removeprefix("unix://"), f"unix://{path}"
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
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(self.target)
            for ends in ((client, engine, False), (engine, client, True)):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    @staticmethod
    def pass_on(source: socket.socket, end: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65536):
                if is_answer:  # a number of as many digits
                    data = re.sub(rb'("MemTotal":)(\d)(\d+)', lambda m: m[1] + (b"8" if m[2] == b"9" else b"9") + m[3], data)
                end.sendall(data)
            end.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            end.close()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
