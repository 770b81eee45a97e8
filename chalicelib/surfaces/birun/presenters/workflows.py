"""Workflows as the documented JSON."""

from __future__ import annotations

from chalicelib.core.executions.status import Status
from chalicelib.core.notices import channels
from chalicelib.surfaces.birun.model import Workflow
from chalicelib.surfaces.birun.presenters.common import Json, moment
from chalicelib.surfaces.birun.schemas.common import WORDS
from chalicelib.surfaces.birun.service import graphs


def workflow(found: Workflow, next_run_at: str | None) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "description": found.description,
        "nodes": graphs.shown(found.nodes),
        "edges": found.edges,
        "enabled": bool(found.enabled),
        "notifications": channels.shown(found.notifications),
        "last_outcome": WORDS[Status(found.last_outcome)] if found.last_outcome else None,
        "next_run_at": moment(next_run_at),
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
    }
