"""Quarterdeck's Chalice app: registers the surfaces and the entry points, nothing else.

Every function of the package imports this module; what only one of them needs is imported inside it, so
that the API's cold start does not pay for the others.
"""

from __future__ import annotations

import gc
from typing import Any

from chalice.app import Chalice, Rate, WebsocketEvent

from chalicelib.rest.workers import each, logged
from chalicelib.surfaces.birun import routes as birun
from chalicelib.surfaces.engine import routes as engine

app = Chalice(app_name="quarterdeck")
app.experimental_feature_flags.update(["WEBSOCKETS"])
app.register_blueprint(birun.blueprint)
app.register_blueprint(engine.blueprint)


# Handlers of a WebSocket on a blueprint are left unwrapped by Chalice, so they stand here.
@app.on_ws_connect(name="connect")
def connect(event: WebsocketEvent) -> dict[str, Any]:
    from chalicelib.rest.channels import Channels

    channels = Channels(birun.CHANNELS | engine.CHANNELS, birun.DOORS | engine.DOORS, engine.PORCHES)
    return channels.connect(event.to_dict())


@app.on_ws_message(name="message")
def message(event: WebsocketEvent) -> dict[str, Any]:
    from chalicelib.rest import channels

    return channels.message(event.to_dict())


@app.on_ws_disconnect(name="disconnect")
def disconnect(event: WebsocketEvent) -> dict[str, Any]:
    from chalicelib.rest import channels

    return channels.disconnect(event.to_dict())


@app.lambda_function(name="fanout")
def fanout(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Batches of the table's stream."""
    from chalicelib.core.events.fanout import fan_out

    return logged(fan_out, event["Records"], context)


@app.lambda_function(name="birun_steps")
def birun_steps(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Steps of biRun's state machines."""
    from chalicelib.surfaces.birun.steps import checks, scripts

    return logged((scripts.STEPS | checks.STEPS)[event["step"]], event, context)


@app.lambda_function(name="birun_workflows")
def birun_workflows(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Steps of the state machines that run biRun's workflows."""
    from chalicelib.surfaces.birun.steps import workflows

    return logged(workflows.STEPS[event["step"]], event, context)


@app.lambda_function(name="notices")
def notices(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Webhooks and mail that are to be sent."""
    from chalicelib.core.notices.sending import work_off

    return logged(work_off, event["Records"], context)


@app.lambda_function(name="engine_steps")
def engine_steps(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Steps of Container Engine's state machines."""
    from chalicelib.surfaces.engine import steps

    return logged(steps.STEPS[event["step"]], event, context)


@app.lambda_function(name="certificate_steps")
def certificate_steps(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Steps of the state machine that issues certificates, and takes them away."""
    from chalicelib.core.certificates import steps
    from chalicelib.surfaces.engine.service import certificates as containers

    listeners: steps.Listeners = {containers.SCOPE: containers.installed}
    return logged(lambda given: steps.run(given, listeners), event, context)


@app.lambda_function(name="operate")
def operate(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Commands of whoever may invoke this function: the operator."""
    from chalicelib.core import administration

    return logged(administration.run, event, context)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="tick")
def tick(event: Any) -> None:
    """What is due this minute."""
    from chalicelib.core.certificates import steps as certificates
    from chalicelib.core.executions import sweeping
    from chalicelib.core.logstreams import sweeping as logstreams
    from chalicelib.core.notices import outbox
    from chalicelib.core.terminals import sweeping as terminals
    from chalicelib.surfaces.birun.steps import checks, schedules, scripts, workflows
    from chalicelib.surfaces.engine import steps as containers

    sweeps: sweeping.Sweeps = {
        "script": scripts.sweep,
        "workflow": workflows.sweep,
        "container-rollout": containers.sweep,
        "health-check": checks.sweep,
        "certificate": certificates.sweep,
    }
    each(
        [
            (sweeping.sweep, sweeps),
            (schedules.fire, None),
            (checks.start_what_is_due, None),
            (checks.look_at_relay, None),
            (outbox.sweep, None),
            (terminals.sweep, None),
            (logstreams.sweep, None),
        ]
    )


@app.schedule(Rate(1, unit=Rate.MINUTES), name="engine_tick")
def engine_tick(event: Any) -> None:
    """Container Engine's look at its clusters, apart from the tick, which must not wait for one."""
    from chalicelib.surfaces.engine import steps

    logged(steps.look_around, None, None)


@app.schedule(Rate(1, unit=Rate.MINUTES), name="certificate_tick")
def certificate_tick(event: Any) -> None:
    """Certificates that are due, apart from the tick, which must not wait for an authority."""
    from chalicelib.core.certificates import renewing

    logged(renewing.look_around, None, None)


# What is loaded by now stays for the life of the function: no collection needs to look at it again.
gc.freeze()
