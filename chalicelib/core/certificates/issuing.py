"""What the steps of an issuance do. Each asks once and says what comes next and after how long; each may be
repeated, and none waits.

What goes wrong outside for a while is waited for, within bounds; all else ends the issuance, and the next try
has its time. Whatever happens, the proofs are taken away again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.aws import table
from chalicelib.core import reach, vault
from chalicelib.core.certificates import accounts, keys, model, outcomes, outside, places, records, tries
from chalicelib.core.certificates.model import Certificate, CertificateOrder
from chalicelib.core.certificates.outcomes import Failure
from chalicelib.core.certificates.places import Place
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError, Unavailable
from chalicelib.kernel.settings import settings
from chalicelib.targets.acme.failures import code_of, retry_after_of
from chalicelib.targets.acme.replies import Answered, Chain, Challenge, Order, OrderStatus
from chalicelib.targets.acme.requests import AnswerRequest, FinalizeRequest, OrderRef, OrderRequest

Loop = dict[str, Any]

FIRST, RENEWED = "first", "renewed"

PATIENCE = timedelta(minutes=15)
"""How long the authority or the cluster may be away before the try is given up."""
SERVED_WITHIN = timedelta(minutes=3)
SETTLED_WITHIN = timedelta(minutes=10)
_LONGEST_WAIT = 300

AWAY = "Given up after {} minutes: {}"
NOT_SERVED = "{} Given up after {} minutes."
NOT_SETTLED = "The certificate authority did not come to a result within {} minutes."
NO_WAY = "The certificate authority offers no proof by {} for {}."
TOO_OFTEN = "Control was not proved {} times within an hour, which is as often as the authority may be asked."


@dataclass(frozen=True)
class Next:
    """Which step comes after ``wait`` seconds. ``loop``: what the state machine remembers until then."""

    step: str
    wait: int = 0
    loop: Loop = field(default_factory=dict)


@dataclass(frozen=True)
class Issuance:
    """An execution that may go on, and its certificate as it stands."""

    execution: Execution
    certificate: Certificate
    place: Place

    @property
    def attempt(self) -> int:
        return int(self.execution.attempt)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.certificate.names)

    def note(self, step: str, progress: int | None = None) -> None:
        tasks.note(self.execution.id, self.attempt, step=step, progress=progress)

    def order(self) -> CertificateOrder | None:
        """What was ordered in this execution; None for what an earlier one left behind."""
        found = table.find(CertificateOrder, self.certificate.pk, "ORDER")
        return found if found is not None and found.execution_id == self.execution.id else None


def find(execution_id: str, attempt: int) -> Issuance | None:
    """None: it has ended, is in another attempt, or the certificate is somebody else's turn or gone."""
    execution = ledger.find(execution_id)
    if execution is None or execution.state.final or int(execution.attempt) != attempt:
        return None
    certificate = records.find(execution.subject["certificate_id"])
    if certificate is None or certificate.turn != execution.id:
        return None
    return Issuance(execution, certificate, places.load(certificate.place))


def perform(step: str, issuance: Issuance, loop: Loop) -> Next:
    """``step`` is one of STEPS."""
    try:
        return STEPS[step](issuance, loop)
    except (TransientTargetError, Unavailable) as error:
        return _wait_out(step, issuance, loop, error)
    except PermanentTargetError as error:
        if code_of(error) == "accountDoesNotExist":
            accounts.forget(accounts.ensure())
            return _wait_out(step, issuance, loop, error)
        return failed(error.message)


def failed(reason: str, retry_at: datetime | None = None) -> Next:
    return Next("clean_up", loop={"failure": Failure(reason, retry_at).dump()})


