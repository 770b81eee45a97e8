"""The minute's look at executions that have not ended: nothing stays open for ever."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.core.executions import ledger
from chalicelib.core.executions.model import Execution
from chalicelib.kernel.logs import log

Sweep = Callable[[Execution], None]
Sweeps = dict[str, Sweep]


def sweep(sweeps: Sweeps) -> None:
    """``sweeps``: how each kind of work is looked after. One that fails does not keep the others waiting."""
    for execution in ledger.due():
        try:
            sweeps[execution.work](execution)
        except Exception:  # noqa: BLE001 - logged; it is due again in two minutes
            log().exception("sweep failed", execution=execution.id)
            ledger.look_again(execution)
