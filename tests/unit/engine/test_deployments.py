"""What a deployment is made of: names, quotas, lists, secrets."""

from __future__ import annotations

import pytest

from chalicelib.core.clusters import registry
from chalicelib.core.quotas import keeping
from chalicelib.kernel.errors import BadRequest, Conflict, Invalid, Unavailable
from chalicelib.kernel.secrets import Secret
from chalicelib.surfaces.engine.model import deployments, lists
from chalicelib.surfaces.engine.model.states import Action, State, during
from chalicelib.surfaces.engine.presenters import masks
from chalicelib.surfaces.engine.schemas.deployments import DeploymentUpdate
from chalicelib.surfaces.engine.service import observing, scaling
from tests.unit.core.builders import ACTOR
from tests.unit.engine.bench import Bench


def test_a_name_is_had_once_over_all_users(bench: Bench) -> None:
    bench.create()
    with pytest.raises(Conflict):
        bench.create()
    assert lists.total(bench.user_id) == 1
    assert keeping.standing(bench.user_id).held.apps == 1


def test_without_a_cluster_nothing_is_made_and_the_answer_says_what_to_do(bench: Bench) -> None:
    registry.remove(ACTOR, "default")
    with pytest.raises(Unavailable, match="KUBECONFIG_PATH"):
        bench.create()
    assert lists.total(bench.user_id) == 0


def test_a_cluster_is_not_removed_while_something_is_deployed_to_it(bench: Bench) -> None:
    bench.create()
    with pytest.raises(BadRequest, match="deployment 'shop'"):
        registry.remove(ACTOR, "default")


@pytest.mark.parametrize("image", ["Shop", "shop:", "http://shop", "shop:a:b"])
def test_an_image_that_cannot_be_read_is_refused_before_anything_is_written(bench: Bench, image: str) -> None:
    with pytest.raises(Invalid):
        bench.create(image=image)
    assert lists.total(bench.user_id) == 0


def test_what_passes_the_quota_is_refused_in_words(bench: Bench) -> None:
    keeping.allow(ACTOR, bench.user_id, {"replicas": 3})
    made = bench.running(replicas=2)
    with pytest.raises(BadRequest, match="you may have 3 replicas altogether, you have 2"):
        scaling.scale(bench.caller, made.id, 4)
    scaling.scale(bench.caller, made.id, 3)
    with pytest.raises(BadRequest):
        bench.create("other")
    assert keeping.standing(bench.user_id).held.replicas == 3


def test_lists_are_newest_first_with_true_totals_by_state(bench: Bench) -> None:
    for number in range(5):
        bench.create(f"app-{number}")
    bench.running("running")
    page = lists.page(bench.user_id, State.PENDING, 2, 2)
    assert [one.app_name for one in page.items] == ["app-2", "app-1"]
    assert (page.total, page.pages) == (5, 3)
    assert [one.app_name for one in lists.page(bench.user_id, None, 1, 2).items] == ["running", "app-4"]
    assert lists.page(bench.user_id, State.RUNNING, 1, 10).total == 1


def test_variables_and_log_ins_are_stored_sealed(bench: Bench) -> None:
    made = bench.create(
        env_vars={"GREETING": "hello"}, registry_auth={"username": "robot", "password": "hush hush"}
    )
    stored = "".join(
        str(record.serialize()) for record in (deployments.sealed_environment(made.id, 1),) if record
    )
    login = deployments.registry_login(made.id)
    assert stored
    assert login is not None
    assert "hello" not in stored
    assert "hush" not in str(login.serialize())
    bench.run_turn(made)
    (spec,) = bench.kubernetes.applied
    assert spec.registry_auth is not None
    assert spec.registry_auth.password.reveal() == "hush hush"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_KEY", "x"),
        ("githubToken", "x"),
        ("DB_PASSWORD", "x"),
        ("SENTRY_DSN", "x"),
        ("DATABASE_URL", "postgres://user:hush@db/shop"),
        ("PEM", "-----BEGIN PRIVATE KEY-----\nx"),
        ("ANYTHING", "ghp_0123456789abcdef"),
    ],
)
def test_values_that_look_secret_are_masked(name: str, value: str) -> None:
    assert masks.environment({name: Secret(value)}) == {name: "***"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("COLOUR", "blue"), ("DATABASE_URL", "postgres://db/shop"), ("PORT", "80"), ("TOKEN", "")],
)
def test_other_values_are_shown(name: str, value: str) -> None:
    assert masks.environment({name: Secret(value)}) == {name: value}


SENT_BACK = {"COLOUR": "red", "DB_PASSWORD": "***"}
"""As it was shown, but for the colour."""


def test_a_masked_value_that_is_sent_back_stays(bench: Bench) -> None:
    made = bench.running(env_vars={"COLOUR": "blue", "DB_PASSWORD": "hush hush"})
    observing.difference(bench.caller, made.id, DeploymentUpdate(env_vars=SENT_BACK))
    bench.update(made, env_vars=SENT_BACK)
    bench.run_turn(made)
    for spec in (bench.kubernetes.tried[-1], bench.kubernetes.applied[-1]):
        revealed = {name: value.reveal() for name, value in spec.env.items()}
        assert revealed == {"COLOUR": "red", "DB_PASSWORD": "hush hush"}


def test_a_mask_in_place_of_a_value_that_is_shown_is_a_value(bench: Bench) -> None:
    made = bench.running(env_vars={"COLOUR": "blue"})
    bench.update(made, env_vars={"COLOUR": "***"})
    bench.run_turn(made)
    assert bench.kubernetes.applied[-1].env["COLOUR"].reveal() == "***"


def test_a_mask_that_hides_nothing_is_refused_in_words(bench: Bench) -> None:
    made = bench.running(env_vars={"COLOUR": "blue"})
    with pytest.raises(BadRequest, match=r"'DB_PASSWORD' is '\*\*\*'"):
        bench.update(made, env_vars=SENT_BACK)
    with pytest.raises(BadRequest, match="Send its value"):
        observing.difference(bench.caller, made.id, DeploymentUpdate(env_vars=SENT_BACK))
    assert bench.stored(made).last_revision == 1


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("serving", [False, True])
def test_every_change_leads_to_a_state_that_may_follow(
    action: Action, state: State, stopped: bool, serving: bool
) -> None:
    reached = during(action, state, stopped=stopped, serving=serving)
    if state is State.PENDING and serving:
        return  # nothing serves while it is pending
    assert reached is state or reached in state.may_follow, (state, reached)
