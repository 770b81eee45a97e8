"""A deployment: what is wanted, what is seen, and whose turn it is to change it.

Everything about one lies in its own partition: the deployment itself, a revision and its sealed environment
for each version, a change for each execution, its domains.
"""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.kernel import ids
from chalicelib.surfaces.engine.model.states import Action, DriftPolicy, State

WORK = "container-rollout"
DUE = "DEPLOYMENTS"
"""Key of the ``due`` index: what the reconcile sweep has to look at."""

REVISIONS_KEPT = 50


class Deployment(Record, discriminator="deployment"):
    """``spec``: image, port, resources, health_check and restarted_at of the wanted revision.

    ``stopped`` and ``replicas`` are what is wanted; replicas are remembered while it is stopped.
    ``working_revision``, ``working_replicas`` and ``working_autoscaling`` are what last ran well.

    ``turn`` is the execution that may change the cluster now, ``waiting`` the one after it; every accepted
    change counts ``generation`` up, and ``version`` fences every write but those of what was merely seen.
    ``failure`` tells, while a rollback is under way, why. A ``deleting`` one is gone for its owner.
    """

    id = UnicodeAttribute()
    number = NumberAttribute()
    owner_id = NumberAttribute()
    owner_uuid = UnicodeAttribute()
    app_name = UnicodeAttribute()
    cluster = UnicodeAttribute()
    namespace = UnicodeAttribute()
    host = UnicodeAttribute()
    state = UnicodeAttribute()
    spec: JSONAttribute = JSONAttribute()
    replicas = NumberAttribute()
    stopped = BooleanAttribute(default=False)
    revision = NumberAttribute(default=1)
    last_revision = NumberAttribute(default=1)
    working_revision = NumberAttribute(null=True)
    working_replicas = NumberAttribute(null=True)
    working_autoscaling: JSONAttribute = JSONAttribute(null=True)
    autoscaling: JSONAttribute = JSONAttribute(null=True)
    domains: JSONAttribute = JSONAttribute()
    private_registry = BooleanAttribute(default=False)
    generation = NumberAttribute(default=1)
    version = NumberAttribute(default=1)
    turn = UnicodeAttribute(null=True)
    turn_action = UnicodeAttribute(null=True)
    waiting = UnicodeAttribute(null=True)
    waiting_action = UnicodeAttribute(null=True)
    failure = UnicodeAttribute(null=True)
    deleting = BooleanAttribute(default=False)
    error_message = UnicodeAttribute(null=True)
    drift_policy = UnicodeAttribute(default=DriftPolicy.REPORT.value)
    drift: JSONAttribute = JSONAttribute(null=True)
    observed: JSONAttribute = JSONAttribute(null=True)
    observed_at = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    deployed_at = UnicodeAttribute(null=True)

    @property
    def status(self) -> State:
        return State(self.state)

    @property
    def url(self) -> str | None:
        """Null until it can be reached."""
        return f"https://{self.host}" if self.status.reachable else None

    @property
    def wanted_replicas(self) -> int:
        return 0 if self.stopped else int(self.replicas)

    @property
    def most_replicas(self) -> int:
        """As many as an autoscaler may make of them: what the quota counts."""
        return max(int(self.replicas), int((self.autoscaling or {}).get("maximum", 0)))

    @property
    def working(self) -> dict[str, Any]:
        """What last ran well, in the words of an execution. Only of one that has run well."""
        return {
            "revision": int(self.working_revision),
            "replicas": int(self.working_replicas),
            "autoscaling": self.working_autoscaling,
        }

    @property
    def serves(self) -> bool:
        """Whether a version that has worked was up when the cluster was last asked."""
        return self.working_revision is not None and bool((self.observed or {}).get("available"))

    @property
    def interrupted(self) -> bool:
        """Whether what waits makes the rollout under way pointless."""
        return bool(self.waiting_action) and Action(self.waiting_action).interrupts


