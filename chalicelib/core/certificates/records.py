"""Certificates as they are asked for, begun anew and given back. Each change is one transaction with the
execution that carries it out, which is then started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws import table, workflows
from chalicelib.aws.table import ConditionFailed, Put, Update, Write
from chalicelib.core import audit
from chalicelib.core.audit import SYSTEM, Actor
from chalicelib.core.certificates import model
from chalicelib.core.certificates.model import WORK, Certificate, State
from chalicelib.core.executions import tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.settings import settings

ISSUE, REMOVE = "issue", "remove"
FIRST_STEP = {ISSUE: "order", REMOVE: "uninstall"}
REMOVED = "The certificate is not wanted any more."
_TRIES = 5


@dataclass(frozen=True)
class Wanted:
    """``names``: host names, one certificate for all. ``place``: what a :class:`~.places.Place` dumps."""

    scope: str
    subject: str
    owner_id: int
    names: tuple[str, ...]
    place: dict[str, Any]

    @property
    def id(self) -> str:
        return model.certificate_id(self.subject, self.names)


def find(certificate_id: str) -> Certificate | None:
    return table.find(Certificate, model.key(certificate_id), "CERTIFICATE")


def find_many(certificate_ids: Sequence[str]) -> dict[str, Certificate]:
    """Those that there are, by id."""
    found = table.find_many(Certificate, [(model.key(one), "CERTIFICATE") for one in certificate_ids])
    return {one.id: one for one in found}


def of_subject(subject: str) -> list[Certificate]:
    """In no order. What was asked for within the last moment may be missing."""
    return list(Certificate.gsi1.query(listed(subject)))


def certificate_id(subject: str, names: tuple[str, ...]) -> str:
    return model.certificate_id(subject, names)


def listed(subject: str) -> str:
    return f"CERTIFICATES#{subject}"


# ---------------------------------------------------------------- asked for


def ensure(actor: Actor, wanted: Wanted) -> Certificate:
    """The certificate of these names, issued from now on if it was not asked for before."""
    for _ in range(_TRIES):
        found = find(wanted.id)
        if found is not None and found.status is not State.REMOVING and found.place == wanted.place:
            return found
        try:
            return _create(actor, wanted) if found is None else _again(actor, found, wanted)
        except ConditionFailed:
            continue
    raise Conflict("This certificate is being changed by others at the same time. Try again.")


def _create(actor: Actor, wanted: Wanted) -> Certificate:
    now = clock.iso_now()
    made = Certificate(
        model.key(wanted.id),
        "CERTIFICATE",
        gsi1pk=listed(wanted.subject),
        gsi1sk=wanted.id,
        id=wanted.id,
        scope=wanted.scope,
        subject=wanted.subject,
        owner_id=wanted.owner_id,
        names=list(wanted.names),
        place=wanted.place,
        created_at=now,
        updated_at=now,
    )
    request = _request(actor, made, ISSUE)
    execution = tasks.prepare(request)
    made.turn = execution.id
    entry = audit.entry(actor, "certificate.create", made.pk, after=shown(made))
    table.write([Put(made, table.absent()), entry, *tasks.creating(execution, request)])
    start(execution)
    return made


def _again(actor: Actor, found: Certificate, wanted: Wanted) -> Certificate:
    """One that was on its way out, or is wanted elsewhere."""
    found.place = wanted.place
    changes: list[Action] = [Certificate.place.set(wanted.place), Certificate.failures.set(0)]
    _turn_over(actor, found, ISSUE, State.PENDING, changes)
    return find(found.id) or found


def begin(found: Certificate) -> bool:
    """Due: renewed, tried again, or its removal gone on with. False: somebody is at it already."""
    if found.turn is not None:
        return False
    does = REMOVE if found.status is State.REMOVING else ISSUE
    state = found.status if does == REMOVE or not found.good_at(clock.now()) else State.RENEWAL_DUE
    try:
        _turn_over(SYSTEM, found, does, state, [])
    except ConditionFailed:
        return False
    return True


# ---------------------------------------------------------------- given back


def remove(actor: Actor, found: Certificate) -> None:
    """It goes from its place, and then its record. Gone already, or going: nothing."""
    for _ in range(_TRIES):
        now = find(found.id)
        if now is None or now.status is State.REMOVING:
            return
        try:
            _turn_over(actor, now, REMOVE, State.REMOVING, [])
        except ConditionFailed:
            continue
        return
    raise Conflict("This certificate is being changed by others at the same time. Try again.")


# ---------------------------------------------------------------- the turn


def _turn_over(actor: Actor, found: Certificate, does: str, state: State, changes: list[Action]) -> None:
    """To a new execution; that of before, if there is one, is cancelled. Raises ConditionFailed."""
    request = _request(actor, found, does)
    execution = tasks.prepare(request)
    actions = [
        *changes,
        Certificate.state.set(state.value),
        Certificate.turn.set(execution.id),
        Certificate.version.set(int(found.version) + 1),
        Certificate.updated_at.set(clock.iso_now()),
        Certificate.due_pk.remove(),
        Certificate.due_at.remove(),
    ]
    update = Update(Certificate(found.pk, found.sk), actions, Certificate.version == found.version)
    entry = audit.entry(actor, f"certificate.{does}", found.pk, before=shown(found))
    writes: list[Write] = [update, entry, *tasks.creating(execution, request)]
    ended = found.turn is not None and tasks.end(found.turn, None, Status.CANCELLED, REMOVED, writes)
    if not ended:
        table.write(writes)
    start(execution)


def _request(actor: Actor, found: Certificate, does: str) -> TaskRequest:
    subject = {"certificate_id": found.id, "does": does, "names": list(found.names), "place": found.place}
    return TaskRequest(actor, WORK, subject)


def start(execution: Execution) -> None:
    """Under its own name, so a repeat starts nothing. When this is not reached the sweep does it."""
    attempt = int(execution.attempt)
    payload = {
        "step": FIRST_STEP[execution.subject["does"]],
        "execution_id": execution.id,
        "attempt": attempt,
        "loop": {},
    }
    workflows.start(settings().certificate_issuance_arn, f"{execution.id}-{attempt}", payload)


def shown(found: Certificate) -> dict[str, Any]:
    """For the audit."""
    names = ("names", "subject", "state", "serial", "not_after", "reason")
    return {name: getattr(found, name) for name in names}
