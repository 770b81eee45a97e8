"""What applying would change, by the API server's own word, with nothing changed."""

from __future__ import annotations

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.targets.kubernetes import diff, failures, names, plan
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.apply import find_ours, look
from chalicelib.targets.kubernetes.cluster import known
from chalicelib.targets.kubernetes.objects import Manifest, collection_of, path_of, thing_of
from chalicelib.targets.kubernetes.plan import Plan, Standing
from chalicelib.targets.kubernetes.replies import DryRun, ObjectChange
from chalicelib.targets.kubernetes.requests import ApplyRequest, AppRef

ELSEWHERE = "default"
"""Where the objects of a namespace that is not there yet are checked: every cluster has it."""


def dry_run(request: ApplyRequest) -> DryRun:
    """``kubernetes.dry_run``. Raises PermanentTargetError for what the server would refuse."""
    server, app = connect(request.access), AppRef.of(request.spec)
    standing = look(server, app)
    made = plan.make(request.spec, known(server), standing)
    if standing.namespace is None:
        return DryRun(changes=tuple(check_elsewhere(server, one) for one in made.apply))
    return DryRun(changes=compare(server, app, made, standing))


def compare(server: ApiServer, app: AppRef, made: Plan, standing: Standing) -> tuple[ObjectChange, ...]:
    """Each object of the plan against what stands."""
    changes = [_change(server, one, standing) for one in made.apply]
    superfluous = [one for one in made.remove if find_ours(server, app, one)]
    changes += [ObjectChange(kind=one.kind, name=one.name, action="delete") for one in superfluous]
    return tuple(changes)


def _change(server: ApiServer, manifest: Manifest, standing: Standing) -> ObjectChange:
    one = thing_of(manifest)
    known_already = {
        "Namespace": standing.namespace,
        "Deployment": standing.deployment,
        "ResourceQuota": standing.quota,
    }
    before = (
        known_already[one.kind] if one.kind in known_already else server.find(path_of(one), f"look at {one}")
    )
    after = server.apply(manifest, dry_run=True)
    if before is None:
        return ObjectChange(kind=one.kind, name=one.name, action="create")
    fields = diff.changes(before, after)
    return ObjectChange(kind=one.kind, name=one.name, action="update" if fields else "none", fields=fields)


def check_elsewhere(server: ApiServer, manifest: Manifest) -> ObjectChange:
    """Nothing can be tried in a namespace that is not there, so its objects are tried in another.

    An account that may not do even that is not told more than what would be created.
    """
    one = thing_of(manifest)
    if one.kind == "Namespace":
        server.apply(manifest, dry_run=True)
    else:
        metadata = {key: value for key, value in manifest["metadata"].items() if key != "name"}
        metadata |= {"namespace": ELSEWHERE, "generateName": f"{names.MANAGER}-check-"}
        moved = {**manifest, "metadata": metadata}
        try:
            server.create_dry(moved, collection_of(thing_of(moved)))
        except PermanentTargetError as error:
            if failures.status_of(error) != 403:
                raise
    return ObjectChange(kind=one.kind, name=one.name, action="create")
