"""A host's own figures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.kernel.errors import TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh.health import check_health
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login
from tests.support.ports import free_port
from tests.support.sshd import Sshd

pytestmark = pytest.mark.targets

Check = Callable[[], None]


def test_the_figures_are_the_hosts(pool: ConnectionPool, login: Login, sshd: Sshd) -> None:
    health = check_health(pool, login)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    disk = os.statvfs("/")
    used = (disk.f_blocks - disk.f_bfree) / (disk.f_blocks - disk.f_bfree + disk.f_bavail) * 100
    assert health.uptime_seconds == pytest.approx(uptime, abs=3)
    assert health.load_1min == pytest.approx(os.getloadavg()[0], abs=3)
    assert health.disk_usage == pytest.approx(used, abs=2)
    assert health.memory_usage is not None
    assert 0 < health.memory_usage < 100
    assert health.system == f"{os.uname().sysname} {os.uname().release}"
    assert health.host_key == sshd.host_key


def test_a_check_uses_the_kept_connection(pool: ConnectionPool, login: Login) -> None:
    check_health(pool, login)
    check_health(pool, login)
    assert len(pool) == 1


def test_a_host_that_is_not_there_is_an_error(pool: ConnectionPool, login: Login) -> None:
    with pytest.raises(TransientTargetError, match="refused the connection"):
        check_health(pool, login.model_copy(update={"port": free_port()}))


def test_a_host_that_does_not_answer_in_time_is_an_error(pool: ConnectionPool) -> None:
    with Sshd(extra="ForceCommand sleep 60") as sshd:
        key = Secret(sshd.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=key)
        with pytest.raises(TransientTargetError, match=r"did not tell its health within 0\.5 seconds"):
            check_health(pool, login, timeout_seconds=0.5)
