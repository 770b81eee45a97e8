"""Servers on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from chalicelib.rest.fields import (
    Description,
    Hostname,
    Id,
    LoginName,
    Name,
    Parameters,
    Port,
    Request,
)
from chalicelib.surfaces.birun.schemas.common import ScriptText, Timeout, left_out


class ServerPath(Parameters):
    server_id: Id


class _ServerFields(Request):
    ssh_key: Annotated[SecretStr, Field(max_length=64 * 1024)] | None = None
    passphrase: Annotated[SecretStr, Field(max_length=1024)] | None = None
    password: Annotated[SecretStr, Field(max_length=1024)] | None = None
    description: Description | None = None


class ServerCreate(_ServerFields):
    """``passphrase`` of the key is ours; the rest is as documented."""

    name: Name
    hostname: Hostname
    username: LoginName
    port: Port = 22
    auth_type: Literal["key", "password"]

    @model_validator(mode="after")
    def _has_its_secret(self) -> ServerCreate:
        secret = self.ssh_key if self.auth_type == "key" else self.password
        if secret is None or not secret.get_secret_value():
            needed = "ssh_key" if self.auth_type == "key" else "password"
            raise ValueError(f"{needed} is required when auth_type is '{self.auth_type}'")
        return self


class ServerUpdate(_ServerFields):
    """Fields left out keep their value. ``reset_host_key`` (ours) accepts whatever key comes next."""

    name: Name = left_out()
    hostname: Hostname = left_out()
    username: LoginName = left_out()
    port: Port = left_out()
    auth_type: Literal["key", "password"] = left_out()
    reset_host_key: bool = False


class ServerExecuteRequest(Request):
    script_content: ScriptText
    timeout: Timeout = 30
