"""A certificate as it is kept; its key and the order under way lie on items of their own beside it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.kernel import clock

DUE = "CERTIFICATES"
WORK = "certificate"

_NAMESPACE = uuid.UUID("6d1c7f5e-2b8a-4f0e-9c3d-51a7e0f4b2d9")


class State(StrEnum):
    """``renewal_due``: good still, and being or to be renewed. ``failed``: there is none that is good, and
    the next try has its time. ``removing``: on its way out."""

    PENDING = "pending"
    ISSUING = "issuing"
    ACTIVE = "active"
    RENEWAL_DUE = "renewal_due"
    FAILED = "failed"
    REMOVING = "removing"

    @property
    def may_follow(self) -> frozenset[State]:
        """The states that may come after this one."""
        return _NEXT[self]


_NEXT = {
    State.PENDING: frozenset({State.ISSUING, State.FAILED, State.REMOVING}),
    State.ISSUING: frozenset({State.ACTIVE, State.RENEWAL_DUE, State.FAILED, State.REMOVING}),
    State.ACTIVE: frozenset({State.RENEWAL_DUE, State.ISSUING, State.FAILED, State.REMOVING}),
    State.RENEWAL_DUE: frozenset({State.ISSUING, State.ACTIVE, State.FAILED, State.REMOVING}),
    State.FAILED: frozenset({State.PENDING, State.ISSUING, State.ACTIVE, State.REMOVING}),
    State.REMOVING: frozenset({State.PENDING}),
}


class Certificate(Record, discriminator="certificate"):
    """``subject``: key of what it is for; ``scope``: the surface that is told; ``place``: see :mod:`.places`.

    ``turn`` is the execution under way, and while there is one the certificate is not due. ``failures`` are
    those in a row. ``issued_by``, the execution, and ``not_before``, ``not_after`` and ``serial`` are of the
    one that is installed.
    """

    id = UnicodeAttribute()
    scope = UnicodeAttribute()
    subject = UnicodeAttribute()
    owner_id = NumberAttribute()
    names: JSONAttribute = JSONAttribute()
    place: JSONAttribute = JSONAttribute()
    issuer = UnicodeAttribute(null=True)
    issued_by = UnicodeAttribute(null=True)
    state = UnicodeAttribute(default=State.PENDING.value)
    reason = UnicodeAttribute(null=True)
    failures = NumberAttribute(default=0)
    next_retry_at = UnicodeAttribute(null=True)
    not_before = UnicodeAttribute(null=True)
    not_after = UnicodeAttribute(null=True)
    serial = UnicodeAttribute(null=True)
    renew_at = UnicodeAttribute(null=True)
    ask_again_at = UnicodeAttribute(null=True)
    turn = UnicodeAttribute(null=True)
    version = NumberAttribute(default=1)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()

    @property
    def status(self) -> State:
        return State(self.state)

    @property
    def installed(self) -> bool:
        """Whether there is one in its place, good or expired."""
        return self.not_after is not None and self.status is not State.REMOVING

    def good_at(self, moment: datetime) -> bool:
        return self.not_after is not None and clock.parse(self.not_after) > moment


class CertificateKey(Record, discriminator="certificate-key"):
    """Of the one that is installed: its key, sealed, and its chain as PEM."""

    sealed = UnicodeAttribute()
    chain = UnicodeAttribute()


class CertificateOrder(Record, discriminator="certificate-order"):
    """What an execution has asked of the authority, and the key, sealed, that the certificate will have.

    ``challenges``: as the authority gave them, still to be answered.
    """

    execution_id = UnicodeAttribute()
    uri = UnicodeAttribute(null=True)
    sealed = UnicodeAttribute()
    challenges: JSONAttribute = JSONAttribute(null=True)


def certificate_id(subject: str, names: Iterable[str]) -> str:
    """The same for the same names of the same subject, so that asking twice makes one."""
    return str(uuid.uuid5(_NAMESPACE, f"{subject}|{','.join(sorted(names))}"))


def key(certificate_id: str) -> str:
    return f"CERTIFICATE#{certificate_id}"


def context(certificate_id: str) -> dict[str, str]:
    """The encryption context of its keys."""
    return {"record": key(certificate_id), "field": "key"}
