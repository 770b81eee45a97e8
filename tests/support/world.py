"""Things made over HTTP for tests to work on: a server, a script, a group … fresh whenever asked for.

Creators are found in the contracts: what stands under ``/things/{thing_id}`` is made by ``POST /things/``
with that operation's sample body. Only what is not made that way is listed here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support import routes, samples
from tests.support.client import ContractClient
from tests.support.contract import Operation

_count = itertools.count(1)
CLOSED_PORT = 9  # discard: nothing listens there, so a run on such a server fails at once


def unique(word: str) -> str:
    return f"{word}-{next(_count)}"


@dataclass
class World:
    """Makes things on one surface as ``client``'s user."""

    client: ContractClient
    shared: dict[str, Any] = field(default_factory=dict)

    # ---------------------------------------------------------------- things

    def server(self, **fields: Any) -> int:
        body = {
            "name": unique("server"),
            "hostname": "127.0.0.1",
            "username": "nobody",
            "port": CLOSED_PORT,
            "auth_type": "password",
            "password": "not-a-real-one",
        }
        return int(self.client.ok("POST", "/servers/", body | fields)["id"])

    def script(self, content: str = "echo hello", **fields: Any) -> int:
        body = {"name": unique("script"), "content": content} | fields
        return int(self.client.ok("POST", "/scripts/", body)["id"])

    def group(self, server_ids: list[int]) -> int:
        body = {"name": unique("group"), "server_ids": server_ids}
        return int(self.client.ok("POST", "/server-groups/", body)["id"])

    def batch(self) -> str:
        """The UUID of a run on one server that cannot be reached."""
        body = {"server_ids": [self.server()], "timeout": 5}
        return str(self.client.ok("POST", f"/scripts/{self.script()}/execute", body)["execution_id"])

    def execution(self) -> int:
        """The number of an execution."""
        return int(self.client.ok("GET", f"/scripts/executions/{self.batch()}")["id"])

    # ---------------------------------------------------------------- by contract

    def thing(self, parameter: str, collection: str) -> Any:
        """The id of a fresh thing for a path parameter, ``collection`` being the path before it."""
        if parameter == "execution_id":
            return self.execution()
        if parameter == "server_id":
            return self.server()
        creator = self.client.contract.find("POST", collection)
        assert creator is not None, f"nothing makes a {parameter}: no POST {collection}"
        return self.client.ok("POST", collection, self.body(creator))["id"]

    def path(self, operation: Operation, *, fresh: bool = True, **given: Any) -> str:
        """The operation's path with real ids; ``given`` replaces some."""

        def real(match: re.Match[str]) -> str:
            name = match[1]
            if name in given:
                return str(given[name])
            collection = operation.path[: match.start()]
            return str(self.thing(name, collection) if fresh else self.same(name, collection))

        return re.sub(r"\{([^}]+)\}", real, operation.path)

    def same(self, parameter: str, collection: str) -> Any:
        """One thing that tests share because they may not change it."""
        if parameter not in self.shared:
            self.shared[parameter] = self.thing(parameter, collection)
        return self.shared[parameter]

    def body(self, operation: Operation) -> Any:
        """A body that must be taken: the sample, with ids of things that are there and a name of its own."""
        return self._linked(samples.body(operation))

    def _linked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._linked(one) for one in value]
        if not isinstance(value, dict):
            return value
        linked = {key: self._linked(one) for key, one in value.items()}
        makers: dict[str, Callable[[], Any]] = {
            "server_ids": lambda: [self.same("server_id", "/servers/")],
            "group_id": lambda: self.same("group_id", "/server-groups/"),
            "script_id": lambda: self.same("script_id", "/scripts/"),
            "hostname": lambda: "127.0.0.1",
            "port": lambda: CLOSED_PORT,
            "username": lambda: unique("user"),
            "email": lambda: f"{unique('user')}@example.com",
        }
        return linked | {key: make() for key, make in makers.items() if key in linked}

    # ---------------------------------------------------------------- what there is

    def picture(self) -> dict[str, Any]:
        """How much there is of everything: a refused request must leave it as it was."""
        return {
            operation.id: size
            for operation in routes.operations()
            if operation.contract is self.client.contract
            and operation.method == "GET"
            and not operation.parameters("path")
            and (size := self._size(operation)) is not None
        }

    def _size(self, operation: Operation) -> Any:
        paged = any(node["name"] == "limit" for node in operation.parameters("query"))
        found = self.client.ok("GET", operation.path + ("?limit=1" if paged else ""))
        if "total" in found:
            return found["total"]
        lists = [value for value in found.values() if isinstance(value, list)]
        if lists:
            return len(lists[0])
        changeable = self.client.contract.find("PUT", operation.path)
        return found if changeable else None
