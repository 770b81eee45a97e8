"""What fits into a record, and what is said of what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import pytest
from pynamodb.exceptions import CancellationReason, TransactWriteError

from chalicelib.aws import table
from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Put, Update
from chalicelib.core.executions import ledger
from chalicelib.core.executions.ledger import Request
from chalicelib.core.executions.model import Execution, blank_execution
from chalicelib.kernel.errors import TooLarge
from chalicelib.surfaces.birun.routes.base import surface as birun
from chalicelib.surfaces.birun.schemas.common import LARGEST_SCRIPT, MOST_SERVERS
from chalicelib.surfaces.engine.routes.base import surface as engine
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")

ITEM = 400 * 1024


def asked(content: str = "echo", name: str = "web", servers: int = 1) -> Execution:
    subject = {"script_id": None, "script_name": "Ad-hoc script", "content": content, "timeout": 5}
    targets = [(number + 1, name) for number in range(servers)]
    return ledger.create(Request(ACTOR, "script", subject, targets))


def test_the_longest_script_fits_in_any_language() -> None:
    content = "日" * (LARGEST_SCRIPT // 3)
    found = ledger.find(asked(content).id)
    assert found is not None
    assert found.subject["content"] == content


def test_the_most_servers_fit_with_names_in_any_language() -> None:
    found = ledger.find(asked(name="東京のウェブサーバー" * 6, servers=MOST_SERVERS).id)
    assert found is not None
    assert len(found.targets) == MOST_SERVERS


@pytest.mark.parametrize("value", [None, {"a": ["é", 1, None, True]}, "\x00\u2028", "\ud800"])
def test_json_reads_back_as_it_was_written(value: Any) -> None:
    kept = JSONAttribute().serialize(value)
    assert kept is None if value is None else json.loads(kept or "") == value
    assert len((kept or "").encode()) <= len(json.dumps(value))


@pytest.mark.parametrize(
    "writing",
    [
        lambda: asked("\x1b" * LARGEST_SCRIPT),
        lambda: asked(name="🚀" * 200, servers=MOST_SERVERS),
        lambda: table.put(_execution("x" * ITEM)),
        lambda: table.update(_stored(), [Execution.reason.set("x" * ITEM)]),
        lambda: table.change(_stored(), [Execution.reason.set("x" * ITEM)]),
        lambda: table.write([Update(_stored(), [Execution.reason.set("x" * ITEM)])]),
    ],
)
def test_what_does_not_fit_is_refused_in_words(writing: Callable[[], Any]) -> None:
    with pytest.raises(TooLarge, match="fewer servers"):
        writing()


def test_a_transaction_that_was_cancelled_for_its_size_is_known_as_that() -> None:
    """As AWS tells of an update: in the reasons alone."""
    words = "Item size to update has exceeded the maximum allowed size"
    error = create_autospec(TransactWriteError, instance=True)
    error.cause_response_message = "Transaction cancelled, see reasons [None, ValidationError]"
    error.cancellation_reasons = [None, CancellationReason("ValidationError", words)]
    assert table._too_large(error)


@pytest.mark.parametrize("surface", [birun, engine], ids=["birun", "engine"])
def test_every_surface_calls_it_a_bad_request(surface: Any) -> None:
    error = TooLarge("too much")
    assert surface.dialect.status(error) == 400
    assert "INTERNAL" not in str(surface.dialect.body(error))


def _execution(reason: str) -> Execution:
    execution = blank_execution(ACTOR, "script", {}, None)
    execution.reason = reason
    return execution


def _stored() -> Execution:
    execution = _execution("none")
    table.write([Put(execution, table.absent())])
    return execution
