"""The real parts that tests talk to beside what pip installs, and getting those that are not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SYSTEM_PATHS = ("/usr/sbin", "/usr/local/sbin", "/sbin")


@dataclass(frozen=True)
class Part:
    name: str
    program: str
    package: str  # Debian's

    @property
    def needs(self) -> str:
        return f"the program {self.program} is not installed (Debian: apt-get install {self.package})"

    def is_there(self) -> bool:
        return find_program(self.program) is not None


SSHD = Part("openssh-server", "sshd", "openssh-server")
SSH_KEYGEN = Part("openssh-client", "ssh-keygen", "openssh-client")
DEMO = (SSHD, SSH_KEYGEN)
PARTS = (
    *DEMO,
    # Log-in shells that scripts must run under the same way, whatever the account's own is.
    Part("fish", "fish", "fish"),
    Part("tcsh", "tcsh", "tcsh"),
    # The static one: it makes images that need nothing else, too.
    Part("busybox", "busybox", "busybox-static"),
    # Full-screen programs, for terminals.
    Part("vim-tiny", "vi", "vim-tiny"),
    Part("procps", "top", "procps"),
    # A certificate authority for tests, with its name server.
    Part("pebble", "pebble", "pebble"),
    # What a Kubernetes of our own runs on; the rest is built: see infra/kubernetes.py.
    Part("docker.io", "dockerd", "docker.io"),
    Part("etcd-server", "etcd", "etcd-server"),
    Part("openssl", "openssl", "openssl"),
    Part("curl", "curl", "curl"),
    Part("conntrack", "conntrack", "conntrack"),
    Part("iptables", "iptables", "iptables"),
    Part("iproute2", "ip", "iproute2"),
)


def find_program(name: str) -> str | None:
    """Also where only root's PATH looks: servers stand in sbin."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SYSTEM_PATHS])
    return shutil.which(name, path=path)


def provide() -> list[Part]:
    """Install what is missing, where that is ours to do (Debian, root); what is missing still."""
    missing = [part for part in PARTS if not part.is_there()]
    if missing and can_install():
        install([part.package for part in missing])
    return [part for part in missing if not part.is_there()]


def can_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and find_program("apt-get") is not None


def install(packages: list[str]) -> bool:
    """By apt-get, with a fresh list of packages if the one that is there does not have them."""
    print(f"Installing {', '.join(packages)} with apt-get", flush=True)
    return _apt("install", *packages) or (_apt("update") and _apt("install", *packages))


def _apt(verb: str, *packages: str) -> bool:
    command = ["apt-get", "-qq", "-y", "--no-install-recommends", verb, *packages]
    # No service is started by the installation: tests start their own on loopback.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"apt-get {verb} did not work: {done.stderr.strip()[-500:]}", flush=True)
    return done.returncode == 0
