"""Container Engine's operations as documented: parse, call, present. One module a subject."""

from __future__ import annotations

from chalicelib.surfaces.engine.routes import (
    accounts,
    api_keys,
    deployments,
    domains,
    health,
    monitoring,
    profile,
    rollouts,
)
from chalicelib.surfaces.engine.routes.base import blueprint, surface

__all__ = [
    "accounts",
    "api_keys",
    "blueprint",
    "deployments",
    "domains",
    "health",
    "monitoring",
    "profile",
    "rollouts",
    "surface",
]
