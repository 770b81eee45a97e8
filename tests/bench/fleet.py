"""A hundred real SSH hosts on one machine: every address of 127.0.0.0/8 is a host of its own to a client."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import paramiko

from tests.support.sshd import Sshd

THREADS = 32
ANSIBLE = str(Path(sys.executable).with_name("ansible"))
SCRIPT = "echo hello"


@dataclass(frozen=True)
class Fleet:
    port: int
    username: str
    private_key: str

    @staticmethod
    def hosts(number: int, network: int) -> list[str]:
        """Addresses that no other ``network`` has, so that nobody has a connection to them yet."""
        return [f"127.{network}.{position // 250}.{position % 250 + 1}" for position in range(number)]

    def by_paramiko(self, hosts: list[str]) -> None:
        """The script on all of them, as somebody would write it who wants it done."""
        key = paramiko.Ed25519Key.from_private_key(StringIO(self.private_key))
        with ThreadPoolExecutor(THREADS) as threads:
            outputs = list(threads.map(lambda host: self._one(host, key), hosts))
        if outputs != ["hello\n"] * len(hosts):
            raise RuntimeError("paramiko did not get every host's answer")

    def _one(self, host: str, key: paramiko.PKey) -> str:
        with paramiko.SSHClient() as client:
            client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
            client.connect(
                host,
                port=self.port,
                username=self.username,
                pkey=key,
                allow_agent=False,
                look_for_keys=False,
                banner_timeout=60,
                auth_timeout=60,
            )
            _, stdout, _ = client.exec_command(SCRIPT)
            text = stdout.read().decode()
            stdout.channel.recv_exit_status()
            return text

    def by_ansible(self, hosts: list[str]) -> None:
        """``ansible -m raw -f 32``, with its own defaults but for the questions that it may not ask."""
        with tempfile.TemporaryDirectory(prefix="qa-") as name:
            home = Path(name)
            self._write_inventory(home, hosts)
            done = subprocess.run(
                [
                    str(Path(sys.executable).with_name("ansible")),
                    "all",
                    "-i",
                    "hosts",
                    "-m",
                    "raw",
                    "-a",
                    SCRIPT,
                    "-f",
                    str(THREADS),
                    "-o",
                ],
                cwd=home,
                env=os.environ | {"HOME": name, "ANSIBLE_HOST_KEY_CHECKING": "False", "LC_ALL": "C.UTF-8"},
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            answered = sum("hello" in line for line in done.stdout.splitlines())
            if done.returncode or answered != len(hosts):
                raise RuntimeError(f"ansible: {answered} of {len(hosts)} answered: {done.stderr[-600:]}")

    def _write_inventory(self, home: Path, hosts: list[str]) -> None:
        key = home / "key"
        key.write_text(self.private_key)
        key.chmod(0o600)
        options = f"ansible_port={self.port} ansible_user={self.username} ansible_ssh_private_key_file={key}"
        (home / "hosts").write_text("".join(f"{host} {options}\n" for host in hosts))


@contextmanager
def fleet(*, own_shell: bool = False) -> Iterator[Fleet]:
    """``own_shell``: log-ins read the account's start-up files, as they do on a host of somebody's; else
    bash takes itself for an inner shell and starts at once."""
    with Sshd(environment={"SHLVL": "0"} if own_shell else None) as sshd:
        key = sshd.authorized_key()
        yield Fleet(sshd.port, sshd.username, key.private)
