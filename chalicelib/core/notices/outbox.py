"""Notices as they are written down: as part of the transaction that they tell of, or not at all.

The table's stream hands each to the worker, so whoever writes one has nothing else to do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws import queues, table
from chalicelib.aws.table import ConditionFailed, Put
from chalicelib.core.notices import model
from chalicelib.core.notices.model import Channel, Notice, State
from chalicelib.core.notices.signing import QUARTERDECK, Signature
from chalicelib.kernel import clock, ids
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import KIB, settings

LARGEST_BODY = 64 * KIB
LOOK_AGAIN = timedelta(minutes=2)
"""When the sweep hands a notice over again that nobody is known to have taken."""
_AT_ONCE = 200


@dataclass(frozen=True)
class Event:
    """What is told. ``payload`` is a webhook's JSON; ``title`` and ``text`` are a mail's.

    ``about`` is the key of the record it happened to, ``owner_id`` the one user who may see the delivery,
    where things have owners.
    """

    surface: str
    name: str
    about: str
    payload: dict[str, Any]
    title: str
    text: str
    owner_id: str | None = None


@dataclass(frozen=True)
class Sealed:
    """A secret as core.vault has sealed it, and under what."""

    text: str
    context: dict[str, str]


@dataclass(frozen=True)
class Webhook:
    url: str
    secret: Sealed | None = None
    signature: Signature = QUARTERDECK


def webhook(hook: Webhook, event: Event) -> Put:
    """The write that has ``event`` told to ``hook``. Its URL is judged when it is sent."""
    notice = _notice(Channel.WEBHOOK, event, json.dumps(event.payload, separators=(",", ":")))
    notice.url = hook.url
    notice.signature_header, notice.signature_form = hook.signature.header, hook.signature.form
    if hook.secret is not None:
        notice.secret, notice.secret_context = hook.secret.text, hook.secret.context
    return Put(notice, table.absent())


def mail(to: Sequence[str], event: Event) -> Put:
    """The write that has ``event`` told to these addresses, in one message."""
    notice = _notice(Channel.MAIL, event, event.text)
    notice.to, notice.title = list(to), event.title
    return Put(notice, table.absent())


def _notice(channel: Channel, event: Event, body: str) -> Notice:
    if len(body.encode()) > LARGEST_BODY:
        raise ValueError(f"a notice of {event.name} may have at most {LARGEST_BODY} bytes")
    now, notice_id = clock.now(), ids.new_uuid()
    order = f"{clock.iso(now)}#{notice_id}"
    return Notice(
        *model.notice_key(notice_id),
        gsi1pk=f"NOTICES#{event.surface}",
        gsi1sk=order,
        gsi2pk=f"NOTICES#{event.about}",
        gsi2sk=order,
        gsi3pk=model.listed_by_state(event.surface, State.QUEUED),
        gsi3sk=order,
        due_pk=model.DUE,
        due_at=clock.iso(now + LOOK_AGAIN),
        id=notice_id,
        surface=event.surface,
        channel=channel.value,
        event=event.name,
        about=event.about,
        owner_id=event.owner_id,
        state=State.QUEUED.value,
        body=body,
        created_at=clock.iso(now),
        ttl=clock.epoch() + model.KEPT_SECONDS,
    )


def hand_over(notice_id: str, attempt: int, delay_seconds: int = 0) -> None:
    """To the worker. ``attempt``: how often it was tried before; for any other the message has no effect."""
    queues.send(settings().notice_queue_url, {"notice": notice_id, "attempt": attempt}, delay_seconds)


def listen(records: Iterable[dict[str, Any]]) -> None:
    """Stream records: what was just written down goes to the worker."""
    for record in records:
        image = record["dynamodb"].get("NewImage") or {}
        if record["eventName"] == "INSERT" and image.get("kind", {}).get("S") == "notice":
            hand_over(image["id"]["S"], 0)


def sweep(now: datetime | None = None) -> None:
    """The minute's look: retries whose time has come, and what got lost on the way to the worker."""
    moment = now or clock.now()
    found = Notice.due.query(model.DUE, Notice.due_at <= clock.iso(moment), limit=_AT_ONCE)
    for notice in (record for record in found if isinstance(record, Notice)):
        later = Notice.due_at.set(clock.iso(moment + LOOK_AGAIN))
        attempts = int(notice.attempts)
        try:
            table.change(notice, [later], Notice.due_at == notice.due_at)
        except ConditionFailed:
            continue
        log().info("notice handed over again", notice=notice.id, attempts=attempts)
        hand_over(notice.id, attempts)
