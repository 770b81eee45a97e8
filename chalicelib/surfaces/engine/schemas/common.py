"""What several subjects' requests share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from chalicelib.rest.fields import LoginName

Username = Annotated[LoginName, StringConstraints(min_length=3, max_length=50)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=1024)]
NewPassword = Annotated[SecretStr, Field(min_length=8, max_length=1024)]


def alike(password: SecretStr, again: SecretStr | None, field: str) -> None:
    """Raises ValueError when the second is there and is another."""
    if again is not None and again.get_secret_value() != password.get_secret_value():
        raise ValueError(f"{field} is not the same as the password")
