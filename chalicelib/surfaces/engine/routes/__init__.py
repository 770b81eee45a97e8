"""Container Engine's operations as documented: parse, call, present. One module a subject."""

from __future__ import annotations

from chalicelib.surfaces.engine.routes import (
    accounts,
    api_keys,
    deployments,
    domains,
    health,
    monitoring,
    notifications,
    profile,
    rollouts,
    streams,
)
from chalicelib.surfaces.engine.routes.base import blueprint, surface

CHANNELS = notifications.CHANNELS
DOORS = streams.DOORS
PORCHES = notifications.PORCHES

__all__ = [
    "CHANNELS",
    "DOORS",
    "PORCHES",
    "accounts",
    "api_keys",
    "blueprint",
    "deployments",
    "domains",
    "health",
    "monitoring",
    "notifications",
    "profile",
    "rollouts",
    "streams",
    "surface",
]
