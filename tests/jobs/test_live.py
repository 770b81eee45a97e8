"""Output as it appears, in order, from the beginning or from a cursor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.jobs.fleet import Fleet, Viewer, said
from tests.support.client import ContractClient
from tests.support.stack import Stack
from tests.support.waiting import until_there

COUNTING = "for i in 1 2 3 4 5 6; do echo line $i; sleep 0.3; done; echo oops >&2"
LINES = "".join(f"line {number}\n" for number in range(1, 7))


def counting(go_on: Path) -> str:
    """The same, with a rest after the third line until ``go_on`` is there."""
    return COUNTING.replace("sleep 0.3", f"[ $i -ne 3 ] || {until_there(go_on)}")


def test_output_comes_while_the_script_runs_and_the_end_comes_last(
    stack: Stack, admin: ContractClient, fleet: Fleet, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    one, two = fleet.host(), fleet.host()
    execution_id = fleet.start(counting(go_on), [one, two])
    viewer = Viewer(stack, admin, execution_id)
    first = viewer.next()
    while first["type"] != "output":
        first = viewer.next()
    assert fleet.look(execution_id)["status"] == "running", "it was told before the script was done"
    go_on.touch()
    viewer.close()
    messages = Viewer(stack, admin, execution_id).until_the_end()
    for part in fleet.parts(execution_id):
        assert said(messages, part["id"]) == LINES
        assert said(messages, part["id"], "stderr") == "oops\n"
        states = [m["status"] for m in messages if m["type"] == "status" and m["execution"] == part["id"]]
        assert states == ["running", "completed"]
        own = [m["type"] for m in messages if m.get("execution") == part["id"]]
        assert own[-1] == "status", "a script's end is told after all that it said"
    assert messages[-1] == {"type": "end", "status": "completed", "cursor": messages[-1]["cursor"]}


def test_who_comes_after_the_end_is_told_all_of_it(stack: Stack, admin: ContractClient, fleet: Fleet) -> None:
    execution_id = fleet.start("echo done", [fleet.host()])
    ended = fleet.finished(execution_id)
    for name in (execution_id, ended["id"]):
        messages = Viewer(stack, admin, name).until_the_end()
        assert said(messages, ended["id"]) == "done\n"


def test_who_comes_back_with_a_cursor_misses_nothing_and_hears_nothing_twice(
    stack: Stack, admin: ContractClient, fleet: Fleet, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    execution_id = fleet.start(counting(go_on), [fleet.host()])
    first = Viewer(stack, admin, execution_id)
    heard: list[Any] = []
    while not heard or heard[-1]["type"] != "output":
        heard.append(first.next())
    first.close()
    go_on.touch()
    rest = Viewer(stack, admin, execution_id, f"?cursor={heard[-1]['cursor']}").until_the_end()
    number = heard[0]["execution"]
    assert said(heard + rest, number) == LINES
    assert said(rest, number) != LINES


@pytest.mark.slow
def test_a_megabyte_a_second_is_told_whole(stack: Stack, admin: ContractClient, fleet: Fleet) -> None:
    script = "i=0; while [ $i -lt 10 ]; do head -c 750000 /dev/zero | base64 -w 99; sleep 1; i=$((i+1)); done"
    execution_id = fleet.start(script, [fleet.host()])
    messages = Viewer(stack, admin, execution_id).until_the_end()
    ended = fleet.finished(execution_id)
    assert len(said(messages, ended["id"])) == ended["output_bytes"] > 10_000_000


def test_many_viewers_are_told_the_same(stack: Stack, admin: ContractClient, fleet: Fleet) -> None:
    execution_id = fleet.start(COUNTING, [fleet.host()])
    viewers = [Viewer(stack, admin, execution_id) for _ in range(5)]
    told = [viewer.until_the_end() for viewer in viewers]
    number = told[0][0]["execution"]
    assert [said(messages, number) for messages in told] == [LINES] * 5


def refusal(stack: Stack, path: str, token: str | None) -> int:
    address = stack.base_url.replace("http://", "ws://")
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        websocket.create_connection(
            f"{address}{path}", header=[f"Authorization: Bearer {token}"] if token else [], timeout=60
        )
    return int(caught.value.status_code)


def test_nobody_listens_without_a_token_or_to_what_is_not_there(stack: Stack, admin: ContractClient) -> None:
    path = "/birun/ws/executions/1"
    nothing = "/birun/ws/executions/00000000-0000-4000-8000-000000000000"
    # The emulator refuses every handshake with 403; the function's own answers are held by unit tests.
    for where, token in (
        (path, None),
        (path, "nonsense"),
        (nothing, admin.token),
        ("/birun/ws/somewhere", admin.token),
        (f"{path}?cursor=nonsense", admin.token),
    ):
        assert refusal(stack, where, token) in {400, 401, 403, 404}


def test_the_token_may_come_in_the_address_and_reaches_no_log(
    stack: Stack, admin: ContractClient, fleet: Fleet
) -> None:
    execution_id = fleet.start("echo hi", [fleet.host()])
    address = stack.base_url.replace("http://", "ws://")
    socket = websocket.create_connection(
        f"{address}/birun/ws/executions/{execution_id}?token={admin.token}", timeout=60
    )
    assert socket.recv()
    socket.close()
    fleet.finished(execution_id)
    assert admin.token
    secret = admin.token.rpartition(".")[2]
    logs = [path for path in stack.instance.state.path.rglob("*.log*") if path.is_file()]
    assert logs, "there are logs to look into"
    assert not [path.name for path in logs if secret in path.read_text(errors="replace")]
