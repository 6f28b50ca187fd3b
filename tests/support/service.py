# SPDX-License-Identifier: Apache-2.0
"""Daemons that a test starts, waits for, recognises again and stops, and the ports and files these need."""
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTAINED = str(Path(__file__).resolve().parent / "contained")


class LabError(Exception):
    pass


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections of the last time may still linger
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port() -> int:
    """Below the range that the kernel takes for outgoing connections, since the lab wants the same port again."""
    candidates = (secrets.choice(range(20000, 30000)) for _ in range(100))
    port = next(filter(is_free, candidates), None)
    if port is None:
        raise LabError("no free port between 20000 and 30000")
    return port


def http_status(url: str) -> int:
    """0 when nothing answers."""
    try:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=3) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def write(path: Path, content: str | dict, mode: int = 0o644) -> None:
    """In one step: a reader sees the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as draft:
        draft.write(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n")
    os.chmod(draft.name, mode)
    os.replace(draft.name, path)


@dataclass
class Service:
    """A daemon of the lab. Its folder holds its data and occurs in its command line, which is how it is recognised."""
    name: str
    folder: Path
    pid_file: Path
    argv: list[str] = field(default_factory=list)
    ready: Callable[[], bool] = lambda: True
    environment: dict[str, str] = field(default_factory=dict)
    patience: float = 60

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def pid(self) -> int | None:
        """The process if it runs: the number alone could by now be anybody's, or a zombie's."""
        try:
            pid = int(self.pid_file.read_text())
            command_line = Path(f"/proc/{pid}/cmdline").read_bytes()
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return None
        return pid if state not in "ZX" and os.fsencode(self.folder) in command_line else None

    def ensure(self) -> bool:
        """False if it ran already."""
        if self.pid() and self.folder.exists():
            self.wait_until_ready()
            return False
        self.stop()  # a daemon whose data was deleted under it is of no use
        self.folder.mkdir(parents=True, exist_ok=True)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            try:
                process = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                                           env={"PATH": PATH, "HOME": str(self.folder), **self.environment})
            except OSError as error:
                raise LabError(f"{self.name}: {error}; `scripts/deps` installs what is missing") from error
        write(self.pid_file, f"{process.pid}\n")
        self.wait_until_ready(process)
        return True

    def wait_until_ready(self, process: subprocess.Popen | None = None) -> None:
        deadline = time.monotonic() + self.patience
        while not self.ready():
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > deadline:
                why = f"ended with status {process.returncode}" if ended else f"is not ready after {self.patience:.0f} s"
                tail = self.log.read_text(errors="replace").splitlines()[-20:] if self.log.exists() else []
                self.stop()
                raise LabError("\n".join([f"{self.name} {why}; the end of {self.log}:", *tail]))
            time.sleep(0.05)

    def stop(self) -> bool:
        """False if it did not run. An engine gets time to stop its containers."""
        pid = self.pid()
        if pid:
            for number, patience in ((signal.SIGTERM, 20), (signal.SIGKILL, 10)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.signal_target(pid), number)
                deadline = time.monotonic() + patience
                while self.pid() and time.monotonic() < deadline:
                    time.sleep(0.02)
        self.pid_file.unlink(missing_ok=True)
        return pid is not None

    def signal_target(self, pid: int) -> int:
        """Of what is contained only a waiting `unshare` is outside; its child is the one to talk to."""
        if self.argv[0] == CONTAINED:
            with contextlib.suppress(OSError, IndexError, ValueError):
                return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return pid
