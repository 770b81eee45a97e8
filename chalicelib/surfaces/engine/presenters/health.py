"""The service's health as the documented JSON."""

from __future__ import annotations

from chalicelib.surfaces.engine.presenters.common import Json

SERVICE = "container-engine"
VERSION = "0.1.0"
"""Of the documented API that is served here."""


def healthy() -> Json:
    return {"status": "healthy", "service": SERVICE, "version": VERSION}
