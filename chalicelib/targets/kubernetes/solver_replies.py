"""What a cluster answers about certificates that we have made."""

from __future__ import annotations

from chalicelib.targets.kubernetes.requests import Frozen


class SolverState(Frozen):
    """``serving``: the cluster itself has seen the proof served. ``hopeless``: waiting will not bring it, for
    the reason in ``message``."""

    serving: bool
    hopeless: bool = False
    message: str


class StoredCertificate(Frozen):
    """``not_after`` is an RFC 3339 text in UTC; None: no certificate of ours is there."""

    not_after: str | None
    serial: str | None = None


class Removed(Frozen):
    """What was there and is deleted now, as in ``Secret tls-shop``."""

    removed: tuple[str, ...] = ()
