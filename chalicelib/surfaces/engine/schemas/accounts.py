"""Accounts on the wire: coming, going, and a forgotten password."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints, model_validator

from chalicelib.rest.fields import Email, Request, left_out
from chalicelib.surfaces.engine.schemas.common import NewPassword, Password, Username, alike


class RegisterRequest(Request):
    username: Username
    email: Email
    password: NewPassword
    confirm_password: Password

    @model_validator(mode="after")
    def _confirmed(self) -> RegisterRequest:
        alike(self.password, self.confirm_password, "confirm_password")
        return self


class LoginRequest(Request):
    email: Email
    password: Password


class RefreshRequest(Request):
    refresh_token: Annotated[SecretStr, Field(min_length=1, max_length=4096)]


class ForgotPasswordRequest(Request):
    email: Email


class ResetPasswordRequest(Request):
    """``confirm_password`` is not documented; sent, it must be the same."""

    token: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    new_password: NewPassword
    confirm_password: SecretStr = left_out()

    @model_validator(mode="after")
    def _confirmed(self) -> ResetPasswordRequest:
        alike(self.new_password, self.confirm_password, "confirm_password")
        return self
