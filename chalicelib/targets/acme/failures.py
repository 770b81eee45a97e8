"""What goes wrong between us and a certificate authority, as typed errors in words for who reads them.

``details`` holds ``code``, ACME's word for it where there is one, and ``retry_after`` in seconds where the
authority named a time.
"""

from __future__ import annotations

from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError

_SOME = 600
"""Characters of the authority's own words that are passed on."""

_LATER = frozenset({"rateLimited", "badNonce", "serverInternal", "orderNotReady"})

_REFUSALS = {
    "rateLimited": "The certificate authority's limit is reached; it is asked again when that has passed.",
    "serverInternal": "The certificate authority has a fault of its own; it is asked again later.",
    "badNonce": "The certificate authority took no nonce of its own; it is asked again.",
    "orderNotReady": "The order may not be finalized yet.",
    "rejectedIdentifier": (
        "The certificate authority's policy allows no certificate for this name. Use another name, or a "
        "certificate that you bring."
    ),
    "unsupportedIdentifier": "The certificate authority makes certificates for host names alone.",
    "caa": (
        "A CAA record forbids this certificate authority. Name the authority in a CAA record of the domain, "
        "or remove the record."
    ),
    "accountDoesNotExist": "The certificate authority does not know our account; it is registered anew.",
    "externalAccountRequired": (
        "This certificate authority takes only accounts that were opened with it beforehand, which is not "
        "supported. Set QUARTERDECK_ACME_DIRECTORY to another one."
    ),
    "invalidContact": "The certificate authority refuses the contact: see QUARTERDECK_ACME_EMAIL.",
    "unsupportedContact": "The certificate authority refuses the contact: see QUARTERDECK_ACME_EMAIL.",
    "userActionRequired": "The certificate authority wants its terms of service to be agreed to by hand.",
    "unauthorized": "The certificate authority refuses this account.",
    "badCSR": "The certificate authority refuses the signing request.",
}

_UNPROVED = {
    "connection": (
        "The certificate authority could not connect to http://{name}/ (port 80). Point {name} at the "
        "cluster's ingress and let port 80 through."
    ),
    "dns": "The name {name} could not be looked up. Create its A, AAAA or CNAME record.",
    "unauthorized": (
        "http://{name}/ answered, but not with the proof: the name leads to another server than the "
        "cluster's ingress, or something stands in front of it. Point {name} at the ingress."
    ),
    "tls": "http://{name}/ redirects to an https address that does not work.",
    "dnssec": "The name {name} fails DNSSEC. Repair the zone's signatures.",
    "caa": "A CAA record of {name} forbids this certificate authority. Name it there, or remove the record.",
    "rejectedIdentifier": "The certificate authority's policy allows no certificate for {name}.",
}
_ALIASES = {"unknownHost": "dns", "incorrectResponse": "unauthorized"}


def transient(message: str, code: str | None = None, retry_after: int | None = None) -> TransientTargetError:
    return TransientTargetError(message, details={"code": code, "retry_after": retry_after})


def permanent(message: str, code: str | None = None) -> PermanentTargetError:
    return PermanentTargetError(message, details={"code": code, "retry_after": None})


def code_of(error: TargetError) -> str | None:
    return error.details.get("code") if isinstance(error.details, dict) else None


def retry_after_of(error: TargetError) -> int | None:
    """Seconds, where the authority named a time."""
    return error.details.get("retry_after") if isinstance(error.details, dict) else None


def from_problem(
    code: str | None, detail: str | None, status: int, retry_after: int | None, doing: str
) -> TargetError:
    """``detail``: the authority's own words. ``doing``: what was asked, as in "order a certificate"."""
    words = _REFUSALS.get(code or "", f"The certificate authority refused to {doing} ({status}).")
    message = with_own_words(words, detail)
    if code in _LATER or status == 429 or status >= 500:
        return transient(message, code, retry_after)
    return permanent(message, code)


def unproved(name: str, code: str, detail: str | None) -> str:
    """Why control of ``name`` was not proved, and what to do about it."""
    words = _UNPROVED.get(_ALIASES.get(code, code), "Control of {name} could not be proved.")
    return with_own_words(words.format(name=name), detail)


def with_own_words(words: str, detail: str | None) -> str:
    return f"{words} It said: {detail[:_SOME]}" if detail else words


def unreachable(host: str, why: str) -> TransientTargetError:
    return transient(f"The certificate authority {host} cannot be reached: {why}.")


def not_trusted(host: str) -> PermanentTargetError:
    return permanent(
        f"The certificate of the authority's own server {host} is not trusted. For an authority of your own, "
        "name its root certificate in QUARTERDECK_ACME_CA_BUNDLE."
    )


def not_acme(host: str, status: int, retry_after: int | None = None) -> TargetError:
    """An answer that is none of ACME's: somebody else's, or of what stands in front of the authority."""
    message = f"{host} does not answer as a certificate authority does ({status})."
    if status == 429 or status >= 500:
        return transient(message, None, retry_after)
    return permanent(f"{message} See QUARTERDECK_ACME_DIRECTORY.")
