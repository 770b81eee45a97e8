"""API keys of an account."""

from __future__ import annotations

from chalicelib.core.audit import Actor
from chalicelib.core.identity import keys
from chalicelib.core.identity.keys import ApiKey
from chalicelib.core.identity.roles import Permission, Role
from chalicelib.core.listing import Page
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings
from chalicelib.rest.dialect import invalid_field
from chalicelib.rest.fields import PageQuery
from chalicelib.surfaces.engine.schemas.api_keys import CreateApiKeyRequest


def create_api_key(actor: Actor, role: Role, request: CreateApiKeyRequest) -> tuple[ApiKey, Secret]:
    """Raises Invalid for a permission that the role has not, Conflict when there are too many keys."""
    wanted = {Permission(word) for word in request.permissions}
    if "permissions" not in request.model_fields_set:
        wanted &= role.permissions
    if beyond := sorted(wanted - role.permissions):
        raise invalid_field("body", "permissions", f"your role '{role}' has no {', '.join(beyond)} to give")
    return keys.mint(
        actor,
        actor.user_id,
        keys.Request(
            name=request.name,
            prefix=f"ce_{settings().environment}_",
            permissions=wanted,
            description=request.description,
            expires_at=request.ends(),
        ),
    )


def list_api_keys(user_id: int, query: PageQuery) -> Page[ApiKey]:
    """Newest first. A user has so few that all are read."""
    found = keys.of_user(user_id)
    first = (query.page - 1) * query.limit
    return Page(found[first : first + query.limit], len(found), query.page, query.limit)


def revoke_api_key(actor: Actor, key_id: str) -> None:
    keys.revoke(actor, actor.user_id, key_id)
