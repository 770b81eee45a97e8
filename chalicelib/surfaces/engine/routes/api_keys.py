"""API keys of the caller."""

from __future__ import annotations

from chalicelib.rest.fields import PageQuery
from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.engine.presenters import api_keys as present
from chalicelib.surfaces.engine.presenters.common import page as present_page
from chalicelib.surfaces.engine.routes.base import OWN, Json, message, operation
from chalicelib.surfaces.engine.schemas import api_keys as schemas
from chalicelib.surfaces.engine.service import api_keys as service


@operation(
    "POST", "/v1/api-keys", permission=OWN, body=lambda: schemas.CreateApiKeyRequest, keys=False, secret=True
)
def create_api_key(call: Call) -> Reply:
    caller = call.caller
    return Reply(present.created(*service.create_api_key(caller.actor, caller.role, call.body)), 201)


@operation("GET", "/v1/api-keys", query=lambda: PageQuery)
def list_api_keys(call: Call) -> Json:
    return present_page(service.list_api_keys(call.caller.user_id, call.query), "api_keys", present.api_key)


@operation("DELETE", "/v1/api-keys/{keyId}", permission=OWN, params=lambda: schemas.ApiKeyPath, keys=False)
def revoke_api_key(call: Call) -> Json:
    service.revoke_api_key(call.caller.actor, call.path.keyId)
    return message("API key revoked successfully")
