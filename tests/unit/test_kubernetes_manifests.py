"""What an app's spec becomes, held to golden files.

``QUARTERDECK_WRITE_GOLDEN=1`` writes them anew; the API server's own judgement of them is in
``tests/targets/test_kubernetes_apply.py``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.kubernetes import plan
from chalicelib.targets.kubernetes.plan import Standing
from tests.support.apps import NEW_CLUSTER, OLD_CLUSTER, SPECS

GOLDEN = Path(__file__).parent / "golden"
CASES = [(name, cluster) for name in SPECS for cluster in (OLD_CLUSTER, NEW_CLUSTER)]


@pytest.mark.parametrize(("name", "cluster"), CASES, ids=[f"{n}-1.{c.minor}" for n, c in CASES])
def test_a_spec_becomes_what_its_golden_file_says(name: str, cluster: Any) -> None:
    made = plan.make(SPECS[name], cluster, Standing())
    text = yaml.safe_dump_all(made.apply, sort_keys=False, width=110)
    file = GOLDEN / f"kubernetes_{name}_1.{cluster.minor}.yaml"
    if os.environ.get("QUARTERDECK_WRITE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def of_kind(made: plan.Plan, kind: str) -> dict[str, Any]:
    return next(one for one in made.apply if one["kind"] == kind)


def test_no_secret_stands_in_clear_in_what_is_applied() -> None:
    made = plan.make(SPECS["everything"], NEW_CLUSTER, Standing())
    others = [one for one in made.apply if one["kind"] != "Secret"]
    assert "hush" not in repr(made.apply)
    assert "aHVzaC" not in repr(others)
    assert "aHVzaC" in repr(made.apply)


def test_a_changed_variable_replaces_the_pods_and_an_unchanged_one_does_not() -> None:
    spec = SPECS["everything"]
    again = spec.model_copy(update={"env": dict(reversed(spec.env.items()))})
    changed = spec.model_copy(update={"env": {**spec.env, "GREETING": Secret("bye")}})
    first, second, third = (
        of_kind(plan.make(one, NEW_CLUSTER, Standing()), "Deployment")["spec"]["template"]
        for one in (spec, again, changed)
    )
    assert first == second
    assert first != third


def standing(spec: Any, **deployment: Any) -> Standing:
    made = plan.make(spec, NEW_CLUSTER, Standing())
    live = of_kind(made, "Deployment")
    live = {**live, "spec": {**live["spec"], **deployment}}
    return Standing(of_kind(made, "Namespace"), live)


def test_the_autoscaler_keeps_the_replicas_it_chose() -> None:
    spec = SPECS["everything"]
    made = plan.make(spec, NEW_CLUSTER, standing(spec, replicas=4))
    assert "replicas" not in of_kind(made, "Deployment")["spec"]
    assert made.hand_over is None


def test_replicas_that_are_ours_are_handed_to_the_autoscaler_before_they_are_left_out() -> None:
    """Left out by their only owner they would become one."""
    spec = SPECS["everything"]
    stands = standing(spec, replicas=4)
    assert stands.deployment is not None
    ours = {"manager": "quarterdeck", "operation": "Apply", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    stands.deployment["metadata"]["managedFields"] = [ours]
    assert plan.make(spec, NEW_CLUSTER, stands).hand_over == 4


def test_a_stopped_app_that_starts_again_begins_at_the_lower_bound() -> None:
    spec = SPECS["everything"]
    assert plan.make(spec, NEW_CLUSTER, standing(spec, replicas=0)).hand_over == 2


def test_a_stopped_app_has_no_autoscaler_and_no_replicas() -> None:
    spec = SPECS["everything"].model_copy(update={"replicas": 0})
    made = plan.make(spec, NEW_CLUSTER, standing(spec, replicas=4))
    assert of_kind(made, "Deployment")["spec"]["replicas"] == 0
    assert [one.kind for one in made.remove] == ["HorizontalPodAutoscaler"]


def test_what_a_spec_no_longer_has_is_removed() -> None:
    bare, full = SPECS["bare"], SPECS["everything"]
    assert plan.make(full, NEW_CLUSTER, standing(full)).remove == ()
    assert {(one.kind, one.name) for one in plan.make(bare, NEW_CLUSTER, standing(bare)).remove} == {
        ("HorizontalPodAutoscaler", "shop"),
        ("Ingress", "shop"),
        ("Secret", "registry"),
        ("NetworkPolicy", "certificates"),
    }


def quota_of(hard: dict[str, str], used: dict[str, str]) -> dict[str, Any]:
    return {"spec": {"hard": hard}, "status": {"used": used}}


def hard_after(spec: Any, quota: dict[str, Any]) -> dict[str, str]:
    stands = standing(spec)
    made = plan.make(spec, NEW_CLUSTER, Standing(stands.namespace, stands.deployment, quota))
    hard: dict[str, str] = of_kind(made, "ResourceQuota")["spec"]["hard"]
    return hard


def test_a_quota_is_not_lowered_while_larger_pods_still_run() -> None:
    """The first of the smaller pods would not fit beside them, and none of them may go before it is ready."""
    large = {"requests.cpu": "4", "requests.memory": "8Gi", "limits.cpu": "4", "limits.memory": "8Gi"}
    wanted = hard_after(SPECS["bare"], quota_of({}, {}))
    running = quota_of({**large, "pods": "2"}, {"requests.cpu": "2", "limits.cpu": "2", "pods": "1"})
    assert hard_after(SPECS["bare"], running) == {**wanted, **large}
    gone = quota_of({**large, "pods": "2"}, {"requests.cpu": "100m", "limits.cpu": "100m", "pods": "1"})
    assert hard_after(SPECS["bare"], gone) == wanted


def test_a_namespace_of_somebody_else_is_left_alone() -> None:
    spec = SPECS["bare"]
    stands = standing(spec)
    assert stands.namespace is not None
    stands.namespace["metadata"]["labels"].pop("quarterdeck.dev/deployment-id")
    with pytest.raises(PermanentTargetError, match="not this app's"):
        plan.make(spec, NEW_CLUSTER, stands)


def test_a_namespace_that_is_being_deleted_is_waited_for() -> None:
    spec = SPECS["bare"]
    stands = standing(spec)
    assert stands.namespace is not None
    stands.namespace["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    with pytest.raises(TransientTargetError, match="still being deleted"):
        plan.make(spec, NEW_CLUSTER, stands)


def test_a_deployment_with_other_selectors_is_not_pushed_aside() -> None:
    spec = SPECS["bare"]
    with pytest.raises(PermanentTargetError, match="other labels"):
        plan.make(spec, NEW_CLUSTER, standing(spec, selector={"matchLabels": {"app": "shop"}}))
