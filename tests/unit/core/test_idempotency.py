"""The same key gives the first answer again, however large it is, and the work is done once."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import blobs, clients
from chalicelib.kernel.errors import Invalid
from chalicelib.rest import idempotency
from chalicelib.rest.idempotency import Answer

pytestmark = [
    pytest.mark.usefixtures("cloud"),
    pytest.mark.filterwarnings("ignore:Couldn.t determine the remaining time"),  # no Lambda here to ask
]

OWNER = "user-1"
LARGE = {"status": 200, "body": {"output": "\x00é\n" * 200_000}}


@pytest.fixture(autouse=True)
def fresh_store() -> None:
    """What one test keeps in this process is not there for the next."""
    idempotency._store.cache_clear()


def repeated(answer: Answer, times: int = 2, key: str = "key") -> tuple[list[Answer], int]:
    """What a request and its repeats are answered, and how often the work was done."""
    done: list[Answer] = []

    def work() -> Answer:
        done.append(answer)
        return answer

    answers = [idempotency.once(key, OWNER, {"body": "same"}, work, None) for _ in range(times)]
    return answers, len(done)


def objects() -> list[str]:
    found: dict[str, Any] = clients.client("s3").list_objects_v2(Bucket="quarterdeck-runs")
    return [each["Key"] for each in found.get("Contents", [])]


def test_an_answer_that_no_item_holds_is_given_again_and_the_work_is_done_once() -> None:
    assert repeated(LARGE, times=3) == ([LARGE] * 3, 1)
    (name,) = objects()
    assert name.startswith("runs/"), "which the bucket forgets by itself"


def test_a_small_answer_needs_no_object() -> None:
    small = {"status": 201, "body": {"id": 1}}
    assert repeated(small) == ([small] * 2, 1)
    assert objects() == []


def test_a_large_answer_that_holds_a_secret_is_sealed_in_the_bucket_too() -> None:
    secret = {"status": 201, "body": {"secret": "correct horse " * 30_000}}
    answers, done = repeated(idempotency.seal(secret, OWNER))
    assert ([idempotency.unseal(each, OWNER) for each in answers], done) == ([secret] * 2, 1)
    assert b"correct horse" not in blobs.get(objects()[0])


def test_a_key_with_another_request_is_refused_for_a_large_answer_too() -> None:
    repeated(LARGE)
    with pytest.raises(Invalid):
        idempotency.once("key", OWNER, {"body": "another"}, dict, None)
