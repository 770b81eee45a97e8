"""Names and labels of what an app has on a cluster. Each app lives in a namespace of its own."""

from __future__ import annotations

import hashlib

MANAGER = "quarterdeck"
"""Field manager of server-side apply, and value of the managed-by label."""

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTANCE = "app.kubernetes.io/instance"
NAME = "app.kubernetes.io/name"
DEPLOYMENT_ID = "quarterdeck.dev/deployment-id"
OWNER_ID = "quarterdeck.dev/owner-id"
REVISION = "quarterdeck.dev/revision"
ENVIRONMENT_DIGEST = "quarterdeck.dev/environment-digest"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
REPLICASET_REVISION = "deployment.kubernetes.io/revision"

CONTAINER = "app"
SERVICE = "web"
ENVIRONMENT = "environment"
REGISTRY = "registry"
ACCOUNT = "app"
QUOTA = "app"
LIMITS = "app"
NETWORK = "app"

_LONGEST = 63


def namespace_for(app_name: str, prefix: str = "app") -> str:
    """``<prefix>-<app_name>``, with a digest in place of what would be too long."""
    name = f"{prefix}-{app_name}"
    if len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(app_name.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9].rstrip('-')}-{digest}"
