"""Who may call what: 401 and 403 for every operation of the route table."""

from __future__ import annotations

from collections.abc import Callable

import jwt
import pytest

from tests.support import cases, manners, tokens
from tests.support.client import ContractClient
from tests.support.contract import Operation
from tests.support.stack import PASSWORD, Stack
from tests.support.things import Things, unique


@pytest.fixture(scope="module")
def bad_headers(stack: Stack) -> dict[str, str | None]:
    token = stack.client("user").token
    assert token
    made = tokens.bad_headers(stack, token)
    assert set(made) == set(tokens.BAD)
    return made


@pytest.mark.parametrize("operation", cases.secured())
def test_a_bad_token_is_401(
    operation: Operation,
    anonymous: ContractClient,
    bad_headers: dict[str, str | None],
    world: Things,
) -> None:
    path = world.path(operation, fresh=False)
    for bad, header in bad_headers.items():
        headers = {} if header is None else {"Authorization": header}
        answer = anonymous.request(operation.method, path, headers=headers)
        assert answer.status_code == 401, f"{bad}: {answer.text}"


@pytest.fixture
def somebody(stack: Stack, operation: Operation) -> Callable[[str], ContractClient]:
    """A client for a role: the shared one, unless the operation would harm it."""
    surface = operation.contract.surface
    spends = operation.id in manners.SURFACES[surface].spends
    return lambda role: stack.newcomer(role, surface) if spends else stack.client(role, surface)


@pytest.mark.parametrize("operation", cases.secured())
def test_the_same_call_with_a_good_token_is_not_401(
    operation: Operation, somebody: Callable[[str], ContractClient]
) -> None:
    client, path = somebody("user"), cases.with_ids(operation)
    assert client.request(operation.method, path).status_code != 401


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    """An API key of the shared user, who may do what users may."""
    token = stack.client("user").token
    assert token
    claims = jwt.decode(token, options={"verify_signature": False})
    with stack.inside():
        return tokens.api_key(int(claims["sub"]))[1]


@pytest.mark.parametrize("operation", cases.secured())
def test_an_api_key_will_do_where_the_contract_says_so(
    operation: Operation, key: str, anonymous: ContractClient
) -> None:
    client, path = anonymous.as_user(key), cases.with_ids(operation)
    answer = client.send(operation.method, path, b"{", "application/json")
    refused = not operation.takes_keys or operation.id in client.manners.admin_only
    assert answer.status_code != 401, answer.text
    assert (answer.status_code == 403) is refused, answer.text


@pytest.mark.parametrize("operation", cases.altering())
def test_an_api_key_that_may_only_read_changes_nothing(
    operation: Operation, reading_key: str, anonymous: ContractClient
) -> None:
    client, path = anonymous.as_user(reading_key), cases.with_ids(operation)
    assert client.send(operation.method, path, b"{", "application/json").status_code == 403


@pytest.fixture(scope="module")
def reading_key(stack: Stack) -> str:
    token = stack.client("admin").token
    assert token
    claims = jwt.decode(token, options={"verify_signature": False})
    with stack.inside():
        return tokens.api_key(int(claims["sub"]), permissions="read")[1]


@pytest.mark.parametrize("operation", cases.changing())
def test_a_viewer_may_change_nothing(operation: Operation, viewer: ContractClient, world: Things) -> None:
    path = world.path(operation, fresh=False)
    kwargs = {} if operation.body is None else {"json": world.body(operation)}
    before = world.picture()
    answer = viewer.request(operation.method, path, **kwargs)
    assert answer.status_code == 403, answer.text
    assert world.picture() == before


@pytest.mark.parametrize("operation", cases.changing())
def test_a_viewer_is_403_before_anything_is_looked_at(operation: Operation, viewer: ContractClient) -> None:
    """Neither a missing thing nor a broken body tells a viewer more."""
    answer = viewer.send(operation.method, cases.with_ids(operation), b"{", "application/json")
    assert answer.status_code == 403, answer.text


