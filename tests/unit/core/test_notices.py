"""Notices: written down with what they tell of, sent once, tried again, given up, accounted for."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest

from chalicelib.aws import table
from chalicelib.core import vault
from chalicelib.core.notices import deliveries, model, outbox, sending, signing
from chalicelib.core.notices.deliveries import Filters
from chalicelib.core.notices.model import Notice, State
from chalicelib.core.notices.outbox import Event, Sealed, Webhook
from chalicelib.core.notices.signing import Signature
from chalicelib.kernel import clock, settings
from chalicelib.kernel.secrets import Secret
from tests.support.receiver import Receiver

EVENT = Event(
    "birun", "schedule.failed", "SCHEDULE#script:3", {"event": "x", "name": "Ü"}, "Failed", "It failed."
)
CONTEXT = {"record": "SCHEDULE#script:3", "field": "notifications"}


@pytest.fixture
def post(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The notice queue, as boto3 sees it."""
    sqs = boto3.resource("sqs")
    queue = sqs.create_queue(QueueName="notices")
    monkeypatch.setenv("QUARTERDECK_NOTICE_QUEUE_URL", queue.url)
    monkeypatch.setenv("QUARTERDECK_ALLOWED_HOSTS", "127.77.0.0/16")
    settings.forget()
    return queue


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def written(put: table.Put) -> str:
    table.write([put])
    assert isinstance(put.record, Notice)
    return put.record.id


def stored(notice_id: str) -> Notice:
    found = model.find(notice_id)
    assert found is not None
    return found


def messages(queue: Any) -> list[dict[str, Any]]:
    return [json.loads(message.body) for message in queue.receive_messages(MaxNumberOfMessages=10)]


def test_a_webhook_is_signed_over_the_very_bytes_that_arrive(post: Any, receiver: Receiver) -> None:
    secret = Sealed(vault.seal(Secret("s3cret"), CONTEXT), CONTEXT)
    notice = written(outbox.webhook(Webhook(receiver.url("/hook?a=b"), secret), EVENT))
    sending.deliver(notice, 0)
    (got,) = receiver.received
    assert (got.path, json.loads(got.body)) == ("/hook?a=b", EVENT.payload)
    assert got.is_signed_with("s3cret")
    assert not got.is_signed_with("another")
    assert got.headers["X-Quarterdeck-Delivery"] == notice
    assert got.headers["X-Quarterdeck-Event"] == "schedule.failed"
    found = stored(notice)
    assert (found.status, [entry["status_code"] for entry in found.history]) == (State.DELIVERED, [200])
    assert found.due_at is None


def test_a_surface_may_sign_as_its_document_has_it(post: Any, receiver: Receiver) -> None:
    secret = Sealed(vault.seal(Secret("s3cret"), CONTEXT), CONTEXT)
    own = Signature("X-Container-Engine-Signature", "plain")
    sending.deliver(written(outbox.webhook(Webhook(receiver.url(), secret, own), EVENT)), 0)
    (got,) = receiver.received
    expected = signing.value("plain", Secret("s3cret"), got.body, 0)
    assert got.headers["X-Container-Engine-Signature"] == expected
    assert "X-Quarterdeck-Signature" not in got.headers


def test_the_same_message_twice_sends_once(post: Any, receiver: Receiver) -> None:
    notice = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    batch = [
        {"messageId": str(number), "body": json.dumps({"notice": notice, "attempt": 0})}
        for number in range(4)
    ]
    assert sending.work_off(batch) == {"batchItemFailures": []}
    assert len(receiver.received) == 1


def test_a_message_that_cannot_be_handled_comes_again_alone(post: Any, receiver: Receiver) -> None:
    notice = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    batch = [
        {"messageId": "bad", "body": "no json"},
        {"messageId": "good", "body": json.dumps({"notice": notice, "attempt": 0})},
    ]
    assert sending.work_off(batch) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert stored(notice).status is State.DELIVERED


def test_a_receiver_that_fails_is_tried_again_until_it_takes_it(post: Any, receiver: Receiver) -> None:
    receiver.answers = deque([500, 429])
    notice = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    for attempt in range(3):
        sending.deliver(notice, attempt)
    found = stored(notice)
    assert found.status is State.DELIVERED
    assert [entry["status_code"] for entry in found.history] == [500, 429, 200]
    assert [entry["error"] is None for entry in found.history] == [False, False, True]
    assert len({got.headers["X-Quarterdeck-Delivery"] for got in receiver.received}) == 1
    assert [got.headers["X-Quarterdeck-Attempt"] for got in receiver.received] == ["1", "2", "3"]


def test_pauses_grow_and_the_sweep_takes_over_where_the_queue_cannot_wait(
    post: Any, receiver: Receiver
) -> None:
    receiver.answers = deque([503] * 5)
    notice = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    pauses = []
    for attempt in range(5):
        before = clock.now()
        sending.deliver(notice, attempt)
        planned = stored(notice)
        assert planned.status is State.RETRYING
        pauses.append((clock.parse(planned.next_attempt_at) - before).total_seconds())
    assert pauses == sorted(pauses)
    assert all(
        0.75 * wanted <= pause <= 1.25 * wanted + 5
        for wanted, pause in zip(sending.DELAYS, pauses, strict=True)
    )
    outbox.sweep(clock.parse(planned.next_attempt_at) + timedelta(seconds=1))
    assert {"notice": notice, "attempt": 5} in messages(post)


