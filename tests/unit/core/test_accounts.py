"""What the owner of an account changes about it, and a forgotten password."""

from __future__ import annotations

import json
import re
import time

import pytest

from chalicelib.aws import clients, mail, queues
from chalicelib.core.audit import Actor, history
from chalicelib.core.identity import changes, gate, resets, sessions, tokens, users
from chalicelib.core.identity.users import User
from chalicelib.core.limits import Bucket
from chalicelib.kernel import settings
from chalicelib.kernel.errors import BadRequest, Conflict, TransientTargetError, Unauthenticated

pytestmark = pytest.mark.usefixtures("cloud")

BUCKET = Bucket("test", 100)
OLD, NEW = "engine-number-1", "engine-number-2"


@pytest.fixture
def ada(actor: Actor) -> User:
    return users.register(actor, "Ada", "ada@example.com", OLD)


def session_of(access: str) -> str:
    return tokens.read(access, "access").session_id


def enter(access: str) -> gate.Pass:
    claims = tokens.read(access, "access")
    return gate.enter(claims.user_id, claims.session_id, BUCKET)


# ---------------------------------------------------------------- refresh tokens that live on


def test_a_refresh_token_that_lives_on_gives_access_tokens_until_log_out(ada: User, actor: Actor) -> None:
    opened = sessions.open_session(ada, 600)
    first, second = sessions.renew(opened.refresh, 600), sessions.renew(opened.refresh, 600)
    for renewed in (opened, first, second):
        enter(renewed.access)
    sessions.log_out(Actor(int(ada.id), "Ada"), session_of(second.access))
    for renewed in (opened, first, second):
        with pytest.raises(Unauthenticated):
            enter(renewed.access)
    with pytest.raises(Unauthenticated, match="has ended"):
        sessions.renew(opened.refresh, 600)


def test_one_that_was_spent_by_rotation_ends_the_session_where_it_would_live_on(ada: User) -> None:
    opened = sessions.open_session(ada, 600)
    rotated = sessions.rotate(opened.refresh, 600)
    sessions.renew(rotated.refresh, 600)
    with pytest.raises(Unauthenticated, match="used before"):
        sessions.renew(opened.refresh, 600)
    with pytest.raises(Unauthenticated):
        enter(rotated.access)


def test_an_access_token_renews_nothing(ada: User) -> None:
    with pytest.raises(Unauthenticated, match="refresh token"):
        sessions.renew(sessions.open_session(ada, 600).access, 600)


# ---------------------------------------------------------------- names


def test_a_new_name_and_address_leave_the_old_ones_free(ada: User, actor: Actor) -> None:
    renamed = changes.rename(actor, ada, {"username": "Countess", "email": "countess@example.com"})
    assert (renamed.username, renamed.email) == ("Countess", "countess@example.com")
    assert users.find_by_username("ada") is None
    again = users.register(actor, "Ada", "ada@example.com", OLD)
    assert again.id != ada.id
    assert enter(sessions.open_session(renamed, 60).access).username == "Countess"


def test_a_taken_name_or_address_moves_nothing(ada: User, actor: Actor) -> None:
    users.register(actor, "Bob", "bob@example.com", OLD)
    for names, said in (
        ({"username": "BOB", "email": "new@example.com"}, "user name"),
        ({"username": "new", "email": "Bob@Example.com"}, "e-mail"),
    ):
        with pytest.raises(Conflict, match=said):
            changes.rename(actor, ada, names)
    found = users.find_by_email("ada@example.com")
    assert found is not None
    assert found.username == "Ada"
    assert users.find_by_username("new") is None
    assert users.find_by_email("new@example.com") is None


def test_another_case_of_the_own_name_is_no_clash(ada: User, actor: Actor) -> None:
    assert changes.rename(actor, ada, {"username": "ADA"}).username == "ADA"
    assert users.find_by_username("ada") is not None


def test_one_name_is_one_however_its_accents_are_put_together(ada: User, actor: Actor) -> None:
    users.register(actor, "Zo\u00eb", "zoe@example.com", OLD)
    with pytest.raises(Conflict, match="user name"):
        users.register(actor, "ZOE\u0308", "other@example.com", OLD)


def test_two_renames_at_once_leave_one_name_and_no_stray_guard(ada: User, actor: Actor) -> None:
    stale = users.find(int(ada.id))
    assert stale is not None
    changes.rename(actor, ada, {"username": "first"})
    with pytest.raises(Conflict, match="same moment"):
        changes.rename(actor, stale, {"email": "second@example.com"})
    assert users.find_by_email("second@example.com") is None


# ---------------------------------------------------------------- passwords


def test_a_new_password_ends_the_other_sessions_and_every_refresh_token(ada: User, actor: Actor) -> None:
    here, elsewhere = sessions.open_session(ada, 600), sessions.open_session(ada, 600)
    changes.change_password(actor, ada, NEW, session_of(here.access))
    enter(here.access)
    with pytest.raises(Unauthenticated):
        enter(elsewhere.access)
    for _ in range(2):  # a second try ends nothing more
        with pytest.raises(Unauthenticated, match="change of password"):
            sessions.renew(here.refresh, 600)
    with pytest.raises(Unauthenticated):
        sessions.renew(elsewhere.refresh, 600)
    enter(here.access)
    assert sessions.authenticate("Ada", NEW).id == ada.id
    with pytest.raises(Unauthenticated):
        sessions.authenticate("Ada", OLD)


def test_a_session_that_logged_out_meanwhile_is_not_brought_back(ada: User, actor: Actor) -> None:
    here = sessions.open_session(ada, 600)
    sessions.close_session(int(ada.id), session_of(here.access))
    with pytest.raises(Conflict):
        changes.change_password(actor, ada, NEW, session_of(here.access))
    assert sessions.authenticate("Ada", OLD).id == ada.id


