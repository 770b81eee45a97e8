"""What is held and what is allowed, one item each a user."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pynamodb.attributes import NumberAttribute

from chalicelib.aws.table import Record
from chalicelib.kernel.settings import settings

MIB = 1024 * 1024


@dataclass(frozen=True)
class Amounts:
    """Of containers: applications, their replicas, and what all replicas together ask for.

    ``cpu`` in thousandths of a core, ``memory`` in bytes.
    """

    apps: int = 0
    replicas: int = 0
    cpu: int = 0
    memory: int = 0

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: getattr(self, name) - getattr(other, name) for name in NAMES})

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(**{name: getattr(self, name) + getattr(other, name) for name in NAMES})

    def shown(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in NAMES}


NAMES = tuple(field.name for field in fields(Amounts))


class Held(Record, discriminator="quota-held"):
    """What a user holds now."""

    apps = NumberAttribute(default=0)
    replicas = NumberAttribute(default=0)
    cpu = NumberAttribute(default=0)
    memory = NumberAttribute(default=0)


class Allowed(Record, discriminator="quota-allowed"):
    """An administrator's word about one user; what it leaves out is as the settings have it."""

    apps = NumberAttribute(null=True)
    replicas = NumberAttribute(null=True)
    cpu = NumberAttribute(null=True)
    memory = NumberAttribute(null=True)


def key(user_id: int) -> str:
    return f"QUOTA#{user_id}"


def usual() -> Amounts:
    config = settings()
    return Amounts(
        config.quota_apps,
        config.quota_replicas,
        config.quota_cpu_millicores,
        config.quota_memory_mib * MIB,
    )


def amounts(record: Held | None) -> Amounts:
    return Amounts(**{name: int(getattr(record, name) or 0) for name in NAMES}) if record else Amounts()


def limits(record: Allowed | None) -> Amounts:
    given = {name: getattr(record, name) for name in NAMES} if record else {}
    return Amounts(
        **{name: int(getattr(usual(), name) if given.get(name) is None else given[name]) for name in NAMES}
    )
