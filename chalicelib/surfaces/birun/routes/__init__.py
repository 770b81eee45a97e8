"""biRun's operations as documented: parse, call, present. One module a subject."""

from __future__ import annotations

from chalicelib.surfaces.birun.routes import (
    accounts,
    executions,
    groups,
    schedules,
    scripts,
    servers,
    settings,
    workflows,
)
from chalicelib.surfaces.birun.routes.base import blueprint, surface

CHANNELS = executions.CHANNELS

__all__ = [
    "CHANNELS",
    "accounts",
    "blueprint",
    "executions",
    "groups",
    "schedules",
    "scripts",
    "servers",
    "settings",
    "surface",
    "workflows",
]
