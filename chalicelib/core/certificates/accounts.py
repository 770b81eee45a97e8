"""Our account with the certificate authority: one for all, its key made once and sealed."""

from __future__ import annotations

import hashlib

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Record
from chalicelib.core import reach, vault
from chalicelib.core.certificates import keys
from chalicelib.kernel.settings import settings
from chalicelib.targets.acme.replies import Registered
from chalicelib.targets.acme.requests import Account, Authority, RegisterRequest


class AcmeAccount(Record, discriminator="acme-account"):
    """``uri`` is None until the authority has registered the key."""

    directory = UnicodeAttribute()
    sealed = UnicodeAttribute()
    uri = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)


def authority() -> Authority:
    """The one that the operator chose."""
    return Authority(directory=settings().acme_directory, roots=settings().acme_ca_bundle)


def ensure() -> Account:
    """Registers what is not registered yet. Raises TargetError as ``acme.register`` does."""
    wanted, email = authority(), settings().acme_email
    record = _record(wanted)
    key = vault.unseal(record.sealed, _context(record))
    if record.uri is None or (record.email or "") != email:
        request = RegisterRequest(authority=wanted, key=key, email=email)
        found = reach.run(reach.DIRECT, "acme.register", request, Registered)
        actions = [AcmeAccount.uri.set(found.uri), AcmeAccount.email.set(email)]
        record = table.update(record, actions, AcmeAccount.sealed == record.sealed)
    assert record.uri is not None
    return Account(authority=wanted, key=key, uri=record.uri)


def forget(account: Account) -> None:
    """The authority does not know it (any more): it is registered anew, with the key that it has."""
    record = AcmeAccount(_pk(account.authority), "ACCOUNT")
    try:
        table.change(record, [AcmeAccount.uri.remove()], AcmeAccount.uri == account.uri)
    except ConditionFailed:
        return


def _record(wanted: Authority) -> AcmeAccount:
    """Kept before it is registered: a key that was registered and lost would be an account lost."""
    pk = _pk(wanted)
    found = table.find(AcmeAccount, pk, "ACCOUNT")
    if found is not None:
        return found
    made = AcmeAccount(pk, "ACCOUNT", directory=wanted.directory)
    made.sealed = vault.seal(keys.new_key(), _context(made))
    try:
        table.put(made, table.absent())
    except ConditionFailed:
        return _record(wanted)
    return made


def _pk(wanted: Authority) -> str:
    return f"ACME-ACCOUNT#{hashlib.sha256(wanted.directory.encode()).hexdigest()[:16]}"


def _context(record: AcmeAccount) -> dict[str, str]:
    return {"record": record.pk, "field": "key"}
