"""The webhook that an operator sets for a whole surface: where it is, and the secret that signs it."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Delete, Put, Record
from chalicelib.core import audit, vault
from chalicelib.core.audit import Actor
from chalicelib.core.notices.outbox import Sealed, Webhook
from chalicelib.core.notices.signing import QUARTERDECK, Signature
from chalicelib.kernel.secrets import Secret


class Hook(Record, discriminator="hook"):
    url = UnicodeAttribute()
    secret = UnicodeAttribute(null=True)


def _key(surface: str) -> tuple[str, str]:
    return f"HOOK#{surface}", "HOOK"


def _context(surface: str) -> dict[str, str]:
    return {"record": f"HOOK#{surface}", "field": "secret"}


def find(surface: str, signature: Signature = QUARTERDECK) -> Webhook | None:
    """None where the operator set none. Without a secret it is not signed."""
    hook = table.find(Hook, *_key(surface))
    if hook is None:
        return None
    secret = Sealed(hook.secret, _context(surface)) if hook.secret else None
    return Webhook(hook.url, secret, signature)


def ensure(actor: Actor, surface: str, url: str, secret: Secret | None) -> None:
    sealed = vault.seal(secret, _context(surface)) if secret else None
    hook = Hook(*_key(surface), url=url, secret=sealed)
    after = {"url": url, "secret": "set" if secret else None}
    table.write([Put(hook), audit.entry(actor, "hook.update", hook.pk, after=after)])


def remove(actor: Actor, surface: str) -> None:
    """Removing what is not set succeeds."""
    hook = Hook(*_key(surface))
    table.write([Delete(hook), audit.entry(actor, "hook.delete", hook.pk)])