class Environment(Record, discriminator="deployment-environment"):
    """The variables of one revision, sealed as one JSON object. The context is the deployment's, so that
    an unchanged environment is copied as it is."""

    sealed = UnicodeAttribute()


class RegistryLogin(Record, discriminator="deployment-registry"):
    """User name and password for pulling, sealed as one JSON object."""

    sealed = UnicodeAttribute()


class Revision(Record, discriminator="deployment-revision"):
    """A version of what runs. ``outcome``: pending, working, failed or superseded."""

    number = NumberAttribute()
    spec: JSONAttribute = JSONAttribute()
    replicas = NumberAttribute()
    env_names: JSONAttribute = JSONAttribute()
    action = UnicodeAttribute()
    asked_by = UnicodeAttribute()
    execution_id = UnicodeAttribute()
    outcome = UnicodeAttribute(default="pending")
    message = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()


class Change(Record, discriminator="deployment-change"):
    """That an execution was asked for; how it goes is in the execution."""

    execution_id = UnicodeAttribute()
    action = UnicodeAttribute()
    revision = NumberAttribute()
    replicas = NumberAttribute()
    asked_by = UnicodeAttribute()
    created_at = UnicodeAttribute()


class NameGuard(Record, discriminator="deployment-name"):
    """Whoever writes it first has the name; it goes only when the namespace is gone."""

    deployment_id = UnicodeAttribute()


def key(deployment_id: str) -> str:
    return f"DEPLOYMENT#{deployment_id}"


def revision_sk(number: int) -> str:
    return f"REVISION#{ids.padded(number)}"


def environment_sk(number: int) -> str:
    return f"ENVIRONMENT#{ids.padded(number)}"


def context(deployment_id: str, field: str) -> dict[str, str]:
    """The encryption context of a secret; ``field``: environment or registry."""
    return {"record": key(deployment_id), "field": field}


def name_guard(app_name: str, deployment_id: str = "") -> NameGuard:
    return NameGuard(f"UNIQUE#app-name#{app_name}", "UNIQUE", deployment_id=deployment_id)


def find(deployment_id: str) -> Deployment | None:
    return table.find(Deployment, key(deployment_id), "DEPLOYMENT")


def find_many(deployment_ids: list[str]) -> dict[str, Deployment]:
    found = table.find_many(Deployment, [(key(one), "DEPLOYMENT") for one in deployment_ids])
    return {one.id: one for one in found}


def find_revision(deployment_id: str, number: int) -> Revision | None:
    return table.find(Revision, key(deployment_id), revision_sk(number))


def revisions(deployment_id: str, most: int = REVISIONS_KEPT) -> list[Revision]:
    """Newest first."""
    found = Revision.query(
        key(deployment_id),
        Revision.sk.startswith("REVISION#"),
        scan_index_forward=False,
        consistent_read=True,
        limit=most,
    )
    return list(found)


def changes(deployment_id: str, most: int, before: str | None = None) -> list[Change]:
    """Newest first; ``before`` is the sort key of the last one of the page before."""
    bounds = Change.sk.between("CHANGE#", before or "CHANGE#~")
    found = Change.query(key(deployment_id), bounds, scan_index_forward=False, limit=most + 1)
    return [one for one in found if one.sk != before][:most]


def sealed_environment(deployment_id: str, number: int) -> Environment | None:
    return table.find(Environment, key(deployment_id), environment_sk(number))


def registry_login(deployment_id: str) -> RegistryLogin | None:
    return table.find(RegistryLogin, key(deployment_id), "REGISTRY")


def everything(deployment_id: str) -> list[Record]:
    """Keys of all that lies beside the deployment in its partition."""
    found = Record.query(key(deployment_id), consistent_read=True, attributes_to_get=["pk", "sk", "kind"])
    return [one for one in found if one.sk != "DEPLOYMENT"]


def shown(deployment: Deployment) -> dict[str, Any]:
    """For the audit: nothing secret in it."""
    names = ("app_name", "cluster", "spec", "replicas", "stopped", "autoscaling", "drift_policy")
    return {name: getattr(deployment, name) for name in names}
