"""How a host feels, by its own figures."""

from __future__ import annotations

import secrets
import time

import paramiko

from chalicelib.targets.ssh import failures, programs
from chalicelib.targets.ssh.answer import ask
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import HostHealth, Login


def check_health(pool: ConnectionPool, login: Login, timeout_seconds: float = 10) -> HostHealth:
    """``timeout_seconds`` is for the answer; connecting has the pool's own limit. Raises TargetError."""
    nonce = secrets.token_hex(16)
    with pool.session(login) as lease:
        try:
            lines = ask(
                lease.session,
                programs.with_parameters(programs.HEALTH, nonce),
                nonce,
                last=(f"{nonce} end",),
                deadline=time.monotonic() + timeout_seconds,
            )
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise failures.lost(login, started=False) from error
        if not lines:
            raise failures.no_health(login, timeout_seconds)
        return read_health(lines[1:-1], lease.host_key)


def read_health(lines: list[str], host_key: str) -> HostHealth:
    """``lines`` are "name value…" as the program prints them; figures that do not parse are left out."""
    values = {name: rest.split() for name, _, rest in (line.partition(" ") for line in lines)}
    uptime = _number(values.get("uptime"))
    total, available = _number(values.get("MemTotal:")), _number(values.get("MemAvailable:"))
    used, free = _number(values.get("disk")), _number(values.get("disk", [])[1:])
    return HostHealth(
        uptime_seconds=None if uptime is None else int(uptime),
        load_1min=_number(values.get("load")),
        disk_usage=None if used is None or free is None else _percent(used, used + free),
        memory_usage=None if total is None or available is None else _percent(total - available, total),
        host_key=host_key,
        system=" ".join(values.get("system", [])) or None,
    )


def _number(words: list[str] | None) -> float | None:
    try:
        return float(words[0]) if words else None
    except ValueError:
        return None


def _percent(part: float, whole: float) -> float | None:
    return round(100 * part / whole, 1) if whole > 0 else None
