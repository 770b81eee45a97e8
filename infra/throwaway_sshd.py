"""An OpenSSH server on loopback for as long as a ``with`` block runs: keys of its own, key log-in only."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.parts import find_program

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {directory}/host
AuthorizedKeysFile {directory}/user.pub
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AllowUsers {username}
"""


class SshdProblem(Exception):
    """It does not start; the message holds what sshd said."""


@dataclass(frozen=True)
class Sshd:
    port: int
    username: str
    private_key: str


@contextmanager
def throwaway_sshd() -> Iterator[Sshd]:
    with tempfile.TemporaryDirectory(prefix="quarterdeck-demo-") as name:
        directory = Path(name)
        for key in ("host", "user"):
            _run(
                "ssh-keygen",
                "-q",
                "-t",
                "ed25519",
                "-N",
                "",
                "-C",
                "quarterdeck-demo",
                "-f",
                str(directory / key),
            )
        port, username = _free_port(), getpass.getuser()
        config = directory / "sshd_config"
        config.write_text(CONFIG.format(port=port, directory=directory, username=username))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd wants it when root starts it
        errors = directory / "log"
        with errors.open("wb") as stream:
            process = subprocess.Popen(
                [find_program("sshd") or "sshd", "-D", "-e", "-f", str(config)], stdout=stream, stderr=stream
            )
        try:
            _wait_for(port, process, errors)
            yield Sshd(port, username, (directory / "user").read_text())
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], errors: Path) -> None:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
        else:
            return
    raise SshdProblem(f"sshd does not start: {errors.read_text(errors='replace').strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
