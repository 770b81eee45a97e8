"""A real OpenSSH server on loopback, for tests.

Every address of 127.0.0.0/8 is a host of its own to a client, so one server is a fleet. It lets nobody in
from anywhere else.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.parts import require, require_root
from tests.support.ports import free_port

_CONFIG = """\
Port {port}
ListenAddress 0.0.0.0
HostKey {host_key}
PidFile none
AuthorizedKeysFile {directory}/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication {password}
KbdInteractiveAuthentication no
PubkeyAcceptedAlgorithms +ssh-rsa
MaxStartups 500:30:1000
MaxSessions {max_sessions}
MaxAuthTries 20
UseDNS no
PrintMotd no
PrintLastLog no
SetEnv {environment}
{extra}
Match Address *,!127.0.0.0/8
  DenyUsers *
"""


@dataclass(frozen=True)
class KeyPair:
    private: str
    public: str
    passphrase: str | None


class Sshd:
    """Started by ``start``, ended by ``stop``; a context manager does both."""

    def __init__(
        self,
        *,
        max_sessions: int = 500,
        password: bool = False,
        environment: dict[str, str] | None = None,
        extra: str = "",
    ) -> None:
        """``environment`` is set for every session; ``extra`` is more of sshd_config.

        SHLVL=1 keeps bash from reading the start-up file of whoever runs the tests, which on a developer's
        machine can take longer than the log-in: pass another value to have it read.
        """
        self._program = require("openssh-server")
        require("openssh-client")
        self._max_sessions = max_sessions
        self._password = password
        self._extra = extra
        self._environment = {"SHLVL": "1", **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        # Not in pytest's directories: another user's log-in must be able to read authorized_keys.
        self.directory = Path(tempfile.mkdtemp(prefix="quarterdeck-sshd-"))
        self.directory.chmod(0o755)
        (self.directory / "authorized_keys").touch(mode=0o644)
        self.port = free_port()
        self.username = getpass.getuser()
        self.new_host_key()

    def __enter__(self) -> Sshd:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ------------------------------------------------------------------ keys

    def new_host_key(self, kind: str = "ed25519") -> str:
        """Makes the key that the next start shows; its public half."""
        pair = self.key_pair(kind)
        path = self.directory / "host_key"
        path.write_text(pair.private)
        path.chmod(0o600)
        self.host_key = " ".join(pair.public.split()[:2])
        return self.host_key

    def key_pair(self, kind: str = "ed25519", passphrase: str | None = None, *options: str) -> KeyPair:
        """A new pair that opens nothing yet. ``options`` go to ssh-keygen, such as ``-m PEM``."""
        path = self.directory / secrets.token_hex(8)
        subprocess.run(
            ["ssh-keygen", "-q", "-t", kind, "-N", passphrase or "", "-C", "test", "-f", str(path), *options],
            check=True,
        )
        public_path = path.with_suffix(".pub")
        private, public = path.read_text(), public_path.read_text().strip()
        path.unlink()
        public_path.unlink()
        return KeyPair(private, public, passphrase)

    def authorized_key(self, kind: str = "ed25519", passphrase: str | None = None, *options: str) -> KeyPair:
        """A new pair that opens the door, for every user."""
        pair = self.key_pair(kind, passphrase, *options)
        with (self.directory / "authorized_keys").open("a") as keys:
            keys.write(f"{pair.public}\n")
        return pair

    # ------------------------------------------------------------------ life

    def start(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)
        (self.directory / "config").write_text(
            _CONFIG.format(
                port=self.port,
                directory=self.directory,
                host_key=self.directory / "host_key",
                password="yes" if self._password else "no",
                max_sessions=self._max_sessions,
                environment=" ".join(f'{name}="{value}"' for name, value in self._environment.items()),
                extra=self._extra,
            )
        )
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-D", "-e", "-f", str(self.directory / "config")],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as probe:
                if probe.recv(4) == b"SSH-":
                    return
            time.sleep(0.02)
        raise RuntimeError(f"sshd does not listen: {(self.directory / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End the listener and every connection of it."""
        self.drop_connections()
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None
        self.drop_connections()

    def restart(self, *, new_host_key: bool = False) -> None:
        self.stop()
        if new_host_key:
            self.new_host_key()
        self.start()

    def drop_connections(self) -> None:
        """Kill what serves the connections, as a crash would; the listener lives on."""
        for pid in self.connection_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def connection_pids(self) -> list[int]:
        """sshd's processes behind the listener, found from our own child downward."""
        return [] if self._process is None else _sshd_children(self._process.pid)


def _sshd_children(parent: int) -> list[int]:
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except FileNotFoundError:
        return []
    found: list[int] = []
    for child in map(int, children):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text().startswith("sshd"):
                found += [child, *_sshd_children(child)]
    return found


@dataclass(frozen=True)
class SystemUser:
    name: str
    password: str
    home: Path


@contextlib.contextmanager
def system_user(shell: str = "/bin/sh") -> Iterator[SystemUser]:
    """A throw-away account of this machine; needs root."""
    require_root()
    name, password = f"qd{secrets.token_hex(4)}", secrets.token_urlsafe(12)
    home = Path(tempfile.mkdtemp(prefix="quarterdeck-home-"))
    subprocess.run(["useradd", "-M", "-d", str(home), "-s", shell, name], check=True)
    try:
        shutil.chown(home, name)
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n".encode(), check=True)
        yield SystemUser(name, password, home)
    finally:
        # Forced: where nobody buries zombies, the account would count as in use.
        subprocess.run(["userdel", "--force", name], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)
