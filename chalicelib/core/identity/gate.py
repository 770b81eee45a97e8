"""The gate that every request with a token passes: one conditional update of one item.

It checks that the session lives and the account is enabled, counts the call against the user's window for
that surface, and tells the role: one round trip for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BooleanAttribute, MapAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record
from chalicelib.core import limits
from chalicelib.core.identity.roles import Role
from chalicelib.core.limits import Bucket, Standing
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.settings import settings

_WINDOW = "w:"


class Gate(Record, discriminator="gate"):
    """``sessions``: session id to {"exp": Unix time, "refresh": id of the one good refresh token}.

    Beside these the item holds one number a bucket and window, named ``w:<bucket>:<window>``.
    """

    role = UnicodeAttribute()
    username = UnicodeAttribute()
    disabled = BooleanAttribute(default=False)
    sessions: MapAttribute[Any, Any] = MapAttribute(default=dict)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Pass:
    """What the gate found out about the caller."""

    username: str
    role: Role
    standing: Standing


def enter(user_id: int, session_id: str, bucket: Bucket) -> Pass:
    """Raises Unauthenticated (revoked, disabled, unknown) or RateLimited."""
    number, reset = limits.window()
    counter = f"{_WINDOW}{bucket.name}:{number}"
    passed, item = table.raw_update(_question(user_id, session_id, counter, bucket))
    used = int(item.get(counter, {"N": "0"})["N"])
    if not passed:
        raise _refusal(item, session_id, reset)
    if used == 1:
        _forget_old_windows(user_id, item, counter)
    return Pass(item["username"]["S"], Role(item["role"]["S"]), limits.standing(bucket, used))


def _question(user_id: int, session_id: str, counter: str, bucket: Bucket) -> dict[str, Any]:
    live = "attribute_exists(sessions.#session) AND disabled = :no"
    values: dict[str, Any] = {":one": {"N": "1"}, ":no": {"BOOL": False}}
    if settings().rate_limits:
        live += " AND (attribute_not_exists(#counter) OR #counter < :most)"
        values[":most"] = {"N": str(bucket.requests)}
    return {
        "Key": _key(user_id),
        "UpdateExpression": "ADD #counter :one",
        "ConditionExpression": live,
        "ExpressionAttributeNames": {"#session": session_id, "#counter": counter},
        "ExpressionAttributeValues": values,
    }


def _key(user_id: int) -> dict[str, Any]:
    return {"pk": {"S": f"USER#{user_id}"}, "sk": {"S": "GATE"}}


def _refusal(item: dict[str, Any], session_id: str, reset: int) -> Exception:
    if not item or session_id not in item.get("sessions", {"M": {}})["M"]:
        return Unauthenticated("This session has ended. Log in again.")
    if item["disabled"]["BOOL"]:
        return Unauthenticated("This account is disabled. Ask an administrator.")
    return limits.exceeded(reset)


def _forget_old_windows(user_id: int, item: dict[str, Any], counter: str) -> None:
    """Once a window: drop the numbers of earlier ones, so that the item stays small."""
    current = counter.rpartition(":")[2]
    old = [name for name in item if name.startswith(_WINDOW) and name.rpartition(":")[2] < current]
    if not old:
        return
    names = {f"#w{position}": name for position, name in enumerate(old)}
    table.raw_update(
        {
            "Key": _key(user_id),
            "UpdateExpression": "REMOVE " + ", ".join(names),
            "ExpressionAttributeNames": names,
        }
    )
