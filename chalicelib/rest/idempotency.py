"""``Idempotency-Key`` on POST: the same key by the same user gives the first answer again, for a day.

Kept by Powertools in our table, an answer that is too large for an item in the bucket. The same key with
another body is refused, and so is a repeat while the first is still at work.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.aws import blobs
from chalicelib.core import vault
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Conflict, Invalid
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import settings

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

Answer = dict[str, Any]

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 255
LARGEST_IN_TABLE = 200 * 1024
"""Bytes of JSON; an item has room for twice as many."""


@lru_cache(maxsize=1)
def _store() -> DynamoDBPersistenceLayer:
    from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer

    return DynamoDBPersistenceLayer(
        table_name=settings().table,
        key_attr="pk",
        sort_key_attr="sk",
        static_pk_value="IDEMPOTENCY",
        expiry_attr="ttl",
        status_attr="idempotency_status",
    )


def once(key: str, owner: str, request: Answer, work: Callable[[], Answer], context: Any) -> Answer:
    """``work``'s answer, or the one it gave before for this key and owner. Raises Conflict or Invalid.

    ``context`` is Lambda's: it tells when a first request that never ended may be taken for dead.
    """
    from aws_lambda_powertools.utilities.idempotency import IdempotencyConfig, idempotent_function
    from aws_lambda_powertools.utilities.idempotency import exceptions as kept

    if not 0 < len(key) <= LONGEST_KEY:
        raise Invalid("Validation error", [_bad(f"must have 1 to {LONGEST_KEY} characters")])

    config = IdempotencyConfig(
        event_key_jmespath="key",
        payload_validation_jmespath="request",
        expires_after_seconds=KEPT_SECONDS,
        raise_on_no_idempotency_key=True,
        lambda_context=context,
    )

    @idempotent_function(data_keyword_argument="asked", config=config, persistence_store=_store())
    def run(*, asked: Answer) -> Answer:
        return _to_keep(work())

    try:
        return _kept(run(asked={"key": f"{owner}:{key}", "request": request}))
    except kept.IdempotencyValidationError as error:
        raise Invalid("Validation error", [_bad("was used before with another request")]) from error
    except kept.IdempotencyAlreadyInProgressError as error:
        raise Conflict("The first request with this Idempotency-Key is still at work. Try again.") from error


def _to_keep(answer: Answer) -> Answer:
    """What the item holds: the answer, or where in the bucket it lies."""
    text = json.dumps(answer)  # as Powertools writes it
    if len(text) <= LARGEST_IN_TABLE:
        return answer
    name = f"runs/answers/{ids.new_uuid()}"
    blobs.put(name, text.encode())
    return {"blob": name}


def _kept(held: Answer) -> Answer:
    answer: Answer = json.loads(blobs.get(held["blob"])) if "blob" in held else held
    return answer


def seal(answer: Answer, owner: str) -> Answer:
    """What is kept of an answer that holds a secret."""
    return {"sealed": vault.seal(Secret(json.dumps(answer)), {"record": "IDEMPOTENCY", "owner": owner})}


def unseal(kept: Answer, owner: str) -> Answer:
    opened = vault.unseal(kept["sealed"], {"record": "IDEMPOTENCY", "owner": owner})
    answer: Answer = json.loads(opened.reveal())
    return answer


def _bad(message: str) -> dict[str, Any]:
    return {"loc": ["header", "Idempotency-Key"], "msg": message, "type": "value_error"}
