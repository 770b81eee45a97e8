"""Accounts on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from chalicelib.rest.fields import (
    Email,
    LoginName,
    Request,
)


class LoginRequest(Request):
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class RegisterRequest(Request):
    """A role in the body is passed over."""

    username: LoginName
    password: Annotated[SecretStr, Field(min_length=6, max_length=1024)]
    email: Email
