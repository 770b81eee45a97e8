"""Accounts: one key is one account, so registering a key again finds it."""

from __future__ import annotations

from acme import errors, messages

from chalicelib.targets.acme import api, failures
from chalicelib.targets.acme.api import Session
from chalicelib.targets.acme.replies import Registered
from chalicelib.targets.acme.requests import RegisterRequest

_DOING = "register an account"


def register(request: RegisterRequest) -> Registered:
    """``acme.register``: repeatable. The contact is brought to what is asked."""
    session = api.of_newcomer(request.authority, request.key)
    with session.asking(_DOING):
        if (session.directory.to_partial_json().get("meta") or {}).get("externalAccountRequired"):
            raise failures.from_problem("externalAccountRequired", None, 403, None, _DOING)
        found = _contact(request.email) | {"termsOfServiceAgreed": True}
        body = messages.NewRegistration.from_json(found)
        try:
            response = session.post(session.directory["newAccount"], body)
        except errors.ConflictError as error:
            return _found(session, error.location, request.email)
        uri = response.headers["Location"]
        if response.status_code == 200:
            return _found(session, uri, request.email)
        return Registered(uri=uri, created=True)


def _found(session: Session, uri: str, email: str) -> Registered:
    session.net.account = messages.RegistrationResource(body=messages.Registration(), uri=uri)
    session.post(uri, messages.UpdateRegistration.from_json(_contact(email)))
    return Registered(uri=uri, created=False)


def _contact(email: str) -> dict[str, list[str]]:
    return {"contact": [f"mailto:{email}"]} if email else {}
