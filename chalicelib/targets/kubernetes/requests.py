"""What is asked of a cluster. Imports nothing heavy, so anyone may use these types."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import names, validation

Label = Annotated[str, AfterValidator(validation.app_name)]
LabelValue = Annotated[str, Field(pattern=r"^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")]
Cpu = Annotated[str, AfterValidator(validation.cpu)]
Memory = Annotated[str, AfterValidator(validation.memory)]
HostName = Annotated[str, AfterValidator(validation.host_name)]
EnvName = Annotated[str, AfterValidator(validation.env_name)]


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class ClusterAccess(Frozen):
    """How to reach an API server and as whom: a whole kubeconfig as text, and which of its contexts.

    Certificates, keys and tokens stand in the text itself (the ``…-data`` fields): nothing is read from files
    and no program is run.
    """

    kubeconfig: Secret
    context: str | None = None


class HealthCheck(Frozen):
    """A path that the app answers with 200 to 399 when it is well; seconds, and failures in a row."""

    path: Annotated[str, AfterValidator(validation.probe_path)]
    initial_delay_seconds: int = Field(default=30, ge=0, le=300)
    period_seconds: int = Field(default=10, ge=1, le=300)
    timeout_seconds: int = Field(default=5, ge=1, le=60)
    failure_threshold: int = Field(default=3, ge=1, le=10)


class RegistryAuth(Frozen):
    """A log-in to the registry that the image's reference names."""

    username: str = Field(min_length=1)
    password: Secret


class Host(Frozen):
    """A name of the app. Without ``tls_secret`` the ingress controller's own certificate serves it."""

    host: HostName
    tls_secret: str | None = None


class Autoscaling(Frozen):
    """Between ``minimum`` and ``maximum`` replicas, so that each uses ``cpu_percent`` of its processor."""

    minimum: int = Field(ge=1, le=1000)
    maximum: int = Field(ge=1, le=1000)
    cpu_percent: int = Field(default=80, ge=1, le=100)

    @model_validator(mode="after")
    def _in_order(self) -> Autoscaling:
        if self.maximum < self.minimum:
            raise ValueError("the maximum should not be below the minimum")
        return self


class Quota(Frozen):
    """The most that the namespace may use in all."""

    cpu: str
    memory: str
    pods: int = Field(ge=1)


class AppSpec(Frozen):
    """The whole desired state of one app. Applying it twice changes nothing.

    ``revision`` names this state (a number or id of the caller's) and is found again in the history.
    ``replicas`` 0 means stopped. With ``autoscaling`` the cluster chooses between its bounds and ``replicas``
    counts only as stopped or not. ``solvers``: pods that may prove control of a host beside it. ``quota``
    None leaves room for the replicas and one more during an update. ``restarted_at``: a new text replaces
    every pod. ``ingress_namespace`` is where the ingress controller lives; None lets every namespace of the
    cluster reach the app's port. ``reachable_networks``: private networks (CIDR) that the app may call,
    beside the public internet.
    """

    deployment_id: LabelValue
    app_name: Label
    namespace: Label
    owner_id: LabelValue
    revision: str = Field(max_length=253)
    image: Annotated[str, AfterValidator(validation.image)]
    port: int = Field(ge=1, le=65535)
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: dict[EnvName, Secret] = Field(default_factory=dict)
    replicas: int = Field(default=1, ge=0, le=1000)
    cpu: Cpu = "100m"
    memory: Memory = "128Mi"
    health_check: HealthCheck | None = None
    registry_auth: RegistryAuth | None = None
    hosts: tuple[Host, ...] = ()
    ingress_class: str | None = None
    ingress_namespace: str | None = None
    cluster_issuer: str | None = None
    autoscaling: Autoscaling | None = None
    solvers: int = Field(default=0, ge=0, le=100)
    quota: Quota | None = None
    reachable_networks: tuple[str, ...] = ()
    restarted_at: str | None = None
    progress_deadline_seconds: int = Field(default=600, ge=5, le=3600)
    termination_grace_seconds: int = Field(default=30, ge=1, le=600)

    @field_validator("env")
    @classmethod
    def _fits_a_secret(cls, env: dict[str, Secret]) -> dict[str, Secret]:
        validation.environment({name: value.reveal() for name, value in env.items()})
        return env


class AppRef(Frozen):
    """An app that stands on a cluster."""

    deployment_id: LabelValue
    app_name: Label
    namespace: Label

    @classmethod
    def of(cls, spec: AppSpec) -> AppRef:
        return cls(deployment_id=spec.deployment_id, app_name=spec.app_name, namespace=spec.namespace)

    @property
    def selector(self) -> str:
        return f"{names.INSTANCE}={self.app_name}"


class ClusterRequest(Frozen):
    """``kubernetes.capabilities``"""

    access: ClusterAccess


class ApplyRequest(Frozen):
    """``kubernetes.apply``, ``kubernetes.dry_run``, ``kubernetes.observe``"""

    access: ClusterAccess
    spec: AppSpec


class AppRequest(Frozen):
    """``kubernetes.rollout_status``, ``status``, ``history``, ``metrics``, ``delete``, ``namespace_state``"""

    access: ClusterAccess
    app: AppRef


class ScaleRequest(Frozen):
    """``kubernetes.scale``. Within the quota that was applied; an autoscaler overrules it."""

    access: ClusterAccess
    app: AppRef
    replicas: int = Field(ge=0, le=1000)


class LogsRequest(Frozen):
    """``kubernetes.logs``: the last ``tail`` lines of all pods together, none older than ``since_seconds``.

    ``previous``: also what a container wrote before it was started again.
    """

    access: ClusterAccess
    app: AppRef
    tail: int = Field(default=100, ge=0, le=10_000)
    since_seconds: int | None = Field(default=None, ge=1)
    previous: bool = True


class Mark(Frozen):
    """How far a pod's log was heard: the time of its last line, and how many lines of that instant."""

    timestamp: str = Field(max_length=40)
    lines: int = Field(ge=1)


class FollowRequest(Frozen):
    """Every line from the last ``tail`` of each pod on, or from just behind ``after`` (RFC 3339), or behind
    ``marks``, by pod: a pod without one is heard from its beginning then."""

    access: ClusterAccess
    app: AppRef
    tail: int = Field(default=100, ge=0, le=10_000)
    after: str | None = None
    marks: dict[str, Mark] = Field(default_factory=dict, max_length=1000)


class ShellRequest(Frozen):
    """A shell in a running container. ``pod`` None takes one that is ready; ``command`` () finds a shell."""

    access: ClusterAccess
    app: AppRef
    pod: str | None = None
    command: tuple[str, ...] = ()
