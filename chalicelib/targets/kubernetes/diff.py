"""What differs between two states of an object. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chalicelib.kernel.secrets import MASK
from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.replies import FieldChange

# Written by the server with every change, whatever it was.
_BOOKKEEPING = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
# What tells the items of a list apart, in this order.
_ITEM_KEYS = ("name", "host", "secretName", "containerPort", "port", "key", "topologyKey", "type")
_ABSENT = object()


def changes(before: Manifest, after: Manifest) -> tuple[FieldChange, ...]:
    """Field by field, without the server's bookkeeping; values of a Secret are masked."""
    found = _compare("", _wished(before), _wished(after))
    if after.get("kind") == "Secret":
        found = (_masked(*change) for change in found)
    return tuple(FieldChange(path=path, before=_shown(old), after=_shown(new)) for path, old, new in found)


def _masked(path: str, before: Any, after: Any) -> tuple[str, Any, Any]:
    if not path.startswith("data"):
        return path, before, after
    return path, _hidden(before), _hidden(after)


def _hidden(value: Any) -> Any:
    return value if value is _ABSENT else MASK


def _wished(one: Manifest) -> Manifest:
    metadata = {key: value for key, value in one["metadata"].items() if key not in _BOOKKEEPING}
    return {**{key: value for key, value in one.items() if key != "status"}, "metadata": metadata}


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value


def _compare(path: str, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(before, list) and isinstance(after, list):
        key = _item_key(before + after)
        if key:
            before, after = _by(key, before), _by(key, after)
            for name in sorted({*before, *after}, key=str):
                yield from _compare(f"{path}[{name}]", before.get(name, _ABSENT), after.get(name, _ABSENT))
            return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            inside = f"{path}.{name}" if path else name
            yield from _compare(inside, before.get(name, _ABSENT), after.get(name, _ABSENT))
    elif before != after:
        yield path, before, after


def _item_key(items: list[Any]) -> str | None:
    """The key that every item has."""
    for key in _ITEM_KEYS:
        if items and all(isinstance(one, dict) and key in one for one in items):
            return key
    return None


def _by(key: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {str(one[key]): one for one in items}
