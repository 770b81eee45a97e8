"""Groups as the documented JSON."""

from __future__ import annotations

from chalicelib.core.inventory import groups
from chalicelib.core.inventory.groups import ServerGroup
from chalicelib.surfaces.birun.presenters.common import Json, moment


def group(found: ServerGroup) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "description": found.description,
        "server_ids": groups.members(found),
        "created_at": moment(found.created_at),
    }
