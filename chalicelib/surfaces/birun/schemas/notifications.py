"""Notifications on the wire: all of it beyond the document."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints, model_validator

from chalicelib.core import outgoing
from chalicelib.core.notices.model import State
from chalicelib.rest.fields import BodyId, Email, Id, Parameters, Request
from chalicelib.surfaces.birun.schemas.common import Limit, left_out

MOST_ADDRESSES = 20

Url = Annotated[str, StringConstraints(min_length=1, max_length=outgoing.LONGEST)]
WebhookSecret = Annotated[SecretStr, Field(min_length=1, max_length=256)]
Addresses = Annotated[list[Email], Field(max_length=MOST_ADDRESSES)]
Turns = Annotated[list[Literal["failure", "recovery"]], Field(min_length=1)]


class Webhook(Request):
    """A secret that is left out, or sent back as it was shown, stays as it is; null takes it away."""

    url: Url
    secret: WebhookSecret | None = left_out()


class Notifications(Request):
    """Who is told, and of what."""

    on: Turns = Field(default=["failure", "recovery"])
    webhook: Webhook | None = None
    email: Addresses = Field(default=[])


class NotificationTest(Request):
    """Either the channels themselves, or a schedule whose channels are meant."""

    schedule_id: BodyId | None = None
    webhook: Webhook | None = None
    email: Addresses = Field(default=[])

    @model_validator(mode="after")
    def _one_or_the_other(self) -> NotificationTest:
        listed = self.webhook is not None or bool(self.email)
        if listed == (self.schedule_id is not None):
            raise ValueError("give either a 'schedule_id', or a 'webhook' and addresses in 'email'")
        return self


class DeliveriesQuery(Parameters):
    """``cursor``: that of the answer before."""

    schedule_id: Id | None = None
    workflow_id: Id | None = None
    status: State | None = None
    limit: Limit = 20
    cursor: Annotated[str, StringConstraints(pattern=r"^(\d{4}-\d\d-\d\dT[\d:.]{15}Z#[0-9a-f-]{36})?$")] = ""
