"""The application's settings."""

from __future__ import annotations

from chalicelib.core.identity.roles import Permission
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.presenters import settings as present
from chalicelib.surfaces.birun.routes.base import Json, operation
from chalicelib.surfaces.birun.schemas import settings as schemas
from chalicelib.surfaces.birun.service import settings as service


@operation("GET", "/settings")
def get_settings(call: Call) -> Json:
    return present.settings(model.app_settings())


@operation("PUT", "/settings", permission=Permission.ADMIN, body=lambda: schemas.SettingsUpdate)
def update_settings(call: Call) -> Json:
    return present.settings(service.update_settings(call.caller.actor, call.body))
