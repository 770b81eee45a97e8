"""The rules: what is taken is counted in the taker's own transaction, and refused beyond the limit."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import Put, Update
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.quotas import model
from chalicelib.core.quotas.model import MIB, NAMES, Allowed, Amounts, Held
from chalicelib.kernel.errors import BadRequest

_TOLD = {
    "apps": "applications",
    "replicas": "replicas altogether",
    "cpu": "of CPU altogether",
    "memory": "of memory altogether",
}


@dataclass(frozen=True)
class Standing:
    held: Amounts
    allowed: Amounts


def standing(user_id: int) -> Standing:
    held = table.find(Held, model.key(user_id), "HELD")
    allowed = table.find(Allowed, model.key(user_id), "ALLOWED")
    return Standing(model.amounts(held), model.limits(allowed))


def taking(user_id: int, more: Amounts) -> Update | None:
    """The write that counts ``more`` (negative: gives back) for the caller's transaction; None for nothing.

    Raises BadRequest when it would pass a limit. The write is refused when somebody else takes the last of
    it meanwhile: ask again, and this raises.
    """
    if more == Amounts():
        return None
    now = standing(user_id)
    for name in NAMES:
        _check(name, getattr(now.held, name), getattr(more, name), getattr(now.allowed, name))
    return _moving(user_id, more, _room(more, now.allowed))


def moving(user_id: int, more: Amounts) -> list[Update]:
    """The write that counts ``more`` whatever the limits say: for what is undone, not asked for."""
    return [] if more == Amounts() else [_moving(user_id, more, None)]


def _moving(user_id: int, more: Amounts, condition: Condition | None) -> Update:
    actions: list[Action] = [Held.kind.set(Held)]
    actions += [getattr(Held, name).add(amount) for name in NAMES if (amount := getattr(more, name))]
    return Update(Held(model.key(user_id), "HELD"), actions, condition)


def _check(name: str, held: int, more: int, allowed: int) -> None:
    if more <= 0 or held + more <= allowed:
        return
    shown = f"{_worded(name, allowed)} {_TOLD[name]}"
    raise BadRequest(
        f"Quota exceeded: you may have {shown}, you have {_worded(name, held)}, "
        f"and this would need {_worded(name, more)} more.",
        f"{name}: allowed {_worded(name, allowed)}, held {_worded(name, held)}, wanted {_worded(name, more)}",
    )


def _worded(name: str, amount: int) -> str:
    if name == "cpu":
        return f"{amount / 1000:g} cores"
    return f"{amount / MIB:g} MiB" if name == "memory" else str(amount)


def _room(more: Amounts, allowed: Amounts) -> Condition | None:
    condition: Condition | None = None
    for name in NAMES:
        wanted = getattr(more, name)
        if wanted > 0:
            attribute = getattr(Held, name)
            here = attribute.does_not_exist() | (attribute <= getattr(allowed, name) - wanted)
            condition = here if condition is None else condition & here
    return condition


def allow(actor: Actor, user_id: int, given: dict[str, int | None]) -> Amounts:
    """Sets a user's own limits; None and what is left out: as the settings have it. What they hold stays."""
    before = standing(user_id).allowed
    record = Allowed(model.key(user_id), "ALLOWED")
    for name in NAMES:
        setattr(record, name, given.get(name))
    after = model.limits(record)
    entry = audit.entry(actor, "quota.update", record.pk, before=before.shown(), after=after.shown())
    table.write([Put(record), entry])
    return after