def test_it_is_given_up_after_the_last_attempt_with_the_reason(post: Any, receiver: Receiver) -> None:
    receiver.answers = deque([500] * 10)
    notice = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    for attempt in range(sending.MOST_ATTEMPTS + 2):
        sending.deliver(notice, attempt)
    found = stored(notice)
    assert (found.status, len(found.history)) == (State.FAILED, sending.MOST_ATTEMPTS)
    assert len(receiver.received) == sending.MOST_ATTEMPTS
    assert found.reason == "127.77.0.1 answered 500"
    assert found.due_at is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(410, "answered 410"), (None, "not on the public internet")],
    ids=["gone", "private"],
)
def test_what_will_never_be_taken_is_not_tried_again(
    post: Any, receiver: Receiver, answer: int | None, reason: str
) -> None:
    receiver.answers = deque([answer] if answer else [])
    url = receiver.url() if answer else "http://127.0.0.1:8080/"
    notice = written(outbox.webhook(Webhook(url), EVENT))
    sending.deliver(notice, 0)
    found = stored(notice)
    assert found.status is State.FAILED
    assert reason in str(found.reason)
    assert len(found.history) == 1


def test_mail_without_a_sender_has_failed_and_says_what_to_set(post: Any) -> None:
    notice = written(outbox.mail(["ada@example.com"], EVENT))
    sending.deliver(notice, 0)
    assert stored(notice).status is State.FAILED
    assert "QUARTERDECK_MAIL_FROM" in str(stored(notice).reason)


def test_mail_goes_out_once_with_its_text(post: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUARTERDECK_MAIL_FROM", "deck@example.com")
    settings.forget()
    boto3.client("ses").verify_email_identity(EmailAddress="deck@example.com")
    notice = written(outbox.mail(["ada@example.com", "bob@example.com"], EVENT))
    sending.deliver(notice, 0)
    sending.deliver(notice, 0)
    assert stored(notice).status is State.DELIVERED
    assert boto3.client("ses").get_send_quota()["SentLast24Hours"] == 2


def test_a_worker_that_died_in_the_middle_leaves_a_claim_that_runs_out(
    post: Any, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    notice = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    with monkeypatch.context() as dying:
        dying.setattr(sending, "_write_down", lambda *_: None)
        sending.deliver(notice, 0)
    sending.deliver(notice, 0)
    assert len(receiver.received) == 1, "claimed"
    later = clock.now() + sending.CLAIM + outbox.LOOK_AGAIN + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    outbox.sweep()
    (message,) = messages(post)
    sending.deliver(message["notice"], message["attempt"])
    assert stored(notice).status is State.DELIVERED
    ids = {got.headers["X-Quarterdeck-Delivery"] for got in receiver.received}
    assert (len(receiver.received), len(ids)) == (2, 1), "told apart from a new one by its id"


def test_the_stream_hands_over_what_was_written_down_and_nothing_else(post: Any) -> None:
    image = {"kind": {"S": "notice"}, "id": {"S": "n-1"}}
    outbox.listen(
        [
            {"eventName": "INSERT", "dynamodb": {"NewImage": image}},
            {"eventName": "MODIFY", "dynamodb": {"NewImage": image}},
            {"eventName": "INSERT", "dynamodb": {"NewImage": {"kind": {"S": "part"}, "id": {"N": "1"}}}},
            {"eventName": "REMOVE", "dynamodb": {"OldImage": image}},
        ]
    )
    assert messages(post) == [{"notice": "n-1", "attempt": 0}]


def test_a_notice_is_written_with_its_change_or_not_at_all(post: Any) -> None:
    put = outbox.mail(["ada@example.com"], EVENT)
    with pytest.raises(table.ConditionFailed):
        table.write([put, table.Check(Notice("NOTICE#none", "NOTICE"))])
    assert isinstance(put.record, Notice)
    assert model.find(put.record.id) is None


def test_deliveries_are_listed_by_what_they_are_about_and_by_state(post: Any, receiver: Receiver) -> None:
    other = Event("birun", "schedule.failed", "SCHEDULE#script:4", {}, "t", "t")
    first = written(outbox.webhook(Webhook(receiver.url()), EVENT))
    second = written(outbox.mail(["ada@example.com"], EVENT))
    third = written(outbox.mail(["ada@example.com"], other))
    sending.deliver(first, 0)

    def listed(**filters: Any) -> list[str]:
        return [notice.id for notice in deliveries.listed(Filters("birun", **filters), 10)]

    assert listed() == [third, second, first]
    assert listed(about="SCHEDULE#script:3") == [second, first]
    assert listed(state=State.DELIVERED) == [first]
    assert listed(about="SCHEDULE#script:3", state=State.QUEUED) == [second]
    (newest,) = deliveries.listed(Filters("birun"), 1)
    behind = deliveries.listed(Filters("birun"), 1, deliveries.place(newest))
    assert [notice.id for notice in behind] == [second]
