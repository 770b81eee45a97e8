"""The minute's schedules: of scripts, and of workflows' triggers."""

from __future__ import annotations

from chalicelib.core.schedules import firing
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.service import endings, schedules, workflow_runs, workflows

STARTERS: dict[str, firing.Starter] = {schedules.WORK: schedules.start, workflows.WORK: workflow_runs.fire}
TELLERS: dict[str, firing.Teller] = {workflows.WORK: endings.missed}


def fire(_: None) -> None:
    """Each window once, however often this is called."""
    tolerance = int(model.app_settings().schedule_trigger_tolerance_seconds)
    firing.fire_due(STARTERS, tolerance, TELLERS)