def test_of_two_changes_of_a_password_at_once_one_counts(ada: User, actor: Actor) -> None:
    stale = users.find(int(ada.id))
    assert stale is not None
    here = session_of(sessions.open_session(ada, 600).access)
    changes.change_password(actor, ada, NEW, here)
    with pytest.raises(Conflict, match="same moment"):
        changes.change_password(actor, stale, "engine-number-3", here)
    assert sessions.authenticate("Ada", NEW).id == ada.id


# ---------------------------------------------------------------- a forgotten password


class Post:
    """Takes the mail that would be sent; ``fails`` of them are refused for now."""

    def __init__(self) -> None:
        self.letters: list[mail.Message] = []
        self.fails = 0

    def send(self, message: mail.Message) -> str:
        if self.fails:
            self.fails -= 1
            raise TransientTargetError("SES refused the mail: slowly")
        self.letters.append(message)
        return "id"

    def token(self) -> str:
        found = re.search(r"#token=(\S+)", self.letters[-1].text)
        assert found
        return found[1]


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> Post:
    post = Post()
    monkeypatch.setattr(mail, "send", post.send)
    monkeypatch.setenv("QUARTERDECK_PUBLIC_URL", "https://quarterdeck.example")
    url = clients.client("sqs").create_queue(QueueName="notices")["QueueUrl"]
    monkeypatch.setenv("QUARTERDECK_NOTICE_QUEUE_URL", url)
    settings.forget()
    return post


def ask(email: str) -> None:
    """Asks, and the mailer works off what that put on its queue."""
    resets.ask(email, "203.0.113.9", "/engine/reset-password")
    for message in queues.receive(settings.settings().notice_queue_url, wait_seconds=0):
        resets.mail_link(json.loads(message["Body"])["reset"])
        queues.delete(settings.settings().notice_queue_url, message["ReceiptHandle"])


def test_asking_does_the_same_for_every_address(
    ada: User, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message on the queue: who has the address is looked up by the mailer, when the answer is out."""
    calls: list[list[str]] = []
    monkeypatch.setattr(queues, "send", lambda url, body, delay=0: calls.append(sorted(body["reset"])))

    def looked_up(*_: object) -> None:
        raise AssertionError("the address was looked up while somebody waits for the answer")

    monkeypatch.setattr(users, "_find_by", looked_up)
    for email in ("ada@example.com", "nobody@example.com"):
        resets.ask(email, "203.0.113.9", "/page")
    assert len(calls) == 2
    assert calls[0] == calls[1]


def test_a_link_is_mailed_to_who_has_the_address_and_to_nobody_else(ada: User, post: Post) -> None:
    ask("nobody@example.com")
    assert post.letters == []
    ask("ADA@example.com")
    [letter] = post.letters
    assert letter.to == ("ada@example.com",)
    assert "https://quarterdeck.example/engine/reset-password#token=" in letter.text
    assert "203.0.113.9" in letter.text


def test_a_link_sets_a_password_once_and_ends_all_sessions(ada: User, post: Post) -> None:
    opened = sessions.open_session(ada, 600)
    ask("ada@example.com")
    resets.use(post.token(), NEW, "203.0.113.9")
    with pytest.raises(Unauthenticated):
        enter(opened.access)
    assert sessions.authenticate("Ada", NEW).id == ada.id
    with pytest.raises(BadRequest, match="works once"):
        resets.use(post.token(), "engine-number-3", "203.0.113.9")
    assert [entry.action for entry in history(ada.pk)][:2] == ["user.password", "user.reset_asked"]


def test_a_link_is_good_for_an_hour(ada: User, post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("ada@example.com")
    token, now = post.token(), time.time()
    monkeypatch.setattr(time, "time", lambda: now + resets.SECONDS + 1)
    with pytest.raises(BadRequest):
        resets.use(token, NEW, "203.0.113.9")
    monkeypatch.setattr(time, "time", lambda: now + resets.SECONDS - 1)
    resets.use(token, NEW, "203.0.113.9")


def test_any_new_password_ends_the_links_that_are_out(ada: User, actor: Actor, post: Post) -> None:
    ask("ada@example.com")
    first = post.token()
    ask("ada@example.com")
    resets.use(post.token(), NEW, "203.0.113.9")
    with pytest.raises(BadRequest):
        resets.use(first, "engine-number-3", "203.0.113.9")


@pytest.mark.parametrize("token", ["", "x", "\u0000", "x" * 200])
def test_a_token_that_nobody_was_given_is_refused(token: str, ada: User) -> None:
    with pytest.raises(BadRequest):
        resets.use(token, NEW, "203.0.113.9")


def test_nobody_is_sent_more_than_a_few_links_a_minute(ada: User, post: Post) -> None:
    for _ in range(resets.MAILS.requests + 3):
        ask("ada@example.com")
    assert len(post.letters) == resets.MAILS.requests


def test_a_mail_that_can_not_be_sent_now_is_tried_again_with_another_link(ada: User, post: Post) -> None:
    post.fails = 1
    with pytest.raises(TransientTargetError):
        ask("ada@example.com")
    ask("ada@example.com")
    resets.use(post.token(), NEW, "203.0.113.9")


def test_the_table_holds_no_token(ada: User, post: Post) -> None:
    ask("ada@example.com")
    dynamodb = clients.client("dynamodb")
    held = dynamodb.scan(TableName=settings.settings().table)["Items"]
    assert any(item["pk"]["S"].startswith("RESET#") for item in held)
    assert post.token() not in json.dumps(held)
