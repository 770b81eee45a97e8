"""Who asks: the bearer token and the address of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core import limits
from chalicelib.core.audit import Actor
from chalicelib.core.identity import gate, tickets, tokens
from chalicelib.core.identity.roles import Permission, Role
from chalicelib.core.limits import Bucket, Standing
from chalicelib.kernel.errors import Forbidden, Unauthenticated
from chalicelib.kernel.settings import settings


@dataclass(frozen=True)
class Caller:
    user_id: int
    username: str
    role: Role
    session_id: str
    address: str

    @property
    def actor(self) -> Actor:
        return Actor(self.user_id, self.username, self.address)

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if permission not in self.role.permissions:
            raise Forbidden(f"Insufficient permissions: your role '{self.role}' does not allow this.")


def client_address(headers: Mapping[str, str], source_ip: str) -> str:
    """The address behind the proxies that we trust; what a client writes into the header itself is not it."""
    hops = settings().trusted_hops
    forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    return forwarded[-hops] if 0 < hops <= len(forwarded) else source_ip


def bearer(authorization: str | None) -> str:
    """Raises Unauthenticated when there is no bearer token."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Authentication is required: send 'Authorization: Bearer <token>'.")
    return token.strip()


def identify(token: str, address: str, bucket: Bucket) -> tuple[Caller, Standing]:
    """Raises Unauthenticated or RateLimited. Failures count against the address."""
    try:
        claims = tokens.read(token, "access")
        return _enter(claims.user_id, claims.session_id, address, bucket)
    except Unauthenticated:
        count_failure(address)
        raise


def identify_by_ticket(ticket: str, address: str, bucket: Bucket) -> tuple[Caller, Standing]:
    """The same for a ticket, which is spent by it."""
    try:
        holder = tickets.spend(ticket)
        return _enter(holder.user_id, holder.session_id, address, bucket)
    except Unauthenticated:
        count_failure(address)
        raise


def _enter(user_id: int, session_id: str, address: str, bucket: Bucket) -> tuple[Caller, Standing]:
    passed = gate.enter(user_id, session_id, bucket)
    return Caller(user_id, passed.username, passed.role, session_id, address), passed.standing


def count_failure(address: str) -> None:
    """Raises RateLimited for an address that keeps failing."""
    limits.count_address(Bucket("auth-failures", settings().failed_logins_per_minute), address)
