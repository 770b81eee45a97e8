"""Custom domains as JSON. The document shows an empty list alone."""

from __future__ import annotations

from typing import Any

from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.domains import Domain

Json = dict[str, Any]

TTL = 300

INSTRUCTIONS = (
    "Create both records with your DNS provider. The TXT record proves that the domain is yours: it is "
    "looked for every minute, or at once by POST to this domain's address with /verify behind it. The CNAME "
    "record brings the traffic; at the top of a zone, use what your provider has in its place (ALIAS, ANAME)."
)


def domain(found: Domain, deployment: Deployment) -> Json:
    return {
        "id": found.id,
        "deployment_id": found.deployment_id,
        "domain": found.name,
        "status": found.state,
        "reason": found.reason,
        "created_at": found.created_at,
        "checked_at": found.checked_at,
        "verified_at": found.verified_at,
        "dns_records": [
            {"record_type": "CNAME", "name": found.name, "value": deployment.host, "ttl": TTL},
            {"record_type": "TXT", "name": found.challenge, "value": found.token, "ttl": TTL},
        ],
    }


def added(found: Domain, deployment: Deployment) -> Json:
    return domain(found, deployment) | {"instructions": INSTRUCTIONS}


def removed(found: Domain) -> Json:
    return {"message": "Domain removed successfully", "domain_id": found.id, "domain": found.name}
