"""Scripts as the documented JSON."""

from __future__ import annotations

from chalicelib.surfaces.birun.model import Script
from chalicelib.surfaces.birun.presenters.common import Json, moment


def script(found: Script) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "content": found.content,
        "description": found.description,
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
    }
