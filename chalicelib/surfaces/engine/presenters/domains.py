"""Custom domains as JSON. The document shows an empty list alone."""

from __future__ import annotations

from typing import Any

from chalicelib.core.certificates.model import Certificate
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.domains import Domain

Json = dict[str, Any]

TTL = 300

INSTRUCTIONS = (
    "Create both records with your DNS provider. The TXT record proves that the domain is yours: it is "
    "looked for every minute, or at once by POST to this domain's address with /verify behind it. The CNAME "
    "record brings the traffic; at the top of a zone, use what your provider has in its place (ALIAS, ANAME)."
)


def domain(found: Domain, deployment: Deployment, certificate: Certificate | None = None) -> Json:
    """``certificate``: of those that we make; None where the cluster's issuer makes them, or none is made."""
    return {
        "id": found.id,
        "deployment_id": found.deployment_id,
        "domain": found.name,
        "status": found.state,
        "reason": found.reason,
        "created_at": found.created_at,
        "checked_at": found.checked_at,
        "verified_at": found.verified_at,
        "certificate": None if certificate is None else _certificate(certificate),
        "dns_records": [
            {"record_type": "CNAME", "name": found.name, "value": deployment.host, "ttl": TTL},
            {"record_type": "TXT", "name": found.challenge, "value": found.token, "ttl": TTL},
        ],
    }


def _certificate(found: Certificate) -> Json:
    return {
        "status": found.state,
        "reason": found.reason,
        "next_retry_at": found.next_retry_at,
        "issuer": found.issuer,
        "serial": found.serial,
        "not_before": found.not_before,
        "not_after": found.not_after,
    }


def added(found: Domain, deployment: Deployment) -> Json:
    return domain(found, deployment) | {"instructions": INSTRUCTIONS}


def removed(found: Domain) -> Json:
    return {"message": "Domain removed successfully", "domain_id": found.id, "domain": found.name}
