"""Real parts that tests need on this machine, and what had to be left out for want of them."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

# Debian package: a program of it that tests start.
PROGRAMS = {
    "openssh-server": "/usr/sbin/sshd",
    "openssh-client": "ssh-keygen",
    "fish": "fish",
    "tcsh": "tcsh",
    "busybox": "busybox",
    "vim-tiny": "vi",
    "procps": "top",
    "docker.io": "dockerd",
    "etcd-server": "etcd",
    "pebble": "pebble",
    "pebble-challtestsrv": "pebble-challtestsrv",
}

LEFT_OUT: set[str] = set()


def require(part: str) -> str:
    """The path of the part's program. Skips the test by the part's name, or fails it where CI is set."""
    found = shutil.which(PROGRAMS[part])
    if found:
        return found
    return leave_out(part, f"{part} is not installed")


def require_root() -> None:
    """Some tests make throw-away users, which only root may."""
    if os.geteuid() != 0:
        leave_out("root", "not root, so no throw-away users can be made")


def leave_out(part: str, reason: str) -> NoReturn:
    LEFT_OUT.add(part)
    if os.environ.get("CI"):
        pytest.fail(f"left out: {reason}", pytrace=False)
    pytest.skip(f"left out: {reason}")
