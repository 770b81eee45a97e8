"""What the world's name servers say. Asked by the resolver of the host, or by one that is named."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from chalicelib.kernel.errors import TransientTargetError

SECONDS = 4.0
"""For one question, with all its tries."""


class TextRequest(BaseModel):
    """``resolver``: ``address:port``; empty for the host's own."""

    model_config = ConfigDict(frozen=True)

    name: str
    resolver: str = ""


class TextReply(BaseModel):
    """The TXT records of that name, each whole; none where there is no such name."""

    model_config = ConfigDict(frozen=True)

    values: tuple[str, ...]


def lookup_text(request: TextRequest) -> TextReply:
    """Raises TransientTargetError when no name server answers."""
    import dns.exception
    import dns.resolver

    try:
        found = _resolver(request.resolver).resolve(request.name, "TXT", lifetime=SECONDS, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return TextReply(values=())
    except dns.exception.DNSException as error:
        raise TransientTargetError(f"No name server told the TXT records of {request.name}.") from error
    return TextReply(values=tuple(b"".join(record.strings).decode("utf-8", "replace") for record in found))


def lookup_addresses(name: str, resolver: str) -> list[str]:
    """Its addresses, IPv4 first. Raises TransientTargetError when there are none."""
    import dns.exception
    import dns.resolver

    found: list[str] = []
    for kind in ("A", "AAAA"):
        try:
            answer = _resolver(resolver).resolve(name, kind, lifetime=SECONDS, search=False)
        except dns.exception.DNSException:
            continue
        found += [record.address for record in answer]
    if not found:
        raise TransientTargetError(f"The name '{name}' has no address.")
    return found


def _resolver(address: str) -> Any:
    import dns.resolver

    if not address:
        return dns.resolver.Resolver()
    made = dns.resolver.Resolver(configure=False)
    host, _, port = address.rpartition(":")
    made.nameservers, made.port = [host], int(port)
    return made
