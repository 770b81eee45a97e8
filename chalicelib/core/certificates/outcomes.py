"""How an issuance ends, written down: once, and only by the execution whose turn it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Update, Write
from chalicelib.core import audit
from chalicelib.core.certificates import keys, model, renewing, tries, troubles
from chalicelib.core.certificates.model import Certificate, CertificateKey, CertificateOrder, State
from chalicelib.core.executions import tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock
from chalicelib.kernel.settings import settings

REMOVAL_AGAIN = timedelta(hours=1)
_LONGEST_REASON = 2000


@dataclass(frozen=True)
class Failure:
    """``retry_at``: not before, where somebody said so."""

    reason: str
    retry_at: datetime | None = None

    def dump(self) -> dict[str, Any]:
        return {
            "reason": self.reason[:_LONGEST_REASON],
            "retry_at": self.retry_at and clock.iso(self.retry_at),
        }

    @classmethod
    def load(cls, found: dict[str, Any]) -> Failure:
        at = found.get("retry_at")
        return cls(found["reason"], clock.parse(at) if at else None)


def issuing(certificate: Certificate) -> None:
    """Under way. Of one that is good still it is seen that it is being renewed."""
    state = State.RENEWAL_DUE if certificate.good_at(clock.now()) else State.ISSUING
    mine = Certificate.turn == certificate.turn
    try:
        table.change(certificate, [Certificate.state.set(state.value)], mine)
    except ConditionFailed:
        return  # the next step finds that it is not its turn any more


def installed(execution: Execution, certificate: Certificate, order: CertificateOrder, chain: str) -> bool:
    """It is in its place. False: it is not wanted any more, and goes again."""
    facts = keys.facts(chain)
    plan = renewing.plan(chain, facts.not_before, facts.not_after)
    actions: list[Action] = [
        Certificate.state.set(State.ACTIVE.value),
        Certificate.issuer.set(settings().acme_directory),
        Certificate.issued_by.set(execution.id),
        Certificate.serial.set(facts.serial),
        Certificate.not_before.set(clock.iso(facts.not_before)),
        Certificate.not_after.set(clock.iso(facts.not_after)),
        Certificate.renew_at.set(clock.iso(plan.renew_at)),
        Certificate.ask_again_at.set(clock.iso(plan.ask_again_at)),
        Certificate.failures.set(0),
        Certificate.updated_at.set(clock.iso_now()),
        Certificate.reason.remove(),
        Certificate.next_retry_at.remove(),
    ]
    after = {"serial": facts.serial, "not_after": clock.iso(facts.not_after)}
    writes: list[Write] = [
        _change(execution, certificate, actions),
        Put(CertificateKey(certificate.pk, "KEY", sealed=order.sealed, chain=chain)),
        audit.entry(audit.SYSTEM, "certificate.issued", certificate.pk, after=after),
    ]
    try:
        return tasks.note(execution.id, int(execution.attempt), step="installed", progress=90, writes=writes)
    except ConditionFailed:
        return False


def succeed(execution: Execution, certificate: Certificate) -> bool:
    due = min(certificate.renew_at or "~", certificate.ask_again_at or "~")
    actions: list[Action] = [Certificate.due_pk.set(model.DUE), Certificate.due_at.set(due)]
    ended = _end(execution, certificate, Status.SUCCEEDED, None, actions)
    if ended:
        troubles.over(certificate)
    return ended


def fail(execution: Execution, certificate: Certificate, failure: Failure) -> bool:
    """The next try comes by itself."""
    now, failures = clock.now(), int(certificate.failures) + 1
    removing = certificate.status is State.REMOVING
    retry = now + REMOVAL_AGAIN if removing else tries.next_after(failures, now)
    retry = max(retry, failure.retry_at or retry)
    actions: list[Action] = [
        Certificate.failures.set(failures),
        Certificate.reason.set(failure.reason),
        Certificate.next_retry_at.set(clock.iso(retry)),
        Certificate.due_pk.set(model.DUE),
        Certificate.due_at.set(clock.iso(retry)),
    ]
    if not removing:
        state = State.RENEWAL_DUE if certificate.good_at(now) else State.FAILED
        actions.append(Certificate.state.set(state.value))
    ended = _end(execution, certificate, Status.FAILED, failure.reason, actions)
    if ended:
        certificate.failures, certificate.reason = failures, failure.reason
        troubles.look(certificate)
    return ended


def removed(execution: Execution, certificate: Certificate) -> bool:
    """Nothing of it is left."""
    mine = Certificate.turn == execution.id
    writes: list[Write] = [
        Delete(Certificate(certificate.pk, certificate.sk), mine),
        Delete(CertificateKey(certificate.pk, "KEY")),
        Delete(CertificateOrder(certificate.pk, "ORDER")),
    ]
    ended = _written(execution, Status.SUCCEEDED, None, writes)
    if ended:
        troubles.gone(certificate)
    return ended


def _end(
    execution: Execution, certificate: Certificate, status: Status, reason: str | None, actions: list[Action]
) -> bool:
    free = [*actions, Certificate.turn.remove(), Certificate.updated_at.set(clock.iso_now())]
    writes: list[Write] = [
        _change(execution, certificate, free),
        Delete(CertificateOrder(certificate.pk, "ORDER")),
    ]
    return _written(execution, status, reason, writes)


def _written(execution: Execution, status: Status, reason: str | None, writes: list[Write]) -> bool:
    try:
        return tasks.end(execution.id, int(execution.attempt), status, reason, writes)
    except ConditionFailed:
        return False


def _change(execution: Execution, certificate: Certificate, actions: list[Action]) -> Update:
    moved = [*actions, Certificate.version.add(1)]
    return Update(Certificate(certificate.pk, certificate.sk), moved, Certificate.turn == execution.id)
