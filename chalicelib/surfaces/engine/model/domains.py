"""A host name of an owner's own, from its claim over the proof of control to traffic."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Record
from chalicelib.surfaces.engine.model.deployments import key

DUE = "DOMAINS"
PROVED_WITHIN = timedelta(days=3)
"""A claim without proof does not keep the name from its owner for longer."""

MOST = 20
"""Of one deployment."""

CHALLENGE = "_quarterdeck-challenge"


class DomainState(StrEnum):
    """``pending``: not proved. ``verified``: proved, on its way to the cluster. ``active``: it is there."""

    PENDING = "pending"
    VERIFIED = "verified"
    ACTIVE = "active"
    FAILED = "failed"

    @property
    def proved(self) -> bool:
        return self in {DomainState.VERIFIED, DomainState.ACTIVE}


class Domain(Record, discriminator="deployment-domain"):
    """``token`` is what the TXT record must hold. On the ``due`` index while it is pending."""

    id = UnicodeAttribute()
    deployment_id = UnicodeAttribute()
    name = UnicodeAttribute()
    state = UnicodeAttribute(default=DomainState.PENDING.value)
    token = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    checked_at = UnicodeAttribute(null=True)
    verified_at = UnicodeAttribute(null=True)

    @property
    def status(self) -> DomainState:
        return DomainState(self.state)

    @property
    def holds_its_name(self) -> bool:
        """A claim that was given up does not: somebody else may have the name."""
        return self.status is not DomainState.FAILED or self.verified_at is not None

    @property
    def challenge(self) -> str:
        """The name whose TXT record proves control."""
        return f"{CHALLENGE}.{self.name}"


class DomainGuard(Record, discriminator="domain-name"):
    """Whoever writes it first has the name, over all users."""

    deployment_id = UnicodeAttribute()


def domain_key(deployment_id: str, domain_id: str) -> tuple[str, str]:
    return key(deployment_id), f"DOMAIN#{domain_id}"


def guard(name: str, deployment_id: str = "") -> DomainGuard:
    return DomainGuard(f"UNIQUE#domain#{name}", "UNIQUE", deployment_id=deployment_id)


def find(deployment_id: str, domain_id: str) -> Domain | None:
    return table.find(Domain, *domain_key(deployment_id, domain_id))


def of(deployment_id: str) -> list[Domain]:
    """Oldest first."""
    found = Domain.query(key(deployment_id), Domain.sk.startswith("DOMAIN#"), consistent_read=True)
    return sorted(found, key=lambda domain: (domain.created_at, domain.id))
