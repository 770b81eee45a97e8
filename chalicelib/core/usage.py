"""Who uses what, so that nothing in use is deleted. A use and the count of uses change together, and the
count is what a deletion is conditional on: who begins to use a thing and who deletes it cannot both win."""

from __future__ import annotations

from collections.abc import Iterable

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.table import Check, Delete, Put, Record, Update, Write, absent, present
from chalicelib.kernel.errors import BadRequest


class Use(Record, discriminator="use"):
    """``name`` is what a person is told: ``schedule 3 'Daily Backup'``."""

    name = UnicodeAttribute()


class UseCount(Record, discriminator="use-count"):
    value = NumberAttribute(default=0)


def script(script_id: int) -> str:
    """What a script is called here."""
    return f"SCRIPT#{script_id}"


def group(group_id: int) -> str:
    """What a server group is called here."""
    return f"GROUP#{group_id}"


def _use(thing: str, user: str, name: str = "") -> Use:
    return Use(f"USE#{thing}", user, name=name)


def _count(thing: str) -> UseCount:
    return UseCount(f"USES#{thing}", "COUNT")


def _counting(thing: str, amount: int) -> Update:
    return Update(_count(thing), [UseCount.kind.set(UseCount), UseCount.value.add(amount)])


def moves(user: str, name: str, before: Iterable[str], after: Iterable[str]) -> list[Write]:
    """The writes that bring ``user`` from using ``before`` to using ``after``, for its own transaction.

    The caller's transaction must fence ``before``: it is what the stored record of the user says.
    """
    old, new = set(before), set(after)
    writes: list[Write] = [Put(_use(thing, user, name)) for thing in sorted(old & new)]
    for thing in sorted(new - old):
        writes += [Put(_use(thing, user, name), absent()), _counting(thing, 1)]
    for thing in sorted(old - new):
        writes += [Delete(_use(thing, user), present()), _counting(thing, -1)]
    return writes


def unused(thing: str) -> Check:
    """For the transaction that deletes ``thing``: nobody uses it."""
    return Check(_count(thing), UseCount.value.does_not_exist() | (UseCount.value == 0))


def of(thing: str) -> list[Use]:
    return list(Use.query(f"USE#{thing}", consistent_read=True))


def refuse(thing: str, called: str) -> None:
    """Raises BadRequest naming the users of ``thing``, if there are any. ``called`` as in 'Script 3'."""
    names = [use.name for use in of(thing)]
    if names:
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        listed = ", ".join(names[:10]) + more
        raise BadRequest(f"{called} is in use by {listed}. Change or delete that first.", names[:100])
