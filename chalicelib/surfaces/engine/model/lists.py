"""A user's deployments, newest first, all and by state: pages and totals cost the same however many."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import Delete, Put, Record, Write
from chalicelib.core import counting, listing
from chalicelib.core.listing import Collection, Page
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import State


class Listed(Record, discriminator="deployment-listed"):
    """Stands for a deployment in one of its owner's lists."""

    deployment_id = UnicodeAttribute()


def _collection(owner_id: int, state: State | None = None) -> str:
    return f"deployments#user#{owner_id}" + (f"#{state.value}" if state else "")


def next_number(owner_id: int) -> int:
    return counting.next_ids(_collection(owner_id)).start


def _entry(collection: str, deployment: Deployment) -> Listed:
    return Listed(*counting.key(collection, int(deployment.number)), deployment_id=deployment.id)


def _adding(deployment: Deployment, collection: str) -> list[Write]:
    number = int(deployment.number)
    return [Put(_entry(collection, deployment), table.absent()), *counting.counting(collection, [number])]


def _taking(deployment: Deployment, collection: str) -> list[Write]:
    number = int(deployment.number)
    entry = _entry(collection, deployment)
    return [Delete(entry, table.present()), *counting.counting(collection, [number], -1)]


def adding(deployment: Deployment) -> list[Write]:
    """The writes that list a new deployment."""
    owner = int(deployment.owner_id)
    lists = (_collection(owner), _collection(owner, deployment.status))
    return [write for name in lists for write in _adding(deployment, name)]


def moving(deployment: Deployment, state: State) -> list[Write]:
    """The writes that move it from the list of its present state to that of ``state``."""
    if state is deployment.status:
        return []
    owner = int(deployment.owner_id)
    return [
        *_taking(deployment, _collection(owner, deployment.status)),
        *_adding(deployment, _collection(owner, state)),
    ]


def taking(deployment: Deployment) -> list[Write]:
    """The writes that take it off all lists."""
    owner = int(deployment.owner_id)
    lists = (_collection(owner), _collection(owner, deployment.status))
    return [write for name in lists for write in _taking(deployment, name)]


def page(owner_id: int, state: State | None, number: int, limit: int) -> Page[Deployment]:
    found = listing.descending(Collection(Listed, _collection(owner_id, state)), number, limit)
    records = deployments.find_many([entry.deployment_id for entry in found.items])
    items = [records[entry.deployment_id] for entry in found.items if entry.deployment_id in records]
    return Page(items, found.total, found.page, found.limit)


def total(owner_id: int) -> int:
    """How many deployments a user has."""
    return sum(int(one.total) for one in counting.census(_collection(owner_id)))
