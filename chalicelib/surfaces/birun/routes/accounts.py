"""Log in and register."""

from __future__ import annotations

from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import accounts as present
from chalicelib.surfaces.birun.routes.base import AUTHENTICATION, Json, operation
from chalicelib.surfaces.birun.schemas import accounts as schemas
from chalicelib.surfaces.birun.service import accounts as service


@operation("POST", "/auth/login", permission=None, body=lambda: schemas.LoginRequest, bucket=AUTHENTICATION)
def login(call: Call) -> Json:
    user, token = service.log_in(call.body.username, call.body.password, call.address)
    return {"access_token": token, "token_type": "bearer", "user": present.user(user)}


@operation(
    "POST", "/auth/register", permission=None, body=lambda: schemas.RegisterRequest, bucket=AUTHENTICATION
)
def register(call: Call) -> Json:
    user = service.register(call.body, call.address)
    return {"message": "User created successfully", "user": present.user(user)}
