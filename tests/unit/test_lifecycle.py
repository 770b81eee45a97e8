"""What `up` leaves behind when what it was asked to set is refused."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from infra import lifecycle
from infra.embedded.engine import OperationRefused
from infra.embedded.instance import InstanceProblem


class Refusing:
    """Stands for an instance that comes up and takes no commands."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.is_up = False
        made.append(self)

    def up(self, tell: Any, *, tethered: bool) -> None:
        self.is_up = True

    def operate(self, command: dict[str, Any]) -> None:
        raise OperationRefused("That address is not on the public internet.")

    def down(self) -> bool:
        self.is_up = False
        return True


made: list[Refusing] = []


def test_a_webhook_that_is_refused_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lifecycle, "Instance", Refusing)
    monkeypatch.setattr(lifecycle, "_stops_by_signal", lambda: None)
    monkeypatch.setenv("WEBHOOK_URL", "http://10.0.0.5/hook")
    options = argparse.Namespace(state=tmp_path, port=1, detach=True)
    with pytest.raises(InstanceProblem, match=r"not on the public internet\.\nQuarterdeck is down again\."):
        lifecycle.up(options)
    assert [one.is_up for one in made] == [False]
