"""API keys as the documented JSON."""

from __future__ import annotations

from chalicelib.core.identity.keys import ApiKey
from chalicelib.kernel.secrets import Secret
from chalicelib.rest.answers import moment
from chalicelib.surfaces.engine.presenters.common import Json


def api_key(found: ApiKey) -> Json:
    return {
        "id": found.id,
        "name": found.name,
        "description": found.description,
        "key_prefix": found.prefix,
        "permissions": found.permissions.split(),
        "created_at": moment(found.created_at),
        "expires_at": moment(found.expires_at),
        "last_used": moment(found.last_used),
    }


def created(found: ApiKey, secret: Secret) -> Json:
    """The one answer that shows the key; the reference implementation calls it ``api_key``."""
    return api_key(found) | {"key": secret.reveal(), "api_key": secret.reveal()}
