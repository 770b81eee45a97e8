"""A workbench for certificates: an authority and a cluster that answer as the test says, the state machine by
hand, and a clock that moves when it waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel

from chalicelib.core.audit import SYSTEM
from chalicelib.core.certificates import records, steps
from chalicelib.core.certificates.cluster import ClusterPlace
from chalicelib.core.certificates.model import Certificate
from chalicelib.core.certificates.records import Wanted
from chalicelib.core.executions import ledger
from chalicelib.targets.acme.replies import (
    Answered,
    Chain,
    Challenge,
    Order,
    OrderStatus,
    Problem,
    Registered,
    RenewalTime,
)
from chalicelib.targets.kubernetes.solver_replies import Removed, SolverState, StoredCertificate
from tests.support.certificates import self_signed

NAME = "www.shop.test"
PLACE = ClusterPlace("default", "d-1", "shop", "app-shop", "tls-shop")
START = datetime(2031, 1, 1, tzinfo=UTC)
LIFE = timedelta(days=90)


@dataclass
class Clock:
    now: datetime = START

    def pass_by(self, **length: float) -> None:
        self.now += timedelta(**length)


@dataclass
class World:
    """An exception among ``problems`` of an operation is raised, once. ``unproved``: what the authority says
    of the next orders instead of ready."""

    clock: Clock
    calls: list[str] = field(default_factory=list)
    problems: dict[str, list[Exception]] = field(default_factory=dict)
    unproved: list[Problem] = field(default_factory=list)
    serving: list[SolverState] = field(default_factory=list)
    renew_at: datetime | None = None
    presented: dict[str, str] = field(default_factory=dict)
    installed: dict[str, str] = field(default_factory=dict)
    _answered: bool = False
    _finalized: bool = False
    _orders: int = 0

    def run(
        self, where: str, operation: str, request: Any, reply: type[BaseModel], wait_seconds: float = 20
    ) -> BaseModel:
        self.calls.append(operation)
        if self.problems.get(operation):
            raise self.problems[operation].pop(0)
        answer: BaseModel = getattr(self, "_" + operation.split(".")[1])(request)
        assert isinstance(answer, reply)
        return answer

    def times(self, operation: str) -> int:
        return self.calls.count(operation)

    # ---------------------------------------------------------------- the authority

    def _register(self, _: Any) -> Registered:
        return Registered(uri="https://ca.test/account/1", created=True)

    def _order(self, request: Any) -> Order:
        self._answered = self._finalized = False
        self._orders += 1
        return self._state(request.names)

    def _look(self, _: Any) -> Order:
        return self._state((NAME,))

    def _state(self, names: tuple[str, ...]) -> Order:
        uri = f"https://ca.test/order/{self._orders}"
        if not self._answered:
            token = f"token-{self._orders}"
            challenge = Challenge(
                kind="http-01",
                uri=f"https://ca.test/challenge/{self._orders}",
                name=NAME,
                token=token,
                content=f"{token}.thumb",
                path=f"/.well-known/acme-challenge/{token}",
            )
            return Order(uri=uri, status=OrderStatus.PENDING, names=names, challenges=(challenge,))
        if self.unproved:
            problem = self.unproved.pop(0)
            return Order(uri=uri, status=OrderStatus.INVALID, names=names, problems=(problem,))
        status = OrderStatus.VALID if self._finalized else OrderStatus.READY
        return Order(uri=uri, status=status, names=names)

    def _answer(self, request: Any) -> Answered:
        self._answered = True
        return Answered(challenges=len(request.challenges))

    def _finalize(self, request: Any) -> Order:
        assert "BEGIN CERTIFICATE REQUEST" in request.signing_request
        self._finalized = True
        return self._state((NAME,))

    def _download(self, _: Any) -> Chain:
        chain, _key = self_signed(NAME, since=self.clock.now, until=self.clock.now + LIFE)
        return Chain(pem=chain)

    def _renewal_time(self, _: Any) -> RenewalTime:
        at = self.renew_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if self.renew_at else None
        again = self.clock.now + timedelta(hours=12)
        return RenewalTime(at=at, ask_again_at=again.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    # ---------------------------------------------------------------- the cluster

    def _present_solver(self, request: Any) -> SolverState:
        self.presented[request.host] = request.content
        return SolverState(serving=False, message="not yet")

    def _solver_state(self, _: Any) -> SolverState:
        return self.serving.pop(0) if self.serving else SolverState(serving=True, message="served")

    def _remove_solver(self, request: Any) -> Removed:
        self.presented.pop(request.host, None)
        return Removed()

    def _store_certificate(self, request: Any) -> StoredCertificate:
        assert "PRIVATE KEY" in request.key.reveal()
        self.installed[request.secret] = request.chain
        return StoredCertificate(not_after=None)

    def _remove_certificate(self, request: Any) -> Removed:
        self.installed.pop(request.secret, None)
        return Removed()


@dataclass
class Bench:
    world: World
    clock: Clock
    told: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def ask(self, **changes: Any) -> Certificate:
        fields: dict[str, Any] = {
            "scope": "engine",
            "subject": "DEPLOYMENT#d-1",
            "owner_id": 1,
            "names": (NAME,),
        }
        return records.ensure(SYSTEM, Wanted(**(fields | {"place": PLACE.dump()} | changes)))

    def stored(self, found: Certificate) -> Certificate:
        stored = records.find(found.id)
        assert stored is not None
        return stored

    def event(self, found: Certificate, step: str | None = None) -> dict[str, Any]:
        turn = self.stored(found).turn
        assert turn is not None
        execution = ledger.find(turn)
        assert execution is not None
        first = step or records.FIRST_STEP[execution.subject["does"]]
        return {"step": first, "execution_id": turn, "attempt": int(execution.attempt), "loop": {}}

    def step(self, event: dict[str, Any]) -> dict[str, Any]:
        self.seen.append(event["step"])
        return steps.run(event, {"engine": lambda found: self.told.append(found.id)})

    def run(self, event: dict[str, Any], until: str = "done", at_most: int = 400) -> dict[str, Any]:
        """As the state machine would; instead of waiting the clock moves."""
        for _ in range(at_most):
            if event["step"] == until:
                return event
            event = self.step(event)
            self.clock.pass_by(seconds=event["wait"])
        raise AssertionError(f"the state machine does not end: {event}")

    def carried_out(self, found: Certificate) -> Certificate:
        """What has the turn, to its end."""
        self.run(self.event(found))
        return self.stored(found)

    def issued(self) -> Certificate:
        return self.carried_out(self.ask())
