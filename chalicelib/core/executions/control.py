"""The control feed of an execution: appended to by whoever changes the execution, in the same write.

It has many writers, so the numbers come from the execution itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Update, Write
from chalicelib.core.executions.feed import FeedEntry
from chalicelib.core.executions.model import Execution, execution_key


def append(
    execution_id: str,
    make: Callable[[int], list[FeedEntry]],
    actions: Sequence[Action] = (),
    *,
    attempt: int | None = None,
    writes: Sequence[Write] = (),
) -> bool:
    """``make`` gives the entries from a number on; ``actions`` change the execution, and ``writes`` go along
    in the same transaction.

    What changes the execution is left out when it has ended before, or is in another attempt than
    ``attempt``: False. Raises ConditionFailed when one of ``writes`` does not hold; its positions are theirs.
    """
    changes = bool(actions or writes or attempt is not None)
    while True:
        execution = table.find(Execution, execution_key(execution_id), "EXEC")
        if execution is None or (changes and execution.state.final):
            return False
        if attempt is not None and int(execution.attempt) != attempt:
            return False
        entries = make(int(execution.control_entries) + 1)
        counted = [Execution.control_entries.add(len(entries)), *actions]
        unmoved = Execution.control_entries == execution.control_entries
        if attempt is not None:
            unmoved &= Execution.attempt == attempt
        own: list[Write] = [Update(execution, counted, unmoved)]
        own += [Put(entry, table.absent()) for entry in entries]
        try:
            table.write([*own, *writes])
        except ConditionFailed as error:
            if theirs := [position - len(own) for position in error.failed if position >= len(own)]:
                raise ConditionFailed(theirs) from error
            continue
        return True
