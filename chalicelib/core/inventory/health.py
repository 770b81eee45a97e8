"""What a check found of a server: kept on it, and an alert while the server is not well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Update, Write
from chalicelib.core.alerts import raising
from chalicelib.core.alerts.model import Severity
from chalicelib.core.alerts.raising import Trouble
from chalicelib.core.inventory import servers
from chalicelib.core.inventory.servers import Server
from chalicelib.kernel import clock

UNHEALTHY = "server.unhealthy"
RECOVERED = "A check found it healthy again."
_TRIES = 8


@dataclass(frozen=True)
class Finding:
    """``figures`` as the host gave them, or ``problem``: why it gave none. ``at``: when it was looked at;
    ``address``: where, as (host name, port)."""

    at: str
    address: tuple[str, int]
    figures: dict[str, Any] | None = None
    problem: str | None = None

    @property
    def status(self) -> str:
        return "unhealthy" if self.figures is None else "healthy"


def record(scope: str, server_id: int, found: Finding) -> Server:
    """Keeps it, with the alert raised or cleared in the same transaction. A finding that is older, or is of
    where the server was before it was moved, changes nothing.

    Raises NotFound.
    """
    for _ in range(_TRIES):
        server = servers.get(server_id)
        if server.last_health_check and server.last_health_check >= found.at:
            return server
        if found.address != server.address:
            return server
        try:
            table.write([_keeping(server, found), *_alert(scope, server, found)])
        except ConditionFailed:
            continue  # another check, or a change of the server, came in between
        if found.figures and server.host_key is None:
            servers.pin_host_key(server_id, found.address, found.figures["host_key"])
        return servers.get(server_id)
    return servers.get(server_id)


def _keeping(server: Server, found: Finding) -> Update:
    kept = found.figures if found.figures is not None else {"message": found.problem}
    actions = [
        Server.health_status.set(found.status),
        Server.last_health_check.set(found.at),
        Server.health.set(kept),
    ]
    known = server.last_health_check
    same = Server.last_health_check == known if known else Server.last_health_check.does_not_exist()
    return Update(server, actions, same & table.present())


def _alert(scope: str, server: Server, found: Finding) -> list[Write]:
    """Nothing when it is as it was."""
    subject = servers.subject(int(server.id))
    alert = raising.find_open(subject, UNHEALTHY)
    if found.status == "healthy":
        return [] if alert is None else raising.clearing(alert, RECOVERED)
    if alert is not None:
        return []
    trouble = Trouble(
        scope,
        subject,
        server.name,
        UNHEALTHY,
        Severity.CRITICAL,
        found.problem or "The check failed.",
        {"server_id": int(server.id), "hostname": server.hostname, "port": int(server.port)},
    )
    return raising.raising(trouble)


def now(server: Server, *, figures: dict[str, Any] | None = None, problem: str | None = None) -> Finding:
    """Found at this moment, where ``server`` says that it is."""
    return Finding(clock.iso_now(), server.address, figures, problem)


def forget(server_id: int) -> None:
    """For a server that was deleted: what was open is over."""
    raising.clear_all(servers.subject(server_id), "The server was deleted.")
