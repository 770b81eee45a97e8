"""The gate that every request with a token or an API key passes: one conditional update of one item.

It checks that the session or the key lives and the account is enabled, counts the call against the user's
window for that surface, notes when a key was used, and tells the role: one round trip for all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import BooleanAttribute, MapAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record
from chalicelib.core import limits
from chalicelib.core.identity.roles import Permission, Role
from chalicelib.core.limits import Bucket, Standing
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Unauthenticated
from chalicelib.kernel.settings import settings

KEY = "key:"
"""What the login of who came by an API key begins with; the key's id follows."""

_WINDOW = "w:"


class Gate(Record, discriminator="gate"):
    """``sessions``: session id to {"exp": Unix time, "refresh": id of the one good refresh token}.
    ``keys``: id of an API key to {"digest", "permissions", "exp"?, "seen"?: Unix time of its last use}.

    Beside these the item holds one number a bucket and window, named ``w:<bucket>:<window>``.
    """

    role = UnicodeAttribute()
    username = UnicodeAttribute()
    uuid = UnicodeAttribute()
    disabled = BooleanAttribute(default=False)
    last_login = UnicodeAttribute(null=True)
    sessions: MapAttribute[Any, Any] = MapAttribute(default=dict)  # type: ignore[no-untyped-call]
    keys: MapAttribute[Any, Any] = MapAttribute(default=dict)  # type: ignore[no-untyped-call]


@dataclass(frozen=True)
class Pass:
    """What the gate found out about the caller."""

    username: str
    uuid: str
    role: Role
    permissions: frozenset[Permission]
    standing: Standing


def enter(user_id: int, login: str, bucket: Bucket, digest: str | None = None) -> Pass:
    """``login``: a session's id, or ``key:`` and a key's id. ``digest``: of the key that was shown; without
    it, who asks is known to hold the key.

    Raises Unauthenticated (revoked, expired, disabled, unknown) or RateLimited.
    """
    number, reset = limits.window()
    counter = f"{_WINDOW}{bucket.name}:{number}"
    passed, item = table.raw_update(_question(user_id, login, digest, counter, bucket))
    used = int(item.get(counter, {"N": "0"})["N"])
    if not passed:
        raise _refusal(item, login, digest, reset)
    if used == 1:
        _forget_old_windows(user_id, item, counter)
    role = Role(item["role"]["S"])
    return Pass(
        item["username"]["S"],
        item.get("uuid", {"S": ""})["S"],
        role,
        role.permissions & _granted(item, login),
        limits.standing(bucket, used),
    )


def _question(user_id: int, login: str, digest: str | None, counter: str, bucket: Bucket) -> dict[str, Any]:
    update, live = "ADD #counter :one", "attribute_exists(sessions.#login) AND disabled = :no"
    names = {"#login": login, "#counter": counter}
    values: dict[str, Any] = {":one": {"N": "1"}, ":no": {"BOOL": False}}
    if login.startswith(KEY):
        update += " SET #keys.#login.#seen = :now"
        live = "attribute_exists(#keys.#login) AND disabled = :no"
        live += " AND (attribute_not_exists(#keys.#login.#exp) OR #keys.#login.#exp > :now)"
        names |= {"#keys": "keys", "#login": login.removeprefix(KEY), "#seen": "seen", "#exp": "exp"}
        values[":now"] = {"N": str(clock.epoch())}
        if digest is not None:
            live += " AND #keys.#login.#digest = :digest"
            names["#digest"] = "digest"
            values[":digest"] = {"S": digest}
    if settings().rate_limits:
        live += " AND (attribute_not_exists(#counter) OR #counter < :most)"
        values[":most"] = {"N": str(bucket.requests)}
    return {
        "Key": _key(user_id),
        "UpdateExpression": update,
        "ConditionExpression": live,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def _key(user_id: int) -> dict[str, Any]:
    return {"pk": {"S": f"USER#{user_id}"}, "sk": {"S": "GATE"}}


def _entry(item: dict[str, Any], login: str) -> dict[str, Any] | None:
    """What the item holds of the session or the key."""
    held = "keys" if login.startswith(KEY) else "sessions"
    found: dict[str, Any] | None = item.get(held, {"M": {}})["M"].get(login.removeprefix(KEY))
    return found


def admits(held: Gate, login: str) -> bool:
    """Whether ``login`` would still be let in, its limits aside."""
    key = login.startswith(KEY)
    entries: dict[str, Any] = (held.keys if key else held.sessions).attribute_values
    entry = entries.get(login.removeprefix(KEY))
    if entry is None or held.disabled:
        return False
    return not key or int(entry.get("exp", clock.epoch() + 1)) > clock.epoch()


def _granted(item: dict[str, Any], login: str) -> frozenset[Permission]:
    """A log-in grants all that the role has; a key what it was given, which includes the own account where it
    may write."""
    if not login.startswith(KEY):
        return frozenset(Permission)
    entry = _entry(item, login) or {"M": {"permissions": {"S": ""}}}
    given = frozenset(Permission(word) for word in entry["M"]["permissions"]["S"].split())
    return given | {Permission.OWN} if Permission.WRITE in given else given


def _refusal(item: dict[str, Any], login: str, digest: str | None, reset: int) -> Exception:
    entry = _entry(item, login)
    if login.startswith(KEY):
        held = entry["M"] if entry else {}
        wrong = digest is not None and held.get("digest", {"S": ""})["S"] != digest
        if not held or wrong:
            return Unauthenticated("This API key is not known or was revoked.")
        if "exp" in held and int(held["exp"]["N"]) <= clock.epoch():
            return Unauthenticated("This API key has expired. Create another one.")
    elif entry is None:
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
