"""The worker's part: takes a notice, tries it once, and writes down what came of it.

A notice is claimed before it is sent, so that the same message twice sends once. A worker that dies after
sending and before writing it down leaves a claim that runs out, and the notice is sent again: receivers know
the repeat by the id in ``X-Quarterdeck-Delivery``.
"""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws import mail, queues, table
from chalicelib.aws.table import ConditionFailed
from chalicelib.core import outgoing, vault
from chalicelib.core.identity import resets
from chalicelib.core.notices import model, outbox, signing
from chalicelib.core.notices.model import Channel, Notice, State
from chalicelib.kernel import clock
from chalicelib.kernel.errors import QuarterdeckError, TargetError
from chalicelib.kernel.logs import log
from chalicelib.targets import webhooks

DELAYS = (5, 30, 120, 600, 3600)
"""Seconds to the next attempt after the first, the second…; after the last one it has failed."""
MOST_ATTEMPTS = len(DELAYS) + 1
CLAIM = timedelta(seconds=60)
"""Longer than any attempt takes."""

_AT_ONCE = 5
_EXCERPT = 300


@dataclass(frozen=True)
class Outcome:
    """``error`` None: it was taken. ``final``: trying again is of no use."""

    error: str | None = None
    status_code: int | None = None
    final: bool = False
    retry_after: int = 0


def work_off(messages: list[dict[str, Any]]) -> dict[str, Any]:
    """A batch of the queue's messages; those whose handling failed on our side come again."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        failed = [found for found in pool.map(_handle, messages) if found]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _handle(message: dict[str, Any]) -> str | None:
    try:
        body = json.loads(message["body"])
        if "reset" in body:
            resets.mail_link(body["reset"])
        else:
            deliver(body["notice"], body["attempt"])
    except Exception:  # noqa: BLE001 - this message comes again; the others must not with it
        log().exception("notice not handled", message_id=message["messageId"])
        return str(message["messageId"])
    return None


def deliver(notice_id: str, attempt: int) -> None:
    """Tries it, unless that was done or is being done by somebody else."""
    notice = model.find(notice_id)
    if notice is None or notice.status.final or int(notice.attempts) != attempt or not _claim(notice):
        return
    started = time.perf_counter()
    outcome = _attempt(notice)
    milliseconds = round((time.perf_counter() - started) * 1000)
    _write_down(notice, outcome, milliseconds)


def _claim(notice: Notice) -> bool:
    now = clock.now()
    until = clock.iso(now + CLAIM)
    free = Notice.claimed_until.does_not_exist() | (Notice.claimed_until < clock.iso(now))
    mine = free & (Notice.attempts == notice.attempts) & (Notice.state == notice.state)
    later = clock.iso(now + CLAIM + outbox.LOOK_AGAIN)
    actions = [Notice.claimed_until.set(until), Notice.due_at.set(later)]
    try:
        table.update(notice, actions, mine)
    except ConditionFailed:
        return False
    return True


# ---------------------------------------------------------------- trying


def _attempt(notice: Notice) -> Outcome:
    try:
        return _post(notice) if notice.channel == Channel.WEBHOOK.value else _mail(notice)
    except outgoing.Refused as error:
        return Outcome(f"The address {error}.", final=True)
    except TargetError as error:
        return Outcome(error.message, final=not error.transient)
    except QuarterdeckError as error:
        return Outcome(error.message, final=True)


def _post(notice: Notice) -> Outcome:
    to = outgoing.destination(notice.url or "")
    body = notice.body.encode()
    answer = webhooks.post(to, body, _headers(notice, body))
    if answer.accepted:
        return Outcome(status_code=answer.status)
    told = f": {answer.excerpt[:_EXCERPT]}" if answer.excerpt else ""
    return Outcome(
        f"{to.host} answered {answer.status}{told}",
        answer.status,
        final=answer.status == webhooks.GONE,
        retry_after=answer.retry_after or 0,
    )


def _headers(notice: Notice, body: bytes) -> dict[str, str]:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Quarterdeck",
        "Connection": "close",
        "X-Quarterdeck-Event": notice.event,
        "X-Quarterdeck-Delivery": notice.id,
        "X-Quarterdeck-Attempt": str(int(notice.attempts) + 1),
    }
    if notice.secret and notice.signature_header:
        secret = vault.unseal(notice.secret, notice.secret_context or {})
        form = notice.signature_form or "timed"
        headers[notice.signature_header] = signing.value(form, secret, body, clock.epoch())
    return headers


def _mail(notice: Notice) -> Outcome:
    message = mail.Message(
        tuple(notice.to or ()), notice.title or "", notice.body, {"X-Quarterdeck-Delivery": notice.id}
    )
    mail.send(message)
    return Outcome()


# ---------------------------------------------------------------- writing down


def _write_down(notice: Notice, outcome: Outcome, milliseconds: int) -> None:
    attempt, now = int(notice.attempts), clock.now()
    entry = {
        "at": clock.iso(now),
        "milliseconds": milliseconds,
        "status_code": outcome.status_code,
        "error": outcome.error,
    }
    over = outcome.error is None or outcome.final or attempt + 1 >= MOST_ATTEMPTS
    delay = 0 if over else _delay(attempt, outcome)
    actions: list[Action] = [
        Notice.attempts.set(attempt + 1),
        Notice.log.set([*notice.history, entry]),
        Notice.claimed_until.remove(),
        *(_ending(notice, outcome, now) if over else _going_on(notice, delay, now)),
    ]
    mine = (Notice.attempts == attempt) & (Notice.claimed_until == notice.claimed_until)
    try:
        table.change(notice, actions, mine)
    except ConditionFailed:
        log().warning("the claim ran out while the notice was sent", notice=notice.id)
        return
    told = {"channel": notice.channel, "attempt": attempt + 1, **entry}
    log().info("notice tried", notice=notice.id, outcome=told)
    if not over and delay <= queues.LONGEST_DELAY:
        outbox.hand_over(notice.id, attempt + 1, delay)


def _delay(attempt: int, outcome: Outcome) -> int:
    """In whole seconds, spread so that receivers who were away are not met by all at once."""
    spread = random.uniform(0.8, 1.2)  # noqa: S311 - no secret
    return max(1, round(DELAYS[attempt] * spread), outcome.retry_after)


def _ending(notice: Notice, outcome: Outcome, now: datetime) -> list[Action]:
    state = State.DELIVERED if outcome.error is None else State.FAILED
    actions: list[Action] = [
        *_becoming(notice, state),
        Notice.completed_at.set(clock.iso(now)),
        Notice.next_attempt_at.remove(),
        Notice.due_pk.remove(),
        Notice.due_at.remove(),
    ]
    return [*actions, Notice.reason.set(outcome.error) if outcome.error else Notice.reason.remove()]


def _going_on(notice: Notice, delay: int, now: datetime) -> list[Action]:
    """The queue holds back what comes soon, the sweep what comes later, and what the queue lost."""
    at = now + timedelta(seconds=delay)
    due = at + outbox.LOOK_AGAIN if delay <= queues.LONGEST_DELAY else at
    return [
        *_becoming(notice, State.RETRYING),
        Notice.next_attempt_at.set(clock.iso(at)),
        Notice.due_at.set(clock.iso(due)),
    ]


def _becoming(notice: Notice, state: State) -> list[Action]:
    listed = model.listed_by_state(notice.surface, state)
    return [Notice.state.set(state.value), Notice.gsi3pk.set(listed)]
