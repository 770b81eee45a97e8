"""Scripts on the wire."""

from __future__ import annotations

from pydantic import Field

from chalicelib.rest.fields import (
    BodyId,
    Description,
    Id,
    Name,
    Parameters,
    Request,
)
from chalicelib.surfaces.birun.schemas.common import ScriptText, ServerIds, Timeout, left_out


class ScriptPath(Parameters):
    script_id: Id


class ScriptCreate(Request):
    name: Name
    content: ScriptText
    description: Description | None = None


class ScriptUpdate(Request):
    name: Name = left_out()
    content: ScriptText = left_out()
    description: Description | None = None


class ScriptExecuteRequest(Request):
    server_ids: ServerIds = Field(default_factory=list)
    timeout: Timeout = 60
    group_id: BodyId | None = None
