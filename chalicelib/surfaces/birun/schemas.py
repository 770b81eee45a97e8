"""Requests and responses of biRun in its documented names. Source: the biRun API document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, field_validator, model_validator

from chalicelib.core.executions.status import Status
from chalicelib.rest.fields import (
    BodyId,
    Description,
    Email,
    Hostname,
    Id,
    LoginName,
    Name,
    Parameters,
    Port,
    Request,
    Whole,
    moment,
)

LARGEST_PAGE = 100
LONGEST_TIMEOUT = 24 * 3600
LARGEST_SCRIPT = 256 * 1024
MOST_SERVERS = 2000

WORDS: dict[Status, str] = {
    Status.QUEUED: "queued",
    Status.RUNNING: "running",
    Status.RETRYING: "running",
    Status.SUCCEEDED: "completed",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "failed",
    Status.CANCELLED: "stopped",
}
"""What the document calls our states."""

_STATES = {
    "queued": Status.QUEUED,
    "running": Status.RUNNING,
    "completed": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "stopped": Status.CANCELLED,
}


def _fits(text: str) -> str:
    if len(text.encode()) > LARGEST_SCRIPT:
        raise ValueError(f"a script may have at most {LARGEST_SCRIPT} bytes")
    return text


ScriptText = Annotated[str, StringConstraints(min_length=1)]
Timeout = Annotated[int, Field(ge=1, le=LONGEST_TIMEOUT)]
ServerIds = Annotated[list[BodyId], Field(max_length=MOST_SERVERS)]


def _left_out() -> Any:
    """Default of a field that keeps its stored value when it is not sent; null is not the same as that."""
    return Field(default=None)


class ServerPath(Parameters):
    server_id: Id


class ScriptPath(Parameters):
    script_id: Id


class GroupPath(Parameters):
    group_id: Id


class ExecutionPath(Parameters):
    """A number, or the UUID that an execute call returned."""

    execution_id: Annotated[str, StringConstraints(pattern=r"^(\d{1,12}|[0-9a-fA-F-]{36})$")]

    @field_validator("execution_id")
    @classmethod
    def _not_zero(cls, text: str) -> str:
        if text.isdecimal() and int(text) < 1:
            raise ValueError("should be at least 1")
        return text


class PageQuery(Parameters):
    """``limit`` past the largest page is cut down to it."""

    page: Annotated[Whole, Field(ge=1, le=10**9)] = 1
    limit: Annotated[Whole, Field(ge=1)] = 10

    @field_validator("limit")
    @classmethod
    def _cut(cls, limit: int) -> int:
        return min(limit, LARGEST_PAGE)


class SearchQuery(PageQuery):
    search: Annotated[str, StringConstraints(max_length=200)] | None = None


class ExecutionsQuery(PageQuery):
    status: Literal["queued", "running", "completed", "failed", "stopped"] | None = None
    script_id: Id | None = None
    server_id: Id | None = None
    start_date: Annotated[Any, BeforeValidator(moment)] = None
    end_date: Annotated[Any, BeforeValidator(lambda text: moment(text, whole_day=True))] = None

    @property
    def state(self) -> Status | None:
        return _STATES[self.status] if self.status else None


class OutputQuery(Parameters):
    cursor: Annotated[str, StringConstraints(pattern=r"^([0-9c]{1,6}#\d{12})?$")] = ""


class LoginRequest(Request):
    username: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=1024)]


class RegisterRequest(Request):
    """A role in the body is passed over."""

    username: LoginName
    password: Annotated[SecretStr, Field(min_length=6, max_length=1024)]
    email: Email


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

    name: Name = _left_out()
    hostname: Hostname = _left_out()
    username: LoginName = _left_out()
    port: Port = _left_out()
    auth_type: Literal["key", "password"] = _left_out()
    reset_host_key: bool = False


class ServerExecuteRequest(Request):
    script_content: ScriptText
    timeout: Timeout = 30

    _fits = field_validator("script_content")(_fits)


class ScriptCreate(Request):
    name: Name
    content: ScriptText
    description: Description | None = None

    _fits = field_validator("content")(_fits)


class ScriptUpdate(Request):
    name: Name = _left_out()
    content: ScriptText = _left_out()
    description: Description | None = None

    _fits = field_validator("content")(_fits)


class ScriptExecuteRequest(Request):
    server_ids: ServerIds = Field(default_factory=list)
    timeout: Timeout = 60
    group_id: BodyId | None = None


class GroupCreate(Request):
    name: Name
    description: Description | None = None
    server_ids: ServerIds = Field(default_factory=list)


class GroupUpdate(Request):
    name: Name = _left_out()
    description: Description | None = None
    server_ids: ServerIds = _left_out()


class SettingsUpdate(Request):
    """Fields left out keep their value."""

    max_concurrent_executions: Annotated[int, Field(ge=1, le=256)] = _left_out()
    long_running_delay_seconds: Annotated[int, Field(ge=0, le=86400)] = _left_out()
    schedule_trigger_tolerance_seconds: Annotated[int, Field(ge=0, le=86400)] = _left_out()
    access_token_expire_minutes: Annotated[int, Field(ge=1, le=60 * 24 * 30)] = _left_out()
