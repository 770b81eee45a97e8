"""Groups on the wire."""

from __future__ import annotations

from pydantic import Field

from chalicelib.rest.fields import (
    Description,
    Id,
    Name,
    Parameters,
    Request,
)
from chalicelib.surfaces.birun.schemas.common import ServerIds, left_out


class GroupPath(Parameters):
    group_id: Id


class GroupCreate(Request):
    name: Name
    description: Description | None = None
    server_ids: ServerIds = Field(default_factory=list)


class GroupUpdate(Request):
    name: Name = left_out()
    description: Description | None = None
    server_ids: ServerIds = left_out()
