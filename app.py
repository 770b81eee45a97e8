"""Quarterdeck's Chalice app: registers the surfaces and the entry points, nothing else."""

from __future__ import annotations

from typing import Any

from chalice.app import Chalice, Rate, WebsocketEvent

from chalicelib.core.events.fanout import fan_out
from chalicelib.core.executions import sweeping
from chalicelib.core.identity import administration
from chalicelib.rest import channels, workers
from chalicelib.rest.channels import Channels
from chalicelib.surfaces.birun import routes as birun
from chalicelib.surfaces.birun import steps as birun_work

app = Chalice(app_name="quarterdeck")
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.register_blueprint(birun.blueprint)

_channels = Channels(birun.CHANNELS)


# Handlers of a WebSocket on a blueprint are left unwrapped by Chalice, so they stand here.
@app.on_ws_connect(name="connect")
def connect(event: WebsocketEvent) -> dict[str, Any]:
    return _channels.connect(event.to_dict())


@app.on_ws_message(name="message")
def message(event: WebsocketEvent) -> dict[str, Any]:
    return channels.message(event.to_dict())


@app.on_ws_disconnect(name="disconnect")
def disconnect(event: WebsocketEvent) -> dict[str, Any]:
    return channels.disconnect(event.to_dict())


@app.lambda_function(name="fanout")
def fanout(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Batches of the table's stream."""
    return workers.logged(fan_out, event["Records"], context)


@app.lambda_function(name="birun_steps")
def birun_steps(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Steps of biRun's state machines."""
    return workers.logged(birun_work.STEPS[event["step"]], event, context)


@app.lambda_function(name="operate")
def operate(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Commands of whoever may invoke this function: the operator."""
    return workers.logged(administration.run, event, context)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="tick")
def tick(event: Any) -> None:
    """What is due this minute."""
    sweeps: sweeping.Sweeps = {"script": birun_work.sweep}
    workers.logged(sweeping.sweep, sweeps, None)
