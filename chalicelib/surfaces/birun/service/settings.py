"""The application's settings."""

from __future__ import annotations

from chalicelib.aws import queues, table
from chalicelib.aws.table import Update
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.kernel import clock
from chalicelib.kernel.settings import settings as runtime
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import AppSettings
from chalicelib.surfaces.birun.schemas.settings import SettingsUpdate


def update_settings(actor: Actor, request: SettingsUpdate) -> AppSettings:
    """Takes effect at once; tokens issued before keep their expiry. Only what was sent is written, so that
    two who change different settings at once do not undo each other."""
    found = model.app_settings()
    fields = request.model_dump(exclude_unset=True)
    before = {name: int(getattr(found, name)) for name in fields}
    changed = audit.entry(actor, "settings.update", found.pk, before=before, after=fields)
    actions = [AppSettings.kind.set(AppSettings), *table.setting(AppSettings, fields)]
    table.write([Update(found, actions), changed])
    if "max_concurrent_executions" in fields:
        # What waits at the relay already is not to wait for the next order to bring the new limit.
        most = fields["max_concurrent_executions"]
        order = {"operation": "relay.limit", "max_concurrent": most, "said_at": clock.iso_now()}
        queues.send(runtime().relay_control_queue_url, order)
    return model.app_settings()
