"""Who asks: the bearer token and the address of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core import limits
from chalicelib.core.audit import Actor
from chalicelib.core.identity import gate, keys, tickets, tokens
from chalicelib.core.identity.roles import Permission, Role
from chalicelib.core.limits import Bucket, Standing
from chalicelib.kernel.errors import Forbidden, Unauthenticated
from chalicelib.kernel.settings import settings


@dataclass(frozen=True)
class Caller:
    """``session_id``: the log-in that he came by; of an API key, :data:`gate.KEY` and the key's id.
    ``permissions``: what he may do by it, no more than his role may."""

    user_id: int
    uuid: str
    username: str
    role: Role
    permissions: frozenset[Permission]
    session_id: str
    address: str

    @property
    def by_key(self) -> bool:
        return self.session_id.startswith(gate.KEY)

    @property
    def actor(self) -> Actor:
        return Actor(self.user_id, self.username, self.address)

    def require(self, permission: Permission) -> None:
        """Raises Forbidden."""
        if permission not in self.role.permissions:
            raise Forbidden(f"Insufficient permissions: your role '{self.role}' does not allow this.")
        if permission not in self.permissions:
            raise Forbidden(f"Insufficient permissions: this API key was not given '{permission}'.")

    def require_session(self) -> None:
        """Raises Forbidden for who came by an API key."""
        if self.by_key:
            raise Forbidden(
                "Insufficient permissions", "This operation needs an access token, not an API key."
            )


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
    """``token``: an access token or an API key. Raises Unauthenticated or RateLimited. Failures count against
    the address."""
    try:
        key = keys.read(token)
        if key is not None:
            return _enter(key.user_id, key.login, address, bucket, key.digest)
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


def _enter(
    user_id: int, login: str, address: str, bucket: Bucket, digest: str | None = None
) -> tuple[Caller, Standing]:
    passed = gate.enter(user_id, login, bucket, digest)
    caller = Caller(user_id, passed.uuid, passed.username, passed.role, passed.permissions, login, address)
    return caller, passed.standing


def count_failure(address: str) -> None:
    """Raises RateLimited for an address that keeps failing."""
    limits.count_address(Bucket("auth-failures", settings().failed_logins_per_minute), address)
