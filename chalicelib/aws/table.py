"""The one table: its record base, its indexes, and writes that happen together or not at all.

Keys are text: ``pk`` and ``sk``, four listing indexes (``gsi1`` to ``gsi4``) and the sparse ``due``.
Nothing here can scan.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pynamodb.attributes import DiscriminatorAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.exceptions import PutError, TransactWriteError, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.kernel.errors import TooLarge
from chalicelib.kernel.settings import settings

_CONFLICT_TRIES = 8
_SIZE_EXCEEDED = "has exceeded the maximum allowed size"
_NO_ROOM = (
    "This is more than the 400 KB that one record can hold. Make it shorter, or ask for it in several calls:"
    " a shorter script, say, or fewer servers in each."
)


class ConditionFailed(Exception):
    """A condition of a write did not hold. ``failed`` holds the positions of the operations that refused."""

    def __init__(self, failed: Sequence[int] = ()) -> None:
        super().__init__(f"condition failed at {list(failed)}")
        self.failed = tuple(failed)


class _Where(type):
    """PynamoDB wants the table's name on a class; the name is known only when first asked for."""

    @property
    def table_name(cls) -> str:
        return settings().table


def _index(number: int) -> type[GlobalSecondaryIndex[Any]]:
    meta = type("Meta", (), {"index_name": f"gsi{number}", "projection": AllProjection()})
    keys = {
        f"gsi{number}pk": UnicodeAttribute(hash_key=True),
        f"gsi{number}sk": UnicodeAttribute(range_key=True),
    }
    made: Any = type(f"Gsi{number}", (GlobalSecondaryIndex,), {"Meta": meta, **keys})
    return made  # type: ignore[no-any-return]


