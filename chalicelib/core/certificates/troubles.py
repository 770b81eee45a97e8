"""Alerts about certificates: raised when the end comes near and renewing keeps failing, cleared when it is
renewed."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.core.alerts import raising
from chalicelib.core.alerts.model import Severity
from chalicelib.core.alerts.raising import Trouble
from chalicelib.core.certificates.model import Certificate
from chalicelib.kernel import clock

EXPIRING, EXPIRED = "certificate.expiring", "certificate.expired"
FAILURES = 2
"""In a row, before anybody is troubled."""
SHARE = 4
"""Expiring is with a quarter of the life left: renewing begins with a third."""


def look(found: Certificate) -> None:
    if found.not_before is None or found.not_after is None or int(found.failures) < FAILURES:
        return
    start, end, now = clock.parse(found.not_before), clock.parse(found.not_after), clock.now()
    if now >= end:
        _raise(found, EXPIRED, Severity.CRITICAL, f"The certificate expired at {found.not_after[:16]}Z.")
    elif end - now <= max((end - start) / SHARE, timedelta(0)):
        told = f"The certificate expires at {found.not_after[:16]}Z and could not be renewed."
        _raise(found, EXPIRING, Severity.WARNING, told)


def _raise(found: Certificate, kind: str, severity: Severity, message: str) -> None:
    trouble = Trouble(
        scope=found.scope,
        subject=found.pk,
        subject_name=found.names[0],
        kind=kind,
        severity=severity,
        message=f"{message} {found.reason or ''}".strip(),
        details={"names": found.names, "about": found.subject, "next_retry_at": found.next_retry_at},
        owner_id=str(int(found.owner_id)),
    )
    raising.raise_alert(trouble)


def over(found: Certificate) -> None:
    raising.clear_all(found.pk, "It was renewed.")


def gone(found: Certificate) -> None:
    raising.clear_all(found.pk, "The certificate is not wanted any more.")
