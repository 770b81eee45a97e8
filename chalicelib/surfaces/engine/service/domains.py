"""Domains of a deployment: claimed, proved by a TXT record, routed, given back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

from chalicelib.aws import table
from chalicelib.aws.table import Check, ConditionFailed, Delete, Put, Update, Write
from chalicelib.core import audit
from chalicelib.core.audit import SYSTEM, Actor
from chalicelib.core.clusters import registry
from chalicelib.kernel import clock, ids
from chalicelib.kernel.errors import BadRequest, Conflict, NotFound, TargetError
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model import domains
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.domains import Domain, DomainGuard, DomainState
from chalicelib.surfaces.engine.model.states import Action
from chalicelib.surfaces.engine.service import changing
from chalicelib.surfaces.engine.service.changing import Wanted, own

TAKEN = "Domain already exists"
MISSING = "Domain not found"
BUSY = "This domain is being changed at the same time. Try again."
NOT_YET = "The TXT record {} does not hold {} yet."
NOT_LOOKED = "The proof could not be looked for because of a fault on our side ({})."
TOO_LATE = "Control was not proved within {} days. Remove the domain and add it again for another try."

PROOF_SECONDS = 10.0
"""In which a minute's looks are begun; the last of them ends one answer of a name server later."""
_A_MINUTE, _AT_ONCE = 50, 8
_TRIES = 5
_SOON, _LATER = timedelta(minutes=1), timedelta(minutes=10)
_FRESH = timedelta(hours=1)


def listed(caller: Caller, deployment_id: str) -> tuple[Deployment, list[Domain]]:
    """Oldest first."""
    return own(caller, deployment_id), domains.of(deployment_id)


def _get(caller: Caller, deployment_id: str, domain_id: str) -> tuple[Deployment, Domain]:
    deployment, found = own(caller, deployment_id), domains.find(deployment_id, domain_id)
    if found is None:
        raise NotFound(MISSING)
    return deployment, found


# -- claiming -------------------------------------------------------------------------------------------


def add(caller: Caller, deployment_id: str, name: str) -> tuple[Deployment, Domain]:
    """Claims the name. Traffic comes only after the proof. Raises BadRequest, Conflict."""
    deployment = own(caller, deployment_id)
    _check_foreign(name)
    if len(domains.of(deployment_id)) >= domains.MOST:
        raise BadRequest(f"A deployment has at most {domains.MOST} domains.")
    claimed = _claimed(deployment_id, name)
    kept = Deployment.deleting == False  # noqa: E712 - an expression for the table
    writes: list[Write] = [
        Put(domains.guard(name, deployment_id), table.absent()),
        Check(Deployment(deployment.pk, deployment.sk), kept),
        Put(claimed, table.absent()),
        audit.entry(caller.actor, "domain.create", deployment.pk, after={"domain": name}),
    ]
    try:
        table.write(writes)
    except ConditionFailed as error:
        if 0 in error.failed:
            raise Conflict(TAKEN, f"domain: '{name}' is in use; choose another one") from error
        raise NotFound(changing.MISSING) from error
    return deployment, claimed


def _check_foreign(name: str) -> None:
    """What is below the platform's own names is given out by app_name alone."""
    for cluster in registry.every():
        if name == cluster.domain_suffix or name.endswith(f".{cluster.domain_suffix}"):
            raise BadRequest(
                f"'{name}' is below {cluster.domain_suffix}, whose names follow from app_name. "
                "Use a domain of your own."
            )


def _claimed(deployment_id: str, name: str) -> Domain:
    now, domain_id = clock.iso_now(), ids.new_uuid()
    return Domain(
        *domains.domain_key(deployment_id, domain_id),
        due_pk=domains.DUE,
        due_at=now,
        id=domain_id,
        deployment_id=deployment_id,
        name=name,
        token=ids.new_token("quarterdeck-", 18),
        created_at=now,
    )


# -- proving --------------------------------------------------------------------------------------------


def verify(caller: Caller, deployment_id: str, domain_id: str) -> tuple[Deployment, Domain]:
    """Looks now. What is proved already is left alone. Raises BadRequest for a claim that was given up: its
    name may be somebody else's by now."""
    deployment, found = _get(caller, deployment_id, domain_id)
    if not found.holds_its_name:
        raise BadRequest(TOO_LATE.format(domains.PROVED_WITHIN.days))
    _look(caller.actor, found)
    return deployment, domains.find(deployment_id, domain_id) or found


def look_for_proofs() -> None:
    """The minute's look at what is pending. What there was no time for is due the longest, so it is first in
    the next minute."""
    until = time.monotonic() + PROOF_SECONDS
    due = Domain.due.query(domains.DUE, Domain.due_at <= clock.iso_now(), limit=_A_MINUTE)
    found = [record for record in due if isinstance(record, Domain)]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(lambda one: _look_in_time(one, until), found))


