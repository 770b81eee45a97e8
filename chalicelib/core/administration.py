"""Commands of the operator, who reaches them by invoking a function rather than through a surface."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Annotated, Any

from pydantic import BaseModel, Field, TypeAdapter

from chalicelib.core.clusters import administration as clusters
from chalicelib.core.identity import administration as identity
from chalicelib.core.notices import administration as notices
from chalicelib.core.quotas import administration as quotas

COMMANDS = {**identity.COMMANDS, **clusters.COMMANDS, **quotas.COMMANDS, **notices.COMMANDS}


def run(event: dict[str, Any]) -> dict[str, Any]:
    """Raises pydantic's ValidationError for a command that is none."""
    union: Any = reduce(or_, COMMANDS)
    adapter: TypeAdapter[BaseModel] = TypeAdapter(Annotated[union, Field(discriminator="command")])
    command = adapter.validate_python(event)
    return COMMANDS[type(command)](command)
