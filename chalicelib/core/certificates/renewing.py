"""When a certificate is renewed, and the minute's look at those that are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed
from chalicelib.core import reach
from chalicelib.core.certificates import accounts, model, records, troubles
from chalicelib.core.certificates.model import Certificate, CertificateKey, State
from chalicelib.kernel import clock
from chalicelib.kernel.errors import TargetError, Unavailable
from chalicelib.kernel.logs import log
from chalicelib.targets.acme.replies import RenewalTime
from chalicelib.targets.acme.requests import RenewalRequest

ASK_AGAIN = timedelta(hours=12)
_AT_ONCE = 50


@dataclass(frozen=True)
class Plan:
    renew_at: datetime
    ask_again_at: datetime


def plan(chain: str, not_before: datetime, not_after: datetime) -> Plan:
    """By the authority's own word where it has one, else with a third of the life left; with a sixth of it
    left, whatever was said."""
    life = not_after - not_before
    usual, latest = not_after - life / 3, not_after - life / 6
    try:
        request = RenewalRequest(authority=accounts.authority(), certificate=chain)
        told = reach.run(reach.DIRECT, "acme.renewal_time", request, RenewalTime)
    except (TargetError, Unavailable):
        return Plan(usual, clock.now() + ASK_AGAIN)
    at = min(clock.parse(told.at), latest) if told.at else usual
    return Plan(at, clock.parse(told.ask_again_at))


def look_around(_: None) -> None:
    """Begins what is due; asks the authority again about what is not."""
    now = clock.iso_now()
    due = Certificate.due.query(model.DUE, Certificate.due_at <= now, limit=_AT_ONCE)
    for found in (record for record in due if isinstance(record, Certificate)):
        try:
            _look(found, now)
        except Exception:  # noqa: BLE001 - one that fails keeps no other waiting; due again in a minute
            log().exception("certificate not looked at", certificate=found.id)


def _look(found: Certificate, now: str) -> None:
    if found.status is State.ACTIVE and (found.renew_at or now) > now:
        _ask_again(found)
    else:
        records.begin(found)
    troubles.look(found)


def _ask_again(found: Certificate) -> None:
    key = table.find(CertificateKey, found.pk, "KEY")
    if key is None or found.not_before is None or found.not_after is None:
        return
    told = plan(key.chain, clock.parse(found.not_before), clock.parse(found.not_after))
    # What was said before is not put off because the window was drawn from anew.
    renew_at = min(clock.iso(told.renew_at), found.renew_at or "~")
    actions = [
        Certificate.renew_at.set(renew_at),
        Certificate.ask_again_at.set(clock.iso(told.ask_again_at)),
        Certificate.due_at.set(min(renew_at, clock.iso(told.ask_again_at))),
    ]
    try:
        table.update(found, actions, Certificate.version == found.version)
    except ConditionFailed:
        return
