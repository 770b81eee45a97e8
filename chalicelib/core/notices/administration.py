"""The operator's command about webhooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.core.audit import SYSTEM
from chalicelib.core.notices import hooks
from chalicelib.kernel.secrets import Secret


class SetWebhook(BaseModel):
    """Where a surface's events are sent, signed when there is a secret. ``url`` None: nowhere."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["set_webhook"]
    surface: Literal["engine"]
    url: Annotated[str, Field(max_length=2000, pattern=r"^https?://[!-~]+$")] | None
    secret: Secret | None = None


def set_webhook(command: SetWebhook) -> dict[str, Any]:
    if command.url is None:
        hooks.remove(SYSTEM, command.surface)
    else:
        hooks.ensure(SYSTEM, command.surface, command.url, command.secret)
    return {"surface": command.surface, "url": command.url, "signed": command.secret is not None}


COMMANDS: dict[type[BaseModel], Callable[[Any], dict[str, Any]]] = {SetWebhook: set_webhook}
