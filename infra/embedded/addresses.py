"""How a public address becomes one of the gateway's: pure functions, nothing of HTTP servers in them."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode

SURFACES = ("hub", "devflow", "engine", "gough", "birun")
# A client's base address on each surface, as the surface's document has it.
BASES = {
    "hub": "/hub",
    "devflow": "/devflow/api/v1",
    "engine": "/engine",
    "gough": "/gough/api",
    "birun": "/birun/api",
}


def surface_path(host: str, path: str) -> str | None:
    """The path behind the surface's own prefix, without a trailing slash; None when it is no surface's.

    ``/birun/api/servers/`` is that already; ``/api/servers`` at the host ``birun.localhost`` becomes the
    same.
    """
    label = host.split(".", 1)[0].lower() if "." in host else ""
    full = f"/{label}{path}" if label in SURFACES else path
    if full.split("/", 2)[1:2] and full.split("/", 2)[1] in SURFACES:
        return full.rstrip("/")
    return None


def channel_query(channel: str, query: str) -> str:
    """The client's query with our ``channel`` in it, and none of the client's own."""
    pairs = [(name, value) for name, value in parse_qsl(query, keep_blank_values=True) if name != "channel"]
    return urlencode([("channel", channel), *pairs])


def forwarded_for(received: list[str], peer: str, hops: int) -> str:
    """X-Forwarded-For for the gateway: the entries of proxies that are trusted, then the peer's own address.

    ``hops`` counts the proxies whose entry is trusted, this front door among them. A client can send the
    header too: whatever stands before the trusted entries is dropped, so that nobody chooses an address.
    What is left begins with the client's address, which is where the emulator looks for it.
    """
    entries = [entry.strip() for line in received for entry in line.split(",") if entry.strip()]
    trusted = entries[len(entries) - (hops - 1) :] if hops > 1 else []
    return ", ".join([*trusted, peer])
