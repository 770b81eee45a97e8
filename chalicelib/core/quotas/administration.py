"""The operator's command about quotas."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.core.audit import SYSTEM
from chalicelib.core.identity import users
from chalicelib.core.quotas import keeping
from chalicelib.core.quotas.model import MIB
from chalicelib.kernel.errors import NotFound

Most = Annotated[int, Field(ge=0, le=10**9)] | None


class SetQuota(BaseModel):
    """A user's own limits; what is left out is as the settings have it."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["set_quota"]
    username: str
    apps: Most = None
    replicas: Most = None
    cpu_millicores: Most = None
    memory_mib: Most = None


def set_quota(command: SetQuota) -> dict[str, Any]:
    user = users.find_by_username(command.username)
    if user is None:
        raise NotFound(f"There is no user '{command.username}'.")
    memory = None if command.memory_mib is None else command.memory_mib * MIB
    given = {
        "apps": command.apps,
        "replicas": command.replicas,
        "cpu": command.cpu_millicores,
        "memory": memory,
    }
    return {"username": user.username, "quota": keeping.allow(SYSTEM, int(user.id), given).shown()}


COMMANDS: dict[type[BaseModel], Callable[[Any], dict[str, Any]]] = {SetQuota: set_quota}
