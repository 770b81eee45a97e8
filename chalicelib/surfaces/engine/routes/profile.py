"""The caller's own profile."""

from __future__ import annotations

from chalicelib.kernel.errors import Unauthenticated
from chalicelib.rest import auth
from chalicelib.rest.surface import Call
from chalicelib.surfaces.engine.presenters import accounts as present
from chalicelib.surfaces.engine.routes.base import OWN, Json, message, operation
from chalicelib.surfaces.engine.schemas import profile as schemas
from chalicelib.surfaces.engine.service import profile as service


@operation("GET", "/v1/user/profile")
def get_user_profile(call: Call) -> Json:
    return present.profile(*service.profile(call.caller.user_id))


@operation("PUT", "/v1/user/profile", permission=OWN, body=lambda: schemas.UpdateProfileRequest)
def update_user_profile(call: Call) -> Json:
    return present.renamed(service.update_profile(call.caller.actor, call.body))


@operation("PUT", "/v1/user/password", permission=OWN, body=lambda: schemas.ChangePasswordRequest, keys=False)
def change_password(call: Call) -> Json:
    try:
        service.change_password(call.caller.actor, call.body, call.caller.session_id)
    except Unauthenticated:
        auth.count_failure(call.address)
        raise
    return message("Password updated successfully")