def _look_in_time(found: Domain, until: float) -> None:
    """One that fails keeps no other waiting, in this minute or the next."""
    if time.monotonic() > until:
        return
    try:
        _look(SYSTEM, found)
    except Exception as error:  # noqa: BLE001 - logged; it is due again, behind the others
        log().exception("domain not looked at", domain=found.id)
        _wait(found, NOT_LOOKED.format(type(error).__name__))


def _look(actor: Actor, found: Domain) -> None:
    if found.status.proved:
        return
    told = _proof(found)
    if told is None:
        _prove(actor, found)
    else:
        _wait(found, told)


def _proof(found: Domain) -> str | None:
    """Why control is not proved; None when it is."""
    from chalicelib.targets.dns import TextRequest, lookup_text

    try:
        reply = lookup_text(TextRequest(name=found.challenge, resolver=settings().dns_resolver))
    except TargetError as error:
        return error.message
    return None if found.token in reply.values else NOT_YET.format(found.challenge, found.token)


def _prove(actor: Actor, found: Domain) -> None:
    """The name comes to the cluster, in one transaction with the proof."""

    def decide(deployment: Deployment) -> Wanted | None:
        now = domains.find(found.deployment_id, found.id)
        if now is None or now.status.proved or not now.holds_its_name:
            return None
        names = sorted({*deployment.domains, now.name})
        return Wanted(Action.DOMAINS, {"domains": names}, writes=lambda _: _proved(now))

    changing.change(actor, found.deployment_id, decide)


def _proved(found: Domain) -> list[Write]:
    now = clock.iso_now()
    actions = [
        Domain.state.set(DomainState.VERIFIED.value),
        Domain.verified_at.set(now),
        Domain.checked_at.set(now),
        Domain.reason.remove(),
        Domain.due_pk.remove(),
        Domain.due_at.remove(),
    ]
    proved = Update(Domain(found.pk, found.sk), actions, Domain.state == found.state)
    held = DomainGuard.deployment_id == found.deployment_id
    return [proved, Check(domains.guard(found.name), held)]


def _wait(found: Domain, why: str) -> None:
    """Not proved: looked at again, less often as time goes by, and given up in the end."""
    now, age = clock.now(), clock.now() - clock.parse(found.created_at)
    actions = [Domain.checked_at.set(clock.iso(now))]
    writes: list[Write] = []
    if age > domains.PROVED_WITHIN:
        reason = TOO_LATE.format(domains.PROVED_WITHIN.days)
        actions += [Domain.state.set(DomainState.FAILED.value), Domain.reason.set(reason)]
        actions += [Domain.due_pk.remove(), Domain.due_at.remove()]
        writes.append(_freeing(found))
    else:
        later = now + (_SOON if age < _FRESH else _LATER)
        actions += [Domain.reason.set(why), Domain.due_at.set(clock.iso(later))]
    pending = Domain.state == DomainState.PENDING.value
    try:
        table.write([Update(Domain(found.pk, found.sk), actions, pending), *writes])
    except ConditionFailed:
        return


# -- giving back ----------------------------------------------------------------------------------------


def remove(caller: Caller, deployment_id: str, domain_id: str) -> Domain:
    """The name is free at once, and its traffic ends with the rollout that this begins."""
    for _ in range(_TRIES):
        deployment, found = _get(caller, deployment_id, domain_id)
        if _is_routed(found, deployment):
            return _take_off(caller, found)
        unmoved = Deployment.version == deployment.version  # else its proof may have come in between
        writes = [
            *_removing(found),
            Check(Deployment(deployment.pk, deployment.sk), unmoved),
            audit.entry(caller.actor, "domain.delete", deployment.pk, before={"domain": found.name}),
        ]
        with suppress(ConditionFailed):
            table.write(writes)
            return found
    raise Conflict(BUSY)


def _is_routed(found: Domain, deployment: Deployment) -> bool:
    """A claim that was given up may have a newer one beside it, which the name's traffic belongs to."""
    return found.holds_its_name and found.name in deployment.domains


def _take_off(caller: Caller, found: Domain) -> Domain:
    def decide(deployment: Deployment) -> Wanted:
        now = domains.find(found.deployment_id, found.id)
        if now is None:
            raise NotFound(MISSING)
        names = [name for name in deployment.domains if name != now.name]
        return Wanted(Action.DOMAINS, {"domains": names}, writes=lambda _: _removing(now))

    changing.change(caller.actor, found.deployment_id, decide)
    return found


def _removing(found: Domain) -> list[Write]:
    writes: list[Write] = [Delete(Domain(found.pk, found.sk), Domain.state == found.state)]
    guard = domains.guard(found.name)
    held = table.find(DomainGuard, guard.pk, guard.sk)
    if found.holds_its_name and held and held.deployment_id == found.deployment_id:
        writes.append(_freeing(found))
    return writes


def _freeing(found: Domain) -> Delete:
    """Nobody frees a name that is another deployment's by now."""
    return Delete(domains.guard(found.name), DomainGuard.deployment_id == found.deployment_id)
