"""Accounts as the documented JSON."""

from __future__ import annotations

from chalicelib.core.identity import keys
from chalicelib.core.identity.gate import Gate
from chalicelib.core.identity.sessions import Tokens
from chalicelib.core.identity.users import User
from chalicelib.kernel import clock
from chalicelib.rest.answers import moment
from chalicelib.surfaces.engine.presenters.common import Json


def user(found: User) -> Json:
    return {"id": found.uuid, "username": found.username, "email": found.email}


def renewed(opened: Tokens) -> Json:
    return {"access_token": opened.access, "expires_at": moment(clock.iso(clock.at(opened.expires)))}


def logged_in(found: User, opened: Tokens) -> Json:
    return renewed(opened) | {"refresh_token": opened.refresh, "user": user(found)}


def registered(found: User, opened: Tokens) -> Json:
    """With what the reference implementation answers instead."""
    extra = {"created_at": moment(found.created_at), "status": "active"}
    return logged_in(found, opened) | user(found) | extra


def profile(found: User, gate: Gate, deployments: int) -> Json:
    return user(found) | {
        "created_at": moment(found.created_at),
        "last_login": moment(gate.last_login),
        "is_active": not found.disabled,
        "deployment_count": deployments,
        "api_key_count": keys.how_many(gate),
    }


def renamed(found: User) -> Json:
    return user(found) | {"updated_at": moment(found.updated_at)}
