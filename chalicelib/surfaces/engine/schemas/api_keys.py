"""API keys on the wire."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from chalicelib.kernel import clock
from chalicelib.rest.fields import Name, Parameters, Request, Uuid, moment

MOST_DAYS = 3650


def _read(value: object) -> object:
    return moment(value) if isinstance(value, str) else value


def _ahead(when: datetime) -> datetime:
    if not clock.now() < when <= clock.now() + timedelta(days=MOST_DAYS):
        raise ValueError(f"should be in the future, at most {MOST_DAYS} days ahead")
    return when


class ApiKeyPath(Parameters):
    keyId: Uuid  # noqa: N815 - the document's name


class CreateApiKeyRequest(Request):
    """``expires_at`` or ``expires_in_days``, and ``permissions``, are beyond the document's text."""

    name: Annotated[Name, StringConstraints(max_length=100)]
    description: Annotated[str, StringConstraints(max_length=255)] | None = None
    expires_at: Annotated[datetime, BeforeValidator(_read), AfterValidator(_ahead)] | None = None
    expires_in_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] | None = None
    permissions: Annotated[
        list[Literal["read", "write", "deploy", "admin"]], Field(min_length=1, max_length=4)
    ] = Field(default=["read", "write", "deploy"])

    @model_validator(mode="after")
    def _one_end(self) -> CreateApiKeyRequest:
        if self.expires_at is not None and self.expires_in_days is not None:
            raise ValueError("send expires_at or expires_in_days, not both")
        return self

    def ends(self) -> datetime | None:
        if self.expires_in_days is not None:
            return clock.now() + timedelta(days=self.expires_in_days)
        return self.expires_at