@pytest.mark.parametrize("operation", cases.writing())
def test_the_own_account_is_a_viewers_to_change(
    operation: Operation, somebody: Callable[[str], ContractClient]
) -> None:
    answer = somebody("viewer").send(operation.method, cases.with_ids(operation), b"{", "application/json")
    own = manners.SURFACES[operation.contract.surface].own
    assert (answer.status_code != 403) is (operation.id in own), answer.text


@pytest.mark.parametrize("operation", cases.reading())
def test_a_viewer_may_read_everything_that_is_not_somebody_elses(
    operation: Operation, viewer: ContractClient, world: Things
) -> None:
    answer = viewer.get(world.path(operation, fresh=False))
    known = viewer.manners
    private = operation.id in known.private or (known.owned and operation.parameters("path"))
    wanted = 403 if operation.id in known.admin_only else 404 if private else operation.success
    assert answer.status_code == wanted, answer.text


@pytest.mark.parametrize("operation", cases.writing())
def test_what_is_for_administrators_is_403_for_a_user(
    operation: Operation, somebody: Callable[[str], ContractClient], world: Things
) -> None:
    kwargs = {} if operation.body is None else {"json": world.body(operation)}
    client = somebody("user")
    answer = client.request(operation.method, cases.with_ids(operation), **kwargs)
    assert (answer.status_code == 403) is (operation.id in client.manners.admin_only), answer.text


def test_registration_makes_a_user_whatever_role_the_body_asks_for(
    anonymous: ContractClient, stack: Stack
) -> None:
    name = unique("ambitious")
    body = {"username": name, "password": PASSWORD, "email": f"{name}@example.com", "role": "admin"}
    made = anonymous.ok("POST", "/auth/register", body)
    assert made["user"]["role"] == "user"
    client = stack.log_in(name, PASSWORD)
    assert client.put("/settings/", {"max_concurrent_executions": 1}).status_code == 403


@pytest.mark.parametrize(
    "change",
    [{"username": "THE-USER"}, {"email": "The-User@Example.com"}],
    ids=["user-name", "e-mail"],
)
def test_what_is_taken_is_400_whatever_its_case(
    change: dict[str, str], anonymous: ContractClient, user: ContractClient
) -> None:
    assert user.token
    name = unique("twin")
    body = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"} | change
    answer = anonymous.post("/auth/register", body)
    assert answer.status_code == 400, answer.text
    assert "taken" in answer.json()["error"]


def test_every_failed_log_in_is_401_with_one_text(anonymous: ContractClient, user: ContractClient) -> None:
    assert user.token
    tries = [
        {"username": "the-user", "password": "wrong"},
        {"username": "nobody-at-all", "password": PASSWORD},
        {"username": "the-user", "password": PASSWORD + " "},
        {"username": "the-user\u0000", "password": PASSWORD},
        {"username": "the-user", "password": "x" * 5000},
    ]
    answers = [anonymous.post("/auth/login", body) for body in tries]
    told = [answer for answer in answers if answer.status_code != 422]
    assert len(told) >= 3
    assert {answer.status_code for answer in told} == {401}
    assert len({answer.text for answer in told}) == 1


def test_a_disabled_account_can_do_nothing_any_more(stack: Stack) -> None:
    name = unique("leaver")
    stack.ensure_user(name, "user")
    client = stack.log_in(name, PASSWORD)
    assert client.get("/servers/").status_code == 200
    _disable(stack, name)
    assert client.get("/servers/").status_code == 401
    answer = stack.anonymous().post("/auth/login", {"username": name, "password": PASSWORD})
    assert answer.status_code == 401


def _disable(stack: Stack, name: str) -> None:
    from chalicelib.core import audit
    from chalicelib.core.identity import users

    with stack.inside():
        found = users.find_by_username(name)
        assert found is not None
        users.change(audit.SYSTEM, found, disabled=True)
