"""biRun's operations as documented: parse, call, present. One module a subject."""

from __future__ import annotations

from chalicelib.surfaces.birun.routes import (
    accounts,
    executions,
    groups,
    health,
    notifications,
    schedules,
    scripts,
    servers,
    settings,
    terminals,
    workflow_runs,
    workflows,
)
from chalicelib.surfaces.birun.routes.base import blueprint, surface

CHANNELS = executions.CHANNELS | workflow_runs.CHANNELS
DOORS = terminals.DOORS

__all__ = [
    "CHANNELS",
    "DOORS",
    "accounts",
    "blueprint",
    "executions",
    "groups",
    "health",
    "notifications",
    "schedules",
    "scripts",
    "servers",
    "settings",
    "surface",
    "terminals",
    "workflow_runs",
    "workflows",
]
