"""The states of a deployment and the changes that move it, each owning its consequences."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The five words of the document.

    ``pending``: wanted up, and nothing serves yet. ``updating``: a change rolls out over a version that
    serves. ``failed``: what is wanted could not be reached, and nothing takes its place.
    """

    PENDING = "pending"
    RUNNING = "running"
    UPDATING = "updating"
    STOPPED = "stopped"
    FAILED = "failed"

    @property
    def reachable(self) -> bool:
        """Whether its address answers: that is when it is shown."""
        return self in {State.RUNNING, State.UPDATING}

    @property
    def settled(self) -> bool:
        """Whether it stays so until somebody changes something."""
        return self in {State.RUNNING, State.STOPPED, State.FAILED}

    @property
    def may_follow(self) -> frozenset[State]:
        """The states that may come after this one."""
        return _NEXT[self]


_NEXT = {
    State.PENDING: frozenset({State.RUNNING, State.STOPPED, State.FAILED}),
    State.RUNNING: frozenset({State.UPDATING, State.STOPPED, State.FAILED}),
    State.UPDATING: frozenset({State.RUNNING, State.STOPPED, State.FAILED}),
    State.STOPPED: frozenset({State.PENDING, State.FAILED}),
    State.FAILED: frozenset({State.PENDING, State.UPDATING, State.RUNNING, State.STOPPED}),
}


class Action(StrEnum):
    """What somebody asked to be done with a deployment."""

    CREATE = "create"
    UPDATE = "update"
    SCALE = "scale"
    STOP = "stop"
    START = "start"
    RESTART = "restart"
    UNDO = "undo"
    AUTOSCALE = "autoscale"
    DOMAINS = "domains"
    REPAIR = "repair"
    DELETE = "delete"

    @property
    def interrupts(self) -> bool:
        """Whether the rollout under way is of no use any more: it gives up its turn at once."""
        return self in {Action.STOP, Action.DELETE}

    @property
    def replaces_pods(self) -> bool:
        """Whether another version comes to run, so that the serving one is being replaced."""
        return self in {Action.UPDATE, Action.RESTART, Action.UNDO}

    @property
    def rolls_back(self) -> bool:
        """Whether a failure brings back what worked before."""
        return self in {Action.UPDATE, Action.RESTART, Action.UNDO, Action.SCALE, Action.AUTOSCALE}

    @property
    def joins(self) -> bool:
        """Whether a change that waits brings this one along: names are read when it is applied."""
        return self is Action.DOMAINS

    @property
    def harmless(self) -> bool:
        """Whether what serves goes on serving when this fails."""
        return self in {Action.DOMAINS, Action.AUTOSCALE, Action.REPAIR}

    @property
    def told(self) -> bool:
        """Whether start and end go to webhooks as a deployment's."""
        return self not in {Action.STOP, Action.DELETE, Action.DOMAINS, Action.REPAIR}


class DriftPolicy(StrEnum):
    """What becomes of a difference that somebody made on the cluster by hand."""

    REPORT = "report"
    REPAIR = "repair"


def during(action: Action, state: State, *, stopped: bool, serving: bool) -> State:
    """The state while ``action`` is carried out. ``stopped``: as wanted from now on; ``serving``: a version
    has worked, and its pods are up."""
    if stopped:
        return State.STOPPED
    if state is State.STOPPED:
        return State.PENDING
    if action.replaces_pods and serving:
        return State.UPDATING
    if state is State.FAILED:
        return State.UPDATING if serving else State.PENDING
    return state
