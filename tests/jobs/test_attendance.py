"""A disabled account is shown out of what it has open: its terminal, and what it watches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.core.identity.attendance import ENDED
from tests.jobs.fleet import Fleet, Viewer
from tests.jobs.seat import Seat
from tests.support.client import ContractClient
from tests.support.people import PASSWORD
from tests.support.stack import Stack
from tests.support.waiting import until_there
from tests.support.world import unique

pytestmark = pytest.mark.stack


@pytest.fixture
def leaver(stack: Stack) -> tuple[ContractClient, Callable[[], None]]:
    """Somebody at work, and how the account is disabled."""
    name = unique("leaver")
    stack.ensure_user(name, "operator")

    def disable() -> None:
        stack.instance.operate({"command": "disable_user", "username": name})

    return stack.log_in(name, PASSWORD), disable


def test_a_disabled_account_loses_its_open_terminal(
    stack: Stack, fleet: Fleet, admin: ContractClient, leaver: tuple[ContractClient, Callable[[], None]]
) -> None:
    client, disable = leaver
    host = fleet.host()
    seat, stays = Seat(stack, host, token=client.token).sits_down(), Seat(stack, host, token=admin.token)
    assert "here" in seat.runs("echo he''re")
    disable()
    last = seat.until_closed()[-1]
    assert (last["type"], last["data"], last["close"]) == ("error", ENDED, 1008)
    assert "still" in stays.sits_down().runs("echo sti''ll")
    stays.close()
    for session in admin.ok("GET", f"/terminals/?status=open&server_id={host}")["terminals"]:
        admin.ok("POST", f"/terminals/{session['id']}/stop")


def test_it_loses_what_it_watches(
    stack: Stack,
    fleet: Fleet,
    admin: ContractClient,
    leaver: tuple[ContractClient, Callable[[], None]],
    tmp_path: Path,
) -> None:
    client, disable = leaver
    go_on = tmp_path / "go-on"
    execution = fleet.start(f"echo begun; {until_there(go_on)}; echo over", [fleet.host()])
    theirs, mine = Viewer(stack, client, execution), Viewer(stack, admin, execution)
    while theirs.next()["type"] != "output":
        pass
    disable()
    told = []
    while (message := theirs.next()) is not None:
        told.append(message)
    assert told[-1] == {"type": "error", "data": ENDED, "close": 1008}
    go_on.touch()
    assert mine.until_the_end()[-1]["status"] == "completed"
