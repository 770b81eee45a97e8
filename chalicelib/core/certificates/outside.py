"""Whether a proof can be seen from outside, before the authority is asked to look: it allows few failures.

By HTTP to the name's own address, as the authority does, but only on the public internet (or where the
operator allowed): a name is its owner's to point, and we are not to be sent anywhere by that. Of the answer
nothing is kept but whether it is the proof.
"""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.core import outgoing
from chalicelib.kernel.errors import TargetError
from chalicelib.kernel.settings import settings
from chalicelib.targets.acme.replies import Challenge


def unseen(challenges: Sequence[Challenge]) -> str | None:
    """Why the first proof that is not seen is not; None: all are."""
    for one in challenges:
        if one.kind == "http-01" and (why := _unseen(one)):
            return why
    return None


def _resolver() -> outgoing.Resolver | None:
    """The name server that the operator named, where there is one."""
    address = settings().dns_resolver
    if not address:
        return None
    from chalicelib.targets.dns import lookup_addresses

    return lambda name, _: lookup_addresses(name, address)


def _unseen(one: Challenge) -> str | None:
    from chalicelib.targets import webhooks  # what it loads is not needed by most

    url = f"http://{one.name}{one.path}"
    try:
        found = webhooks.fetch(outgoing.destination(url, _resolver()))
    except outgoing.Refused as refusal:
        return f"{one.name} {refusal}."
    except TargetError as error:
        return error.message
    if found.excerpt.strip() == one.content or 300 <= found.status < 400:
        return None  # where it is sent on to is for the authority to follow
    return f"http://{one.name}/ answers {found.status}, and not with the proof."
