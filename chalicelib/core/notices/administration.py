"""The operator's commands about word to the outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.core import outgoing
from chalicelib.core.audit import SYSTEM
from chalicelib.core.notices import deliveries, hooks
from chalicelib.core.notices.deliveries import Filters
from chalicelib.core.notices.model import Notice
from chalicelib.kernel.errors import BadRequest
from chalicelib.kernel.secrets import Secret


class SetWebhook(BaseModel):
    """Where a surface's events are sent, signed when there is a secret. ``url`` None: nowhere."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["set_webhook"]
    surface: Literal["engine"]
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[!-~]+$")] | None
    secret: Secret | None = None


class ListDeliveries(BaseModel):
    """The newest of these surfaces together."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["list_deliveries"]
    surfaces: list[str]
    limit: Annotated[int, Field(ge=1, le=1000)] = 20


def set_webhook(command: SetWebhook) -> dict[str, Any]:
    """Raises BadRequest for an address that nothing would be sent to."""
    if command.url is None:
        hooks.remove(SYSTEM, command.surface)
    else:
        _check(command.url)
        hooks.ensure(SYSTEM, command.surface, command.url, command.secret)
    return {"surface": command.surface, "url": command.url, "signed": command.secret is not None}


def _check(url: str) -> None:
    try:
        outgoing.check(url)
    except outgoing.Refused as error:
        words = f"The webhook's URL {error}. Correct it, or leave it empty for nobody to be told."
        raise BadRequest(words) from error


def list_deliveries(command: ListDeliveries) -> dict[str, Any]:
    found = [one for name in command.surfaces for one in deliveries.listed(Filters(name), command.limit)]
    newest = sorted(found, key=deliveries.place, reverse=True)[: command.limit]
    return {"deliveries": [_shown(one) for one in newest]}


def _shown(notice: Notice) -> dict[str, Any]:
    """``error`` is that of the last attempt. Of receivers no more is shown than tells which they are."""
    to = [outgoing.shown(notice.url)] if notice.url else [_masked(one) for one in notice.to or ()]
    names = ("created_at", "surface", "event", "channel")
    error = notice.history[-1]["error"] if notice.history else None
    told = {"to": to, "status": notice.state, "attempts": int(notice.attempts), "error": error}
    return {name: getattr(notice, name) for name in names} | told


def _masked(address: str) -> str:
    """``a…@example.com``."""
    name, _, host = address.rpartition("@")
    return f"{name[:1]}…@{host}"


COMMANDS: dict[type[BaseModel], Callable[[Any], dict[str, Any]]] = {
    SetWebhook: set_webhook,
    ListDeliveries: list_deliveries,
}
