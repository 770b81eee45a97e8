"""Which addresses a URL that a user gave may lead to: the public internet, and what the operator allowed.

A name is resolved once, every address it has is judged, and the connection goes to an address that was
judged: a name that changes its mind in between leads nowhere else. ``QUARTERDECK_ALLOWED_HOSTS`` lists, with
commas, hosts (``hooks.internal``), suffixes (``*.corp.example``) and networks (``10.2.0.0/16``).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from functools import lru_cache
from threading import Thread
from urllib.parse import SplitResult, urlsplit

from chalicelib.kernel.errors import TransientTargetError
from chalicelib.kernel.settings import settings

LONGEST = 2048
"""Characters of a URL."""
RESOLVE_SECONDS = 5.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], list[str]]

_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_LABELS = re.compile(rf"(?=.{{1,253}}\.?$){_LABEL}(\.{_LABEL})*\.?", re.ASCII)
_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_TRANSLATED_6 = ipaddress.IPv6Network("64:ff9b::/96")
# Not told as special by every version of the standard library.
_SPECIAL = tuple(
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "100.64.0.0/10", "3fff::/20")
)


class Refused(ValueError):
    """The URL may not be used; the text is for the person who gave it."""


@dataclass(frozen=True)
class Destination:
    """Where a request goes: to ``addresses``, which were judged, as ``host``, which the certificate names."""

    secure: bool
    host: str
    port: int
    target: str
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class Allowed:
    """What the operator allowed beyond the public internet."""

    hosts: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()
    networks: tuple[Network, ...] = ()

    def named(self, host: str) -> bool:
        return host in self.hosts or host.endswith(self.suffixes)

    def holds(self, address: Address) -> bool:
        return any(address in network for network in self.networks if network.version == address.version)


def check(url: str) -> None:
    """When a URL is stored. Raises Refused. A name that has no address now may have one later."""
    parts, host, port = _read(url)
    try:
        addresses = resolve(host, port)
    except TransientTargetError:
        return
    _judge(host, parts.scheme, port, addresses)


def destination(url: str, resolver: Resolver | None = None) -> Destination:
    """When something is sent. Raises Refused, and TransientTargetError when the name has no address."""
    parts, host, port = _read(url)
    addresses = (resolver or resolve)(host, port)
    _judge(host, parts.scheme, port, addresses)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(parts.scheme == "https", host, port, target, tuple(addresses))


def shown(url: str) -> str:
    """The URL without what may be a secret in it, for logs and lists: ``https://example.com/…``."""
    parts = urlsplit(url)
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{rest}"


# ---------------------------------------------------------------- reading


def _read(url: str) -> tuple[SplitResult, str, int]:
    """The URL's parts, its host as it is looked up, its port."""
    if len(url) > LONGEST:
        raise Refused(f"may have at most {LONGEST} characters")
    if re.search(r"[\x00-\x20\x7f\\]", url) or not url.isascii():
        raise Refused("must be plain ASCII without spaces: encode other characters as %XX, hosts as xn--…")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Refused(f"is not a URL: {error}") from None
    if parts.scheme not in _PORTS:
        raise Refused("must begin with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise Refused("must not hold a user name or a password")
    return parts, _host(host), _port(parts.scheme, port)


def _host(text: str) -> str:
    if not _LABELS.fullmatch(text) and not _is_literal_6(text):
        raise Refused(f"has no host that can be reached: '{text[:60]}'")
    return text.rstrip(".")


def _is_literal_6(text: str) -> bool:
    """An IPv6 address, but none with a zone, which names a link of this machine."""
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _port(scheme: str, given: int | None) -> int:
    if given is None:
        return _PORTS[scheme]
    if given == 0:
        raise Refused("must not name port 0")
    return given


# ---------------------------------------------------------------- resolving


def resolve(host: str, port: int) -> list[str]:
    """Its addresses, each once. Raises TransientTargetError when there are none, or not in time."""
    found: Future[list[str]] = Future()
    # The system's resolver knows no time limit of ours: it may go on by itself.
    Thread(target=_look_up, args=(host, port, found), daemon=True).start()
    try:
        return found.result(RESOLVE_SECONDS)
    except TooSlow:
        raise TransientTargetError(f"The name '{host}' was not resolved in time.") from None
    except (OSError, UnicodeError):
        raise TransientTargetError(f"The name '{host}' has no address.") from None


def _look_up(host: str, port: int, found: Future[list[str]]) -> None:
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found.set_result(list(dict.fromkeys(str(entry[4][0]) for entry in entries)))
    except Exception as error:  # noqa: BLE001 - raised where the result is waited for
        found.set_exception(error)


# ---------------------------------------------------------------- judging


def _judge(host: str, scheme: str, port: int, addresses: Iterable[str]) -> None:
    """All addresses of a name must be good: which one is connected to is not the user's to choose."""
    allowed = _allowed(settings().allowed_hosts)
    known = allowed.named(host)
    for text in addresses:
        address = ipaddress.ip_address(text)
        if not (allowed.holds(address) or may_be_reached(address) or (known and _may_be_allowed(address))):
            raise Refused(
                f"leads to {_shown(host, text)}, which is not on the public internet; an administrator may "
                "allow it in QUARTERDECK_ALLOWED_HOSTS"
            )
        if port < 1024 and port != _PORTS[scheme] and not (known or allowed.holds(address)):
            raise Refused(f"must use port {_PORTS[scheme]} or one above 1023, not {port}")


def _shown(host: str, address: str) -> str:
    return host if host == address else f"{host} at {address}"


def may_be_reached(address: Address) -> bool:
    """Whether it is an ordinary address of the public internet, by itself or inside an IPv6 address."""
    inner = _inside(address)
    if inner is not None:
        return may_be_reached(inner)
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST_6:
        return False
    if any(address in network for network in _SPECIAL if network.version == address.version):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _inside(address: Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, Teredo, translated)."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _TRANSLATED_6:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _may_be_allowed(address: Address) -> bool:
    """A host allowed by name may be anywhere but where clouds keep credentials: that takes a network."""
    inner = _inside(address) or address
    return not (inner.is_link_local or inner.is_multicast or inner.is_unspecified)


@lru_cache(maxsize=4)
def _allowed(text: str) -> Allowed:
    entries = [entry for entry in re.split(r"[\s,]+", text.lower()) if entry]
    networks, names = [], []
    for entry in entries:
        try:
            networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            names.append(entry)
    return Allowed(
        frozenset(name for name in names if not name.startswith("*.")),
        tuple(name[1:] for name in names if name.startswith("*.")),
        tuple(networks),
    )
