"""The caller's own profile on the wire."""

from __future__ import annotations

from pydantic import model_validator

from chalicelib.rest.fields import Email, Request, left_out
from chalicelib.surfaces.engine.schemas.common import NewPassword, Password, Username, alike


class UpdateProfileRequest(Request):
    """Fields left out keep their value."""

    username: Username = left_out()
    email: Email = left_out()

    @model_validator(mode="after")
    def _something(self) -> UpdateProfileRequest:
        if not self.model_fields_set:
            raise ValueError("send username, email or both")
        return self


class ChangePasswordRequest(Request):
    current_password: Password
    new_password: NewPassword
    confirm_new_password: Password

    @model_validator(mode="after")
    def _confirmed(self) -> ChangePasswordRequest:
        alike(self.new_password, self.confirm_new_password, "confirm_new_password")
        return self
