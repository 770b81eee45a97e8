"""Deployments on the wire."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from chalicelib.kernel.secrets import Secret
from chalicelib.rest.fields import Limit, PageQuery, Parameters, Port, Request, Uuid, left_out
from chalicelib.surfaces.engine.model.states import DriftPolicy, State
from chalicelib.targets.kubernetes import validation

RESERVED = frozenset(
    {"www", "api", "admin", "app", "apps", "auth", "console", "dashboard", "engine", "mail", "ns", "status"}
)
"""Names that would look like the platform's own below its domain."""

MOST_ENVIRONMENT_BYTES = 128 * 1024
"""What a sealed order to a relay has room for."""

MOST_REPLICAS = 100


def _free(name: str) -> str:
    if name in RESERVED:
        raise ValueError(f"'{name}' is reserved; choose another name")
    return name


def _env(values: dict[str, str]) -> dict[str, str]:
    size = sum(len(name.encode()) + len(value.encode()) for name, value in values.items())
    if size > MOST_ENVIRONMENT_BYTES:
        raise ValueError(f"should have at most {MOST_ENVIRONMENT_BYTES // 1024} KiB together")
    return validation.environment(values)


AppName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=63),
    AfterValidator(validation.app_name),
    AfterValidator(_free),
]
Image = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\s\x00-\x1f\x7f-\x9f]+$")]
"""Whether it can be read as a reference is found out later: that has a status of its own."""

EnvName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=253)]
EnvVars = Annotated[dict[EnvName, str], AfterValidator(_env)]
Replicas = Annotated[int, Field(ge=1, le=MOST_REPLICAS)]
Cpu = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?m?$"), AfterValidator(validation.cpu)]
Memory = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$"),
    AfterValidator(validation.memory),
]
Policy = Annotated[str, StringConstraints(pattern="^(report|repair)$")]


class DeploymentPath(Parameters):
    deploymentId: Uuid  # noqa: N815 - the document's name


class DeploymentsQuery(PageQuery):
    status: Literal["pending", "running", "stopped", "failed"] | None = None

    @property
    def state(self) -> State | None:
        return State(self.status) if self.status else None


class Resources(Request):
    """The limit of each replica. What is left out keeps its value, or its default."""

    cpu: Cpu = left_out()
    memory: Memory = left_out()


class HealthCheckRequest(Request):
    path: Annotated[str, StringConstraints(min_length=1), AfterValidator(validation.probe_path)]
    initial_delay_seconds: Annotated[int, Field(ge=0, le=300)] = 30
    period_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    timeout_seconds: Annotated[int, Field(ge=1, le=60)] = 5
    failure_threshold: Annotated[int, Field(ge=1, le=10)] = 3


class RegistryAuthRequest(Request):
    username: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    password: Annotated[Secret, Field(min_length=1)]


class DeploymentCreate(Request):
    """``cluster`` and ``drift_policy`` are beyond the document."""

    app_name: AppName
    image: Image
    port: Port
    env_vars: EnvVars = Field(default_factory=dict)
    replicas: Replicas = 1
    resources: Resources = Field(default_factory=Resources)
    health_check: HealthCheckRequest = left_out()
    registry_auth: RegistryAuthRequest = left_out()
    cluster: Annotated[str, StringConstraints(min_length=1, max_length=40)] = left_out()
    drift_policy: Policy = DriftPolicy.REPORT.value


class DeploymentUpdate(Request):
    """What is left out keeps its value; ``env_vars`` replaces all of them."""

    image: Image = left_out()
    env_vars: EnvVars = left_out()
    replicas: Replicas = left_out()
    resources: Resources = left_out()

    @model_validator(mode="after")
    def _something(self) -> DeploymentUpdate:
        if not self.model_fields_set:
            raise ValueError("nothing to change: send image, env_vars, replicas or resources")
        return self


class ScaleBody(Request):
    replicas: Annotated[int, Field(ge=0, le=MOST_REPLICAS)]


class DriftBody(Request):
    """What becomes of a difference that somebody made on the cluster by hand."""

    policy: Policy


class UndoBody(Request):
    """``revision`` left out: the one that worked before the present one."""

    revision: Annotated[int, Field(ge=1, le=10**9)] | None = None


class AutoscaleBody(Request):
    """``enabled`` false: back to the replicas that were wanted before."""

    enabled: bool = True
    minimum: Replicas = 1
    maximum: Replicas = 10
    cpu_percent: Annotated[int, Field(ge=1, le=100)] = 80

    @model_validator(mode="after")
    def _ordered(self) -> AutoscaleBody:
        if self.minimum > self.maximum:
            raise ValueError("minimum must not be above maximum")
        return self

    @property
    def bounds(self) -> dict[str, Any] | None:
        names = ("minimum", "maximum", "cpu_percent")
        return {name: getattr(self, name) for name in names} if self.enabled else None


class HistoryQuery(Parameters):
    """``cursor``: that of the answer before."""

    limit: Limit = 20
    cursor: Annotated[str, StringConstraints(max_length=120, pattern=r"^(CHANGE#[0-9a-fTZ:.#-]+)?$")] = ""
