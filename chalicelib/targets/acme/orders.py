"""Orders: placed, looked at, finalized, downloaded. A failed one is final: another is placed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal

from acme import challenges, messages
from cryptography import x509

from chalicelib.kernel import clock
from chalicelib.targets.acme import api, failures
from chalicelib.targets.acme.api import Session, json_of, told_by
from chalicelib.targets.acme.replies import Answered, Chain, Challenge, Order, OrderStatus, Problem
from chalicelib.targets.acme.requests import AnswerRequest, FinalizeRequest, OrderRef, OrderRequest

Kind = Literal["http-01", "dns-01"]
_PENDING, _VALID = "pending", "valid"


def order(request: OrderRequest) -> Order:
    """``acme.order``. An authority may give an order again that is open; proofs of before may still hold."""
    session = api.of_account(request.account)
    with session.asking("order a certificate"):
        names = [messages.Identifier(typ=messages.IDENTIFIER_FQDN, value=name) for name in request.names]
        response = session.post(session.directory["newOrder"], messages.NewOrder(identifiers=names))
        return _order(session, response.headers["Location"], json_of(response), with_challenges=True)


def look(request: OrderRef) -> Order:
    """``acme.look``: the order as it is now, without its challenges."""
    session = api.of_account(request.account)
    with session.asking("look at an order"):
        response = session.post(request.order)
        return _order(session, request.order, json_of(response))


def answer(request: AnswerRequest) -> Answered:
    """``acme.answer``: repeatable. A proof that cannot be seen from outside by now fails for good."""
    session = api.of_account(request.account)
    with session.asking("prove control of a name"):
        for uri in request.challenges:
            session.post(uri, _Nothing())
        return Answered(challenges=len(request.challenges))


def finalize(request: FinalizeRequest) -> Order:
    """``acme.finalize``. Of an order that was finalized before: as it is now."""
    session = api.of_account(request.account)
    with session.asking("have a certificate signed"):
        now = json_of(session.post(request.order))
        if now["status"] == OrderStatus.READY:
            wanted = x509.load_pem_x509_csr(request.signing_request.encode())
            response = session.post(now["finalize"], messages.CertificateRequest(csr=wanted))
            now = json_of(response)
        return _order(session, request.order, now)


def download(request: OrderRef) -> Chain:
    """``acme.download``. Raises TransientTargetError for an order whose certificate is not there yet."""
    session = api.of_account(request.account)
    with session.asking("fetch a certificate"):
        found = json_of(session.post(request.order))
        if found["status"] != OrderStatus.VALID or not found.get("certificate"):
            raise failures.transient(
                "The certificate is not signed yet.", "orderNotReady", session.retry_after
            )
        return Chain(pem=session.post(found["certificate"]).text)


class _Nothing(messages.ResourceBody):
    """``{}``, by which a challenge is said to be ready."""

    def __bool__(self) -> bool:
        """The library sends nothing at all for what is false."""
        return True


# ---------------------------------------------------------------- reading


def _order(session: Session, uri: str, found: dict[str, Any], *, with_challenges: bool = False) -> Order:
    status = OrderStatus(found["status"])
    again = session.retry_after
    authorizations: list[dict[str, Any]] = []
    if status is OrderStatus.INVALID or (with_challenges and status is OrderStatus.PENDING):
        authorizations = [json_of(session.post(one)) for one in found["authorizations"]]
    return Order(
        uri=uri,
        status=status,
        names=tuple(one["value"] for one in found["identifiers"]),
        challenges=tuple(_challenges(session, authorizations)) if status is OrderStatus.PENDING else (),
        problems=tuple(_problems(found, authorizations)) if status is OrderStatus.INVALID else (),
        expires_at=_time(found.get("expires")),
        ask_again_seconds=again,
    )


def _challenges(session: Session, authorizations: list[dict[str, Any]]) -> Iterator[Challenge]:
    for one in authorizations:
        if one["status"] == _PENDING:
            name = one["identifier"]["value"]
            yield from (
                _challenge(session, name, content)
                for content in one["challenges"]
                if content["type"] in ("http-01", "dns-01")
            )


def _challenge(session: Session, name: str, content: dict[str, Any]) -> Challenge:
    kind: Kind = content["type"]
    offered: Any = challenges.Challenge.from_json(content)
    _, proof = offered.response_and_validation(session.net.key)
    return Challenge(
        kind=kind,
        uri=content["url"],
        name=name,
        token=content["token"],
        content=proof,
        path=offered.path if kind == "http-01" else "",
        record=offered.validation_domain_name(name) if kind == "dns-01" else "",
    )


def _problems(found: dict[str, Any], authorizations: list[dict[str, Any]]) -> Iterator[Problem]:
    told = False
    for one in authorizations:
        name = one["identifier"]["value"]
        for challenge in one.get("challenges", ()):
            if challenge.get("error"):
                told = True
                yield _problem(name, challenge["error"])
    if not told and found.get("error"):
        error = messages.Error.from_json(found["error"])
        code = str(error.typ).rsplit(":", maxsplit=1)[-1]
        refused = failures.from_problem(code, told_by(error), 403, None, "sign the certificate")
        yield Problem(name=found["identifiers"][0]["value"], code=code, message=refused.message)


def _problem(name: str, content: dict[str, Any]) -> Problem:
    error = messages.Error.from_json(content)
    code = str(error.typ).rsplit(":", maxsplit=1)[-1]
    return Problem(name=name, code=code, message=failures.unproved(name, code, told_by(error)))


def _time(text: str | None) -> str | None:
    return clock.iso(datetime.fromisoformat(text)) if text else None
