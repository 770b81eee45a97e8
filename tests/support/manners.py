"""How each surface does what all of them do: what its errors look like, whose things are whose.

The generated tests know a surface by its contract and by what stands here. A new surface adds an entry.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar


class Manners(ABC):
    """``own``: operations on the caller's own account, which any role may do; ``harmless``: those that change
    nothing for all that they are POST. ``spends``: those that end or change what the caller logs in with, so
    that each needs a caller of its own. ``tells_nothing``: those that
    answer alike whatever name is asked for. ``owned``: things belong to who made them, and are nobody else's;
    ``private``: operations on such things where others are everybody's. ``moving``: fields that the
    background changes by itself. ``needs_target``: those that a real
    target must answer; tests with one show that they do.
    """

    admin_only: ClassVar[frozenset[str]] = frozenset()
    own: ClassVar[frozenset[str]] = frozenset()
    harmless: ClassVar[frozenset[str]] = frozenset()
    spends: ClassVar[frozenset[str]] = frozenset()
    tells_nothing: ClassVar[frozenset[str]] = frozenset()
    owned: ClassVar[bool] = False
    needs_target: ClassVar[frozenset[str]] = frozenset()
    private: ClassVar[frozenset[str]] = frozenset()
    moving: ClassVar[frozenset[str]] = frozenset()
    bad_query: ClassVar[int]
    bad_address: ClassVar[frozenset[int]]

    @abstractmethod
    def refusals(self, faults: set[str]) -> frozenset[int]:
        """Statuses for a body; ``faults`` are JSON Schema's words for what it breaks, none when it is no JSON
        or breaks what no schema says."""

    @abstractmethod
    def said(self, body: Any) -> str:
        """What an error says, for a person."""

    @abstractmethod
    def names(self, body: Any, parameter: str) -> bool:
        """Whether an error names the parameter."""

    @abstractmethod
    def place(self, body: Any) -> dict[str, int]:
        """page, total and pages of a list."""


class Birun(Manners):
    admin_only = frozenset({"update_settings", "get_terminal_recording", "update_alert_channels"})
    own = frozenset({"create_ticket"})
    harmless = frozenset({"create_ticket"})
    private = frozenset({"get_terminal"})
    tells_nothing = frozenset({"login"})
    bad_query = 422
    bad_address = frozenset({404, 422})

    def refusals(self, faults: set[str]) -> frozenset[int]:
        return frozenset({400, 422})

    def said(self, body: Any) -> str:
        return str(body["error"])

    def names(self, body: Any, parameter: str) -> bool:
        return any(parameter in entry["loc"] for entry in body["details"])

    def place(self, body: Any) -> dict[str, int]:
        return {name: body[name] for name in ("page", "total", "pages")}


class Engine(Manners):
    """422 for a structure that is wrong, 400 for values, malformed JSON, queries and ids."""

    own = frozenset(
        {"logout_user", "create_api_key", "revoke_api_key", "update_user_profile", "change_password"}
    )
    spends = frozenset({"logout_user", "update_user_profile", "change_password"})
    owned = True
    moving = frozenset({"status", "reason", "checked_at", "updated_at", "error_message"})
    needs_target = frozenset({"diff_deployment"})
    bad_query = 400
    bad_address = frozenset({400, 404})

    def refusals(self, faults: set[str]) -> frozenset[int]:
        return frozenset({422 if faults & {"type", "required"} else 400})

    def said(self, body: Any) -> str:
        return str(body["error"]["message"])

    def names(self, body: Any, parameter: str) -> bool:
        return parameter in body["error"]["details"]

    def place(self, body: Any) -> dict[str, int]:
        found = body["pagination"]
        return {"page": found["page"], "total": found["total"], "pages": found["total_pages"]}


SURFACES: dict[str, Manners] = {"birun": Birun(), "engine": Engine()}
