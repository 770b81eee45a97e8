"""Where names are proved and certificates installed. What a place is kept as is plain data with its ``kind``,
so that a certificate outlives the code that asked for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.acme.replies import Challenge


@dataclass(frozen=True)
class Serving:
    """Whether proofs can be seen; ``hopeless``: waiting does not mend it. ``message`` is for a person."""

    serving: bool
    message: str
    hopeless: bool = False


class Place(Protocol):
    """All of it repeatable, none of it waits. Each raises TargetError, or Unavailable."""

    challenge: str
    """The kind that it can present: ``http-01`` or ``dns-01``."""

    def present(self, challenges: Sequence[Challenge]) -> None: ...

    def serving(self, names: Sequence[str]) -> Serving: ...

    def clean(self, names: Sequence[str]) -> None:
        """Takes proofs away. What is gone already is gone."""

    def install(self, chain: str, key: Secret) -> None: ...

    def uninstall(self) -> None:
        """Also where the whole place is gone."""


def load(place: dict[str, Any]) -> Place:
    """Raises KeyError for a kind that there is not."""
    from chalicelib.core.certificates.cluster import ClusterPlace

    kinds = {"kubernetes": ClusterPlace.load}
    return kinds[place["kind"]](place)
