"""What an authority says of a certificate that it made: when to renew it; and taking it back."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from acme import messages
from cryptography import x509

from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.targets.acme import api, failures, identifiers
from chalicelib.targets.acme.api import json_of
from chalicelib.targets.acme.replies import RenewalTime, Revoked
from chalicelib.targets.acme.requests import RenewalRequest, RevokeRequest

ASK_AGAIN = timedelta(hours=12)
"""Twice a day, as Let's Encrypt asks for."""
_SOONEST, _LATEST = timedelta(minutes=1), timedelta(days=1)


def renewal_time(request: RenewalRequest) -> RenewalTime:
    """``acme.renewal_time``: a moment of the window that the authority names, by chance, so that not all come
    at once."""
    session, now = api.of_authority(request.authority), clock.now()
    later = clock.iso(now + ASK_AGAIN)
    with session.asking("learn when to renew"):
        base = session.directory.to_partial_json().get("renewalInfo")
        if not base:
            return RenewalTime(at=None, ask_again_at=later)
        uri = f"{str(base).rstrip('/')}/{identifiers.of(request.certificate)}"
        try:
            found = json_of(session.net.get(uri))
        except messages.Error as error:
            # Some know renewal times, but not that of this certificate.
            if session.status == 404:
                return RenewalTime(at=None, ask_again_at=later)
            raise error from None
        wait = session.retry_after
        again = now + (min(max(timedelta(seconds=wait), _SOONEST), _LATEST) if wait else ASK_AGAIN)
        return RenewalTime(at=_within(found), ask_again_at=clock.iso(again))


def _within(found: dict[str, Any]) -> str | None:
    window = found.get("suggestedWindow") or {}
    try:
        start, end = datetime.fromisoformat(window["start"]), datetime.fromisoformat(window["end"])
    except (KeyError, TypeError, ValueError):
        return None
    seconds = random.uniform(0, max(0.0, (end - start).total_seconds()))  # noqa: S311 - no secret
    return clock.iso(start + timedelta(seconds=seconds))


def revoke(request: RevokeRequest) -> Revoked:
    """``acme.revoke``"""
    session = api.of_account(request.account)
    try:
        with session.asking("revoke a certificate"):
            certificate = x509.load_pem_x509_certificate(request.certificate.encode())
            body = messages.Revocation(certificate=certificate, reason=request.reason)
            session.post(session.directory["revokeCert"], body)
    except PermanentTargetError as error:
        if failures.code_of(error) == "alreadyRevoked":
            return Revoked(already=True)
        raise
    return Revoked(already=False)
