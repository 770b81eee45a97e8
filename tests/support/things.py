"""Things made over HTTP for tests to work on, by what the contract says: what stands under
``/things/{thing_id}`` is made by ``POST /things`` with that operation's sample body.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support import routes, samples
from tests.support.client import ContractClient
from tests.support.contract import Operation

if TYPE_CHECKING:
    from tests.support.stack import Stack

_count = itertools.count(1)


def unique(word: str) -> str:
    return f"{word}-{next(_count)}"


@dataclass
class Ready:
    """A call that must succeed: who makes it, where, and with what (None: without a body)."""

    client: ContractClient
    path: str
    body: Any = None


@dataclass
class Things:
    """Makes things on one surface as ``client``'s user. A surface's own class adds what its contract does not
    tell; ``stack`` is needed by what takes more than one user."""

    client: ContractClient
    shared: dict[str, Any] = field(default_factory=dict)
    stack: Stack | None = None

    def thing(self, parameter: str, collection: str) -> Any:
        """The id of a fresh thing for a path parameter, ``collection`` being the path before it."""
        creator = self.client.contract.find("POST", collection)
        assert creator is not None, f"nothing makes a {parameter}: no POST {collection}"
        return self.client.ok("POST", collection, self.body(creator))["id"]

    def path(self, operation: Operation, *, fresh: bool = True, **given: Any) -> str:
        """The operation's path with real ids; ``given`` replaces some. Of several ids only the last is fresh:
        it stands below the others."""
        path, names = operation.path, re.findall(r"\{([^}]+)\}", operation.path)
        for name in names:
            new = fresh and name == names[-1]
            collection = path[: path.index("{")]
            real = given.get(name) or (self.thing if new else self.same)(name, collection)
            path = path.replace(f"{{{name}}}", str(real))
        return path

    def same(self, parameter: str, collection: str) -> Any:
        """One thing that tests share because they may not change it."""
        if parameter not in self.shared:
            self.shared[parameter] = self.thing(parameter, collection)
        return self.shared[parameter]

    def body(self, operation: Operation) -> Any:
        """A body that must be taken: the sample, with ids of things that are there and a name of its own."""
        return self._linked(samples.body(operation))

    def makers(self) -> dict[str, Callable[[], Any]]:
        """What stands in a sample's field instead of what the document prints."""
        return {"username": lambda: unique("user"), "email": lambda: f"{unique('user')}@example.com"}

    def _linked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._linked(one) for one in value]
        if not isinstance(value, dict):
            return value
        linked = {key: self._linked(one) for key, one in value.items()}
        return linked | {key: make() for key, make in self.makers().items() if key in linked}

    def ready(self, operation: Operation) -> Ready:
        """The operation's documented call, with all that it takes to succeed."""
        prepare: Callable[[Operation], Ready] = getattr(self, f"ready_{operation.id}", self._ready)
        return prepare(operation)

    def _ready(self, operation: Operation) -> Ready:
        return Ready(self.client, self.path(operation), self.body(operation))

    # ---------------------------------------------------------------- what there is

    def picture(self) -> dict[str, Any]:
        """How much there is of everything: a refused request must leave it as it was."""
        return {one.id: self._size(one) for one in _pictured(self.client.contract.surface)}

    def _size(self, operation: Operation) -> Any:
        found = self.client.ok("GET", operation.path + ("?limit=1" if operation.paged else ""))
        if operation.paged:
            return self.client.manners.place(found)["total"]
        if self.client.contract.find("PUT", operation.path):
            return found
        return len(next(value for value in found.values() if isinstance(value, list)))


def _pictured(surface: str) -> list[Operation]:
    """Lists of things that can be made or changed, and single things that can be changed."""
    return [
        one
        for one in routes.operations()
        if one.contract.surface == surface
        and one.method == "GET"
        and not one.parameters("path")
        and (one.paged or any(one.contract.find(method, one.path) for method in ("POST", "PUT")))
    ]
