"""Workflows as the documented JSON."""

from __future__ import annotations

from chalicelib.surfaces.birun.model import Workflow
from chalicelib.surfaces.birun.presenters.common import Json, moment


def workflow(found: Workflow, next_run_at: str | None) -> Json:
    return {
        "id": int(found.id),
        "name": found.name,
        "description": found.description,
        "nodes": found.nodes,
        "edges": found.edges,
        "enabled": bool(found.enabled),
        "next_run_at": moment(next_run_at),
        "created_at": moment(found.created_at),
        "updated_at": moment(found.updated_at),
    }
