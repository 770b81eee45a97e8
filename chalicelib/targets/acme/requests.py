"""What is asked of a certificate authority. Imports nothing heavy, so anyone may use these types."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.kernel.secrets import Secret

Names = Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
"""Host names as certificates have them: lower case, ``xn--…`` where needed, perhaps ``*.`` before it."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Authority(Frozen):
    """``directory``: where its addresses are listed. ``roots``: PEM of certificates that its own server may
    be signed by, beside those that everybody trusts."""

    directory: str
    roots: str = ""


class Account(Frozen):
    """``key``: PEM of an EC key on P-256. ``uri``: what the authority knows the account by."""

    authority: Authority
    key: Secret
    uri: str


class RegisterRequest(Frozen):
    """``acme.register``: agrees to the authority's terms of service. ``email`` may be empty."""

    authority: Authority
    key: Secret
    email: str = ""


class OrderRequest(Frozen):
    """``acme.order``"""

    account: Account
    names: Names


class OrderRef(Frozen):
    """``acme.look``, ``acme.download``. ``order``: its address."""

    account: Account
    order: str


class AnswerRequest(Frozen):
    """``acme.answer``: the authority may look now. ``challenges``: their addresses."""

    account: Account
    challenges: tuple[str, ...]


class FinalizeRequest(Frozen):
    """``acme.finalize``. ``signing_request``: PEM, for the order's names."""

    account: Account
    order: str
    signing_request: str


class RenewalRequest(Frozen):
    """``acme.renewal_time``. ``certificate``: PEM, alone or with its chain."""

    authority: Authority
    certificate: str


class RevokeRequest(Frozen):
    """``acme.revoke``. ``reason``: of RFC 5280; 5 is that it is not needed any more."""

    account: Account
    certificate: str
    reason: int = Field(default=5, ge=0, le=10)