class DueIndex(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    """What the minute tick has to look at, by time."""

    class Meta:
        index_name = "due"
        projection = AllProjection()

    due_pk = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class Record(Model):
    """Base of everything stored. ``kind`` tells the class."""

    class Meta(metaclass=_Where):
        max_pool_connections = 64
        connect_timeout_seconds = 5
        read_timeout_seconds = 30

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = DiscriminatorAttribute()
    gsi1pk = UnicodeAttribute(null=True)
    gsi1sk = UnicodeAttribute(null=True)
    gsi2pk = UnicodeAttribute(null=True)
    gsi2sk = UnicodeAttribute(null=True)
    gsi3pk = UnicodeAttribute(null=True)
    gsi3sk = UnicodeAttribute(null=True)
    gsi4pk = UnicodeAttribute(null=True)
    gsi4sk = UnicodeAttribute(null=True)
    due_pk = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    ttl = NumberAttribute(null=True)

    gsi1 = _index(1)()
    gsi2 = _index(2)()
    gsi3 = _index(3)()
    gsi4 = _index(4)()
    due = DueIndex()

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """One for all models: they share the table, and each client costs a tenth of a second to make."""
        connection: TableConnection = Model._get_connection.__func__(Record)  # type: ignore[attr-defined]
        return connection


R = TypeVar("R", bound=Record)


def absent() -> Condition:
    """Condition: no such item yet."""
    return Record.pk.does_not_exist()


def present() -> Condition:
    return Record.pk.exists()


def setting(model: type[Record], fields: Mapping[str, Any]) -> list[Action]:
    """The actions that set ``fields``; None takes an attribute away."""
    chosen = ((getattr(model, name), value) for name, value in fields.items())
    return [attribute.remove() if value is None else attribute.set(value) for attribute, value in chosen]


@dataclass(frozen=True)
class Put:
    record: Record
    condition: Condition | None = None


@dataclass(frozen=True)
class Update:
    record: Record
    actions: Sequence[Action]
    condition: Condition | None = None


@dataclass(frozen=True)
class Delete:
    record: Record
    condition: Condition | None = None


@dataclass(frozen=True)
class Check:
    record: Record
    condition: Condition = field(default_factory=present)


Write = Put | Update | Delete | Check


def _connection() -> Connection:
    return Record._get_connection().connection


def find(model: type[R], pk: str, sk: str, *, consistent: bool = True) -> R | None:
    try:
        return model.get(pk, sk, consistent_read=consistent)
    except model.DoesNotExist:
        return None


def find_many(model: type[R], keys: Iterable[tuple[str, str]]) -> list[R]:
    """Those of ``keys`` that exist, in no order: one request a hundred."""
    return list(model.batch_get(list(keys), consistent_read=True))


def put(record: Record, condition: Condition | None = None) -> None:
    """Raises ConditionFailed or TooLarge; so do :func:`update` and :func:`change`."""
    try:
        record.save(condition)
    except PutError as error:
        raise _refused(error) from error


def update(record: R, actions: Sequence[Action], condition: Condition | None = None) -> R:
    """Applies ``actions`` and loads what is stored afterwards into ``record``."""
    try:
        record.update(list(actions), condition)
    except UpdateError as error:
        raise _refused(error) from error
    return record


def change(record: Record, actions: Sequence[Action], condition: Condition | None = None) -> None:
    """As :func:`update`, without reading back what is stored afterwards."""
    try:
        record._get_connection().update_item(
            record.pk, range_key=record.sk, actions=list(actions), condition=condition
        )
    except UpdateError as error:
        raise _refused(error) from error


def put_many(records: Iterable[Record]) -> None:
    """Unconditional puts, 25 a request; what the table did not take is sent again."""
    with Record.batch_write() as batch:
        for record in records:
            batch.save(record)


def delete_many(records: Iterable[Record]) -> None:
    with Record.batch_write() as batch:
        for record in records:
            batch.delete(record)


def write(operations: Sequence[Write]) -> None:
    """All of ``operations`` (at most 100) or none.

    Raises ConditionFailed or TooLarge. Two writers meeting on an item is not a failure: it is tried again.
    """
    for attempt in range(_CONFLICT_TRIES):
        try:
            _commit(operations)
            return
        except TransactWriteError as error:
            codes = [reason.code if reason else "None" for reason in error.cancellation_reasons]
            failed = _positions(operations, codes, "ConditionalCheckFailed")
            if failed:
                raise ConditionFailed(failed) from error
            if _too_large(error):
                raise TooLarge(_NO_ROOM) from error
            if "TransactionConflict" not in codes or attempt == _CONFLICT_TRIES - 1:
                raise
            # Two requests meeting on a counter: milliseconds, spread so that they do not meet again.
            time.sleep(random.uniform(0.002, 0.02) * (attempt + 1))  # noqa: S311 - no secret


def _commit(operations: Sequence[Write]) -> None:
    with TransactWrite(connection=_connection()) as batch:
        for operation in operations:
            _add(batch, operation)


def _add(batch: TransactWrite, operation: Write) -> None:
    record = operation.record
    if isinstance(operation, Put):
        batch.save(record, operation.condition)
    elif isinstance(operation, Update):
        batch.update(record, list(operation.actions), operation.condition)
    elif isinstance(operation, Delete):
        batch.delete(record, operation.condition)
    else:
        batch.condition_check(type(record), record.pk, record.sk, operation.condition)


# PynamoDB sends checks, deletes, puts and updates in this order, whatever order they were added in.
_SENT_ORDER: tuple[type[Write], ...] = (Check, Delete, Put, Update)


def _positions(operations: Sequence[Write], codes: Sequence[str], code: str) -> list[int]:
    order = [
        position
        for kind in _SENT_ORDER
        for position, operation in enumerate(operations)
        if isinstance(operation, kind)
    ]
    return [position for position, found in zip(order, codes, strict=False) if found == code]


def _refused(error: PutError | UpdateError) -> Exception:
    if error.cause_response_code == "ConditionalCheckFailedException":
        return ConditionFailed([0])
    return TooLarge(_NO_ROOM) if _too_large(error) else error


def _too_large(error: PutError | UpdateError | TransactWriteError) -> bool:
    """DynamoDB tells it by its words alone; of a transaction in the reasons, or of the whole of it."""
    said = [error.cause_response_message]
    if isinstance(error, TransactWriteError):
        said += [reason.message for reason in error.cancellation_reasons if reason]
    return any(_SIZE_EXCEEDED in words for words in said if words)


def raw_update(arguments: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
    """One UpdateItem in DynamoDB's own terms, for the gate on every request.

    Returns (True, the item after) or (False, the item as it is, ``{}`` where there is none).
    """
    dynamodb = _connection().client
    try:
        answer = dynamodb.update_item(
            TableName=settings().table,
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **arguments,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        return False, error.response.get("Item", {})
    return True, answer["Attributes"]


def forget() -> None:
    """Tests only: drop the kept connection."""
    Record._connection = None