def _wait_out(step: str, issuance: Issuance, loop: Loop, error: TargetError | Unavailable) -> Next:
    away = loop.get("away") or {"since": clock.iso_now(), "times": 0}
    asked = retry_after_of(error) if isinstance(error, TargetError) else None
    now = clock.now()
    if now - clock.parse(away["since"]) > PATIENCE:
        return failed(AWAY.format(int(PATIENCE.total_seconds() // 60), error.message))
    if asked is not None and asked > PATIENCE.total_seconds():
        return failed(error.message, now + timedelta(seconds=asked))
    if away["times"] == 0:
        issuance.note(f"waiting: {error.message}")
    wait = max(asked or 0, min(2 ** away["times"], 60))
    return Next(step, wait, {**loop, "away": {"since": away["since"], "times": away["times"] + 1}})


# ---------------------------------------------------------------- the order


def order(issuance: Issuance, _: Loop) -> Next:
    """What is ordered already in this execution, by an attempt that was lost, is gone on with."""
    if tasks.begin(issuance.execution.id, issuance.attempt) is None:
        return Next("clean_up")
    if issuance.certificate.issued_by == issuance.execution.id:
        return Next("clean_up", loop={"issued": FIRST})
    later = tries.allowed_at(issuance.names)
    if later is not None:
        return failed(TOO_OFTEN.format(tries.MOST), later)
    outcomes.issuing(issuance.certificate)
    account = accounts.ensure()
    kept = issuance.order() or _new_order(issuance)
    issuance.note("ordering", 10)
    found = _ask("acme.order", OrderRequest(account=account, names=issuance.names), Order)
    offered = found.by(issuance.place.challenge)
    if missing := {one.name for one in found.challenges} - {one.name for one in offered}:
        return failed(NO_WAY.format(issuance.place.challenge, ", ".join(sorted(missing))))
    kept.uri, kept.challenges = found.uri, [one.model_dump(mode="json") for one in offered]
    table.put(kept)
    return _after(issuance, found, {})


def _new_order(issuance: Issuance) -> CertificateOrder:
    """With a key of its own: a certificate that is renewed has another key."""
    sealed = vault.seal(keys.new_key(), model.context(issuance.certificate.id))
    return CertificateOrder(
        issuance.certificate.pk, "ORDER", execution_id=issuance.execution.id, sealed=sealed
    )


def _after(issuance: Issuance, found: Order, loop: Loop) -> Next:
    """What an order in this state asks for."""
    if found.status is OrderStatus.INVALID:
        return _unproved(found)
    if found.status is OrderStatus.READY:
        return Next("finalize")
    if found.status is OrderStatus.VALID:
        return Next("install")
    if found.status is OrderStatus.PROCESSING:
        return _poll("await_certificate", loop, found)
    return Next("present")


def _unproved(found: Order) -> Next:
    for name in {one.name for one in found.problems}:
        tries.count(name)
    told = " ".join(one.message for one in found.problems)
    return failed(told or "The certificate authority refused the order, and does not say why.")


def _poll(step: str, loop: Loop, found: Order) -> Next:
    """Look again, until it has taken too long."""
    since = loop.get("since") or clock.iso_now()
    if clock.now() - clock.parse(since) > SETTLED_WITHIN:
        return failed(NOT_SETTLED.format(int(SETTLED_WITHIN.total_seconds() // 60)))
    return Next(step, min(max(found.ask_again_seconds or 0, 2), _LONGEST_WAIT), {"since": since})


# ---------------------------------------------------------------- the proof


def present(issuance: Issuance, _: Loop) -> Next:
    issuance.note("presenting the proof", 25)
    issuance.place.present(_challenges(issuance))
    return Next("check", 1)


def check(issuance: Issuance, loop: Loop) -> Next:
    """Whether the proof is served where it was put; then, whether it can be seen from outside.

    From outside is by our own eyes, which a network may keep from its own public address: after a while the
    authority is asked to look all the same, and has the last word.
    """
    since = loop.get("since") or clock.iso_now()
    late = clock.now() - clock.parse(since)
    challenges = _challenges(issuance)
    state = issuance.place.serving([one.name for one in challenges])
    if not state.serving:
        if state.hopeless or late > SERVED_WITHIN:
            return failed(NOT_SERVED.format(state.message, int(late.total_seconds() // 60)))
        return Next("check", 2, {"since": since})
    seen_since = loop.get("seen_since") or clock.iso_now()
    unseen = outside.unseen(challenges)
    if unseen and clock.now() - clock.parse(seen_since) < timedelta(seconds=settings().proof_seen_seconds):
        issuance.note(f"waiting: {unseen}")
        return Next("check", 5, {"since": since, "seen_since": seen_since})
    return Next("answer")


def answer(issuance: Issuance, _: Loop) -> Next:
    issuance.note("being proved", 40)
    uris = tuple(one.uri for one in _challenges(issuance))
    _ask("acme.answer", AnswerRequest(account=accounts.ensure(), challenges=uris), Answered)
    return Next("await_validation", 2)


def await_validation(issuance: Issuance, loop: Loop) -> Next:
    found = _look(issuance)
    if found.status is OrderStatus.PENDING:
        return _poll("await_validation", loop, found)
    return _after(issuance, found, loop)


def _challenges(issuance: Issuance) -> list[Challenge]:
    kept = issuance.order()
    return [Challenge.model_validate(one) for one in (kept.challenges or ())] if kept else []


# ---------------------------------------------------------------- the certificate


def finalize(issuance: Issuance, _: Loop) -> Next:
    issuance.note("being signed", 60)
    kept, account = _kept(issuance), accounts.ensure()
    key = vault.unseal(kept.sealed, model.context(issuance.certificate.id))
    request = FinalizeRequest(
        account=account, order=_uri(kept), signing_request=keys.signing_request(key, issuance.names)
    )
    found = _ask("acme.finalize", request, Order)
    return _after(issuance, found, {})


def await_certificate(issuance: Issuance, loop: Loop) -> Next:
    return _after(issuance, _look(issuance), loop)


def install(issuance: Issuance, _: Loop) -> Next:
    issuance.note("being installed", 80)
    kept, account = _kept(issuance), accounts.ensure()
    chain = _ask("acme.download", OrderRef(account=account, order=_uri(kept)), Chain).pem
    key = vault.unseal(kept.sealed, model.context(issuance.certificate.id))
    issuance.place.install(chain, key)
    first = not issuance.certificate.installed
    outcomes.installed(issuance.execution, issuance.certificate, kept, chain)
    return Next("clean_up", loop={"issued": FIRST if first else RENEWED})


def _look(issuance: Issuance) -> Order:
    request = OrderRef(account=accounts.ensure(), order=_uri(_kept(issuance)))
    found: Order = _ask("acme.look", request, Order)
    return found


def _kept(issuance: Issuance) -> CertificateOrder:
    kept = issuance.order()
    assert kept is not None, "a step came before the order"
    return kept


def _uri(kept: CertificateOrder) -> str:
    assert kept.uri is not None, "a step came before the order"
    return kept.uri


def _ask(operation: str, request: Any, reply: Any) -> Any:
    return reach.run(reach.DIRECT, operation, request, reply)


# ---------------------------------------------------------------- afterwards


def uninstall(issuance: Issuance, _: Loop) -> Next:
    tasks.begin(issuance.execution.id, issuance.attempt)
    issuance.place.clean(issuance.names)
    issuance.place.uninstall()
    return Next("settle", loop={"removed": True})


STEPS: dict[str, Callable[[Issuance, Loop], Next]] = {
    step.__name__: step
    for step in (
        order,
        present,
        check,
        answer,
        await_validation,
        finalize,
        await_certificate,
        install,
        uninstall,
    )
}
