"""Accounts from end to end: mail that arrives, credentials that end, events that reach who they are for."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import websocket

from tests.support import mail
from tests.support.client import ContractClient
from tests.support.engine import NEW_PASSWORD, EngineWorld
from tests.support.people import PASSWORD, address_of
from tests.support.stack import Stack
from tests.support.things import unique
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def engine(stack: Stack) -> EngineWorld:
    world = stack.world("engine")
    assert isinstance(world, EngineWorld)
    return world


class Person:
    """Somebody with an account of his own."""

    def __init__(self, world: EngineWorld, anonymous: ContractClient) -> None:
        self.anonymous = anonymous
        self.answer = world.registered()
        self.email = str(self.answer["user"]["email"])
        self.client = anonymous.as_user(self.answer["access_token"])
        self.refresh_token = str(self.answer["refresh_token"])

    def log_in(self, password: str = PASSWORD) -> Any:
        return self.anonymous.post("/v1/auth/login", {"email": self.email, "password": password})

    def refreshes(self) -> int:
        body = {"refresh_token": self.refresh_token}
        return int(self.anonymous.post("/v1/auth/refresh", body).status_code)

    def is_in(self) -> bool:
        return bool(self.client.get("/v1/user/profile").status_code == 200)

    def key(self, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.client.ok("POST", "/v1/api-keys", {"name": "ci"} | fields)
        return made


@pytest.fixture
def anonymous(stack: Stack) -> ContractClient:
    return stack.client("nobody", "engine")


@pytest.fixture
def person(engine: EngineWorld, anonymous: ContractClient) -> Person:
    return Person(engine, anonymous)


def test_a_reset_link_arrives_works_once_and_ends_every_session(
    stack: Stack, engine: EngineWorld, person: Person
) -> None:
    key = person.client.as_user(person.key()["key"])
    token = engine.reset_token(person.email, typed=person.email.upper())
    body = {"token": token, "new_password": NEW_PASSWORD}
    assert (
        person.anonymous.post("/v1/auth/reset-password", body | {"new_password": "short"}).status_code == 400
    )
    person.anonymous.ok("POST", "/v1/auth/reset-password", body)
    assert not person.is_in()
    assert person.refreshes() == 401
    assert person.log_in().status_code == 401
    assert person.log_in(NEW_PASSWORD).status_code == 200
    assert person.anonymous.post("/v1/auth/reset-password", body).status_code == 400
    assert key.get("/v1/user/profile").status_code == 200, "API keys survive"


def test_an_unknown_address_gets_the_same_answer_and_no_mail(
    stack: Stack, person: Person, anonymous: ContractClient
) -> None:
    stranger = address_of(unique("stranger"))
    answers = [
        anonymous.post("/v1/auth/forgot-password", {"email": email}) for email in (stranger, person.email)
    ]
    assert answers[0].text == answers[1].text
    assert {answer.status_code for answer in answers} == {200}
    mail.received(stack, person.email)  # asked for later, sent already
    assert mail.sent(stack, stranger) == []


def test_the_link_leads_to_a_page_that_no_other_page_can_frame_or_feed(anonymous: ContractClient) -> None:
    page = anonymous.get("/reset-password")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<form>" in page.text
    assert re.search(r"fetch\(where \+ .*reset-password", page.text)


def test_no_log_has_the_link(stack: Stack, engine: EngineWorld, person: Person) -> None:
    token = engine.reset_token(person.email)
    logs = "".join(path.read_text(errors="replace") for path in stack.instance.state.logs.iterdir())
    assert token not in logs


def test_every_failed_log_in_is_one_and_the_same_401(person: Person, anonymous: ContractClient) -> None:
    wrong = [
        {"email": person.email, "password": "wrong"},
        {"email": address_of(unique("nobody")), "password": PASSWORD},
    ]
    answers = [anonymous.post("/v1/auth/login", body) for body in wrong]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1


def test_a_log_in_is_by_address_whatever_its_case_and_is_remembered(person: Person) -> None:
    assert person.client.ok("GET", "/v1/user/profile")["last_login"] is None
    person.email = person.email.upper()
    assert person.log_in().status_code == 200
    assert person.client.ok("GET", "/v1/user/profile")["last_login"]


def test_a_refresh_token_lives_on_and_gives_access_tokens_alone(person: Person) -> None:
    body = {"refresh_token": person.refresh_token}
    for _ in range(2):
        renewed = person.anonymous.ok("POST", "/v1/auth/refresh", body)
        assert set(renewed) == {"access_token", "expires_at"}
        assert person.anonymous.as_user(renewed["access_token"]).get("/v1/user/profile").ok


def test_a_refresh_token_is_no_access_token_and_the_other_way_round(person: Person) -> None:
    assert person.anonymous.as_user(person.refresh_token).get("/v1/user/profile").status_code == 401
    swapped = {"refresh_token": person.answer["access_token"]}
    assert person.anonymous.post("/v1/auth/refresh", swapped).status_code == 401


def test_log_out_ends_this_log_in_and_no_other(person: Person) -> None:
    elsewhere = person.anonymous.as_user(person.log_in().json()["access_token"])
    key = person.anonymous.as_user(person.key()["key"])
    person.client.ok("POST", "/v1/auth/logout")
    assert not person.is_in()
    assert person.refreshes() == 401
    for other in (elsewhere, key):
        assert other.get("/v1/user/profile").status_code == 200


def test_a_new_password_ends_the_other_sessions(person: Person) -> None:
    elsewhere = person.anonymous.as_user(person.log_in().json()["access_token"])
    change = {"current_password": "wrong", "new_password": NEW_PASSWORD, "confirm_new_password": NEW_PASSWORD}
    assert person.client.put("/v1/user/password", change).status_code == 401
    different = change | {"current_password": PASSWORD, "confirm_new_password": PASSWORD}
    assert person.client.put("/v1/user/password", different).status_code == 400
    person.client.ok("PUT", "/v1/user/password", change | {"current_password": PASSWORD})
    assert person.is_in()
    assert elsewhere.get("/v1/user/profile").status_code == 401
    assert person.refreshes() == 401
    assert (person.log_in().status_code, person.log_in(NEW_PASSWORD).status_code) == (401, 200)


def test_what_is_taken_is_409_whatever_its_case(person: Person, engine: EngineWorld) -> None:
    other = engine.registered()["user"]
    for taken in ({"username": other["username"].upper()}, {"email": other["email"].upper()}):
        assert person.client.put("/v1/user/profile", taken).status_code == 409
        fresh = {"username": unique("fresh"), "email": address_of(unique("fresh"))} | taken
        body = fresh | {"password": PASSWORD, "confirm_password": PASSWORD}
        assert person.anonymous.post("/v1/auth/register", body).status_code == 409
    assert person.client.ok("GET", "/v1/user/profile")["email"] == person.email


def test_names_of_any_language_are_kept_as_they_were_given(person: Person) -> None:
    name = f"Žluťoučký-{unique('kůň')}"
    assert person.client.ok("PUT", "/v1/user/profile", {"username": name})["username"] == name
    assert person.client.ok("GET", "/v1/user/profile")["username"] == name


def test_what_a_registration_gets_wrong_is_said_and_nothing_is_made(anonymous: ContractClient) -> None:
    good = {"username": unique("picky"), "password": PASSWORD, "confirm_password": PASSWORD}
    good["email"] = address_of(good["username"])
    wrong: dict[str, tuple[dict[str, Any], int]] = {
        "confirm_password": ({"confirm_password": PASSWORD + "x"}, 400),
        "email": ({"email": "not an address"}, 400),
        "password": ({"password": "short", "confirm_password": "short"}, 400),
        "username": ({"username": "ab"}, 400),
    }
    for field, (change, status) in wrong.items():
        answer = anonymous.post("/v1/auth/register", good | change)
        assert answer.status_code == status
        assert field in answer.json()["error"]["details"]
    del good["confirm_password"]
    assert anonymous.post("/v1/auth/register", good).status_code == 422
    good["confirm_password"] = PASSWORD
    assert anonymous.post("/v1/auth/register", good).status_code == 201


def test_a_key_is_shown_once_is_good_on_every_surface_and_revoked_at_once(person: Person) -> None:
    made = person.key(description="Build server", expires_in_days=30)
    assert made["key"].startswith("ce_dev_")
    key = person.anonymous.as_user(made["key"])
    assert key.on("birun").get("/servers/").status_code == 200
    [shown] = key.ok("GET", "/v1/api-keys")["api_keys"]
    assert made["key"] not in json.dumps(shown)
    assert (shown["key_prefix"], shown["description"]) == ("ce_dev_", "Build server")
    assert shown["last_used"] >= shown["created_at"][:16]
    person.client.ok("DELETE", f"/v1/api-keys/{made['id']}")
    assert key.get("/v1/api-keys").status_code == 401
    assert key.on("birun").get("/servers/").status_code == 401


def test_keys_are_listed_newest_first_a_page_at_a_time(person: Person) -> None:
    names = [f"key-{number}" for number in range(5)]
    for name in names:
        person.key(name=name)
    pages = [person.client.ok("GET", f"/v1/api-keys?limit=2&page={page}") for page in (1, 2, 3)]
    assert [key["name"] for page in pages for key in page["api_keys"]] == names[::-1]
    assert pages[0]["pagination"] == {"page": 1, "limit": 2, "total": 5, "total_pages": 3}


def test_a_key_mints_no_keys_and_does_no_more_than_it_was_given(person: Person) -> None:
    key = person.anonymous.as_user(person.key(permissions=["read"])["key"])
    assert key.post("/v1/api-keys", {"name": "child"}).status_code == 403
    assert key.put("/v1/user/profile", {"username": unique("new")}).status_code == 403
    assert key.on("birun").post("/scripts/", {"name": "x", "content": "true"}).status_code == 403
    assert person.client.post("/v1/api-keys", {"name": "x", "permissions": ["admin"]}).status_code == 400


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400),
        ({"expires_in_days": 0}, 400),
        ({"expires_in_days": 1, "expires_at": "2999-01-01T00:00:00Z"}, 400),
        ({"expires_in_days": 1, "expires_at": None}, 201),
    ],
)
def test_a_key_ends_in_the_future_or_not_at_all(fields: dict[str, Any], status: int, person: Person) -> None:
    assert person.client.post("/v1/api-keys", {"name": "x"} | fields).status_code == status


def test_a_repeat_gives_the_key_again_and_the_table_has_it_nowhere(stack: Stack, person: Person) -> None:
    headers = {"Idempotency-Key": unique("once")}
    first, again = (
        person.client.ok("POST", "/v1/api-keys", {"name": "once"}, headers=headers) for _ in range(2)
    )
    assert first == again
    found = stack.aws("dynamodb").query(
        TableName=stack.variables()["QUARTERDECK_TABLE"],
        KeyConditionExpression="pk = :kept",
        ExpressionAttributeValues={":kept": {"S": "IDEMPOTENCY"}},
    )
    assert found["Items"]
    assert first["key"] not in json.dumps(found["Items"])


# ---------------------------------------------------------------- events


class Listening:
    """A connection to what Container Engine tells a user."""

    def __init__(self, stack: Stack, client: ContractClient, path: str = "/v1/ws/notifications") -> None:
        address = f"{stack.base_url.replace('http', 'ws', 1)}/engine{path}"
        headers = [f"Authorization: Bearer {client.token}"] if client.token else []
        self.socket = websocket.create_connection(address, timeout=60, header=headers)

    def next(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(self.socket.recv())
        return said

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def listen(stack: Stack) -> Iterator[Any]:
    opened: list[Listening] = []

    def make(client: ContractClient, path: str = "/v1/ws/notifications") -> Listening:
        opened.append(Listening(stack, client, path))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def listeners(client: ContractClient) -> int:
    return int(client.ok("GET", "/v1/notifications/stats")["connected_users"])


def test_a_user_hears_what_is_his_on_every_connection_and_others_hear_nothing(
    listen: Any, engine: EngineWorld, person: Person, anonymous: ContractClient
) -> None:
    other = Person(engine, anonymous)
    before = listeners(person.client)
    key = person.anonymous.as_user(person.key()["key"])
    mine, also, theirs = listen(person.client), listen(key), listen(other.client)
    wait_until(lambda: listeners(person.client) == before + 2, what="two listeners")
    sent = person.client.ok("GET", "/v1/notifications/test")
    assert sent["user_id"] == person.answer["user"]["id"]
    heard = [mine.next(), also.next()]
    schema = "#/components/schemas/NotificationEvent"
    assert heard[0] == heard[1]
    assert person.client.contract.schema_problems(schema, heard[0]) == []
    assert heard[0]["type"] == "deployment_status_changed"
    other.client.ok("GET", "/v1/notifications/test?notification_type=deployment_failed")
    first = theirs.next()
    assert first["data"]["status"] == "failed", "the first that they hear is their own"
    for one in (mine, also, theirs):
        one.close()
    wait_until(lambda: listeners(person.client) == before, what="nobody listening")


def test_who_comes_back_with_a_cursor_hears_what_was_told_meanwhile(listen: Any, person: Person) -> None:
    first = listen(person.client)
    person.client.ok("GET", "/v1/notifications/test")
    cursor = first.next()["cursor"]
    first.close()
    person.client.ok("GET", "/v1/notifications/test?notification_type=deployment_failed")
    again = listen(person.client, f"/v1/ws/notifications?cursor={cursor}")
    assert again.next()["data"]["status"] == "failed"


def test_a_log_out_ends_what_its_session_listens_on_and_a_key_goes_on(listen: Any, person: Person) -> None:
    key = person.anonymous.as_user(person.key()["key"])
    mine, by_key = listen(person.client), listen(key)
    person.client.ok("POST", "/v1/auth/logout")
    said = mine.next()
    assert (said["type"], said["close"]) == ("error", 1008)
    assert "Log in again" in said["data"]
    assert mine.socket.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
    key.ok("GET", "/v1/notifications/test")
    assert by_key.next()["type"] == "deployment_status_changed"


def test_a_stranger_hears_nothing(listen: Any, anonymous: ContractClient, person: Person) -> None:
    for client in (anonymous, anonymous.as_user(person.refresh_token)):
        with pytest.raises(websocket.WebSocketBadStatusException) as caught:
            listen(client)
        assert caught.value.status_code in (401, 403)  # the gateway has its own word for it


def test_the_sockets_say_that_they_are_well_and_hang_up(listen: Any, anonymous: ContractClient) -> None:
    health = listen(anonymous, "/v1/ws/health")
    assert health.next() == {"status": "healthy"}
    opcode, data = health.socket.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == 1000
    assert anonymous.get("/v1/ws/health").text == "WebSocket service is healthy"
