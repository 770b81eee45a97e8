"""As what each part is counted in the kept totals, a record for every block of parts.

It lies apart from the parts: a mark on a part itself would be one more change for the stream to tell of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from operator import and_
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition

from chalicelib.aws import table
from chalicelib.aws.table import Record, Update
from chalicelib.core import counting
from chalicelib.core.counting import BLOCK
from chalicelib.core.executions import model
from chalicelib.core.executions.status import Status


class Marks(Record, discriminator="marks"):
    """Of each part of a block (``s00`` to ``s99``) the state that it is counted in; none: not yet counted."""

    for _slot in range(BLOCK):
        locals()[f"s{_slot:02d}"] = UnicodeAttribute(null=True)


def _key(block: int) -> tuple[str, str]:
    return f"COUNTED#{counting.block_key(model.PARTS, block)}", "MARKS"


def _slot(part_id: int) -> str:
    return f"s{part_id % BLOCK:02d}"


def read(part_ids: Iterable[int]) -> dict[int, Status]:
    """The states that those of ``part_ids`` are counted in which are counted at all."""
    numbers = set(part_ids)
    keys = {_key(number // BLOCK) for number in numbers}
    found = {record.pk: record for record in table.find_many(Marks, keys)}
    marks = {number: getattr(found.get(_key(number // BLOCK)[0]), _slot(number), None) for number in numbers}
    return {number: Status(mark) for number, mark in marks.items() if mark}


def moving(before: Mapping[int, Status], after: Mapping[int, Status]) -> list[Update]:
    """The writes that mark parts as ``after`` says, provided that they still are as ``before`` says."""
    blocks: dict[int, list[int]] = {}
    for number in sorted(after):
        blocks.setdefault(number // BLOCK, []).append(number)
    return [_update(block, numbers, before, after) for block, numbers in blocks.items()]


def _update(
    block: int, numbers: list[int], before: Mapping[int, Status], after: Mapping[int, Status]
) -> Update:
    actions = [_attribute(number).set(after[number].value) for number in numbers]
    unmoved = reduce(and_, (_still(number, before.get(number)) for number in numbers))
    return Update(Marks(*_key(block)), [Marks.kind.set(Marks), *actions], unmoved)


def _still(number: int, state: Status | None) -> Condition:
    attribute = _attribute(number)
    found: Condition = attribute.does_not_exist() if state is None else attribute == state.value
    return found


def _attribute(number: int) -> Any:
    return getattr(Marks, _slot(number))
