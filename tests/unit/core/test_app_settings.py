"""The application's settings: what is sent is written, and nothing else."""

from __future__ import annotations

import pytest

from chalicelib.core import audit
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.schemas.settings import SettingsUpdate
from chalicelib.surfaces.birun.service.settings import update_settings
from tests.unit.core.builders import ACTOR

pytestmark = pytest.mark.usefixtures("cloud")


def test_two_who_change_different_settings_at_once_both_count(monkeypatch: pytest.MonkeyPatch) -> None:
    as_it_was = model.app_settings()
    update_settings(ACTOR, SettingsUpdate(long_running_delay_seconds=45))
    with monkeypatch.context() as patch:
        patch.setattr(model, "app_settings", lambda: as_it_was)
        update_settings(ACTOR, SettingsUpdate(access_token_expire_minutes=5))
    found = model.app_settings()
    assert (int(found.long_running_delay_seconds), int(found.access_token_expire_minutes)) == (45, 5)
    assert int(found.max_concurrent_executions) == 8
    assert [(one.before, one.after) for one in audit.history("SETTINGS#birun")] == [
        ({"access_token_expire_minutes": 30}, {"access_token_expire_minutes": 5}),
        ({"long_running_delay_seconds": 30}, {"long_running_delay_seconds": 45}),
    ]
