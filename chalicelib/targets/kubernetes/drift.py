"""What somebody changed behind our back: the cluster against the spec that was applied."""

from __future__ import annotations

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.targets.kubernetes import plan, quantities
from chalicelib.targets.kubernetes.api import connect
from chalicelib.targets.kubernetes.apply import look
from chalicelib.targets.kubernetes.cluster import known
from chalicelib.targets.kubernetes.dryrun import compare
from chalicelib.targets.kubernetes.replies import FieldChange, Finding, ObjectChange, Observation
from chalicelib.targets.kubernetes.requests import ApplyRequest, AppRef

_MOST_FIELDS = 3
"""Changed fields that the words name; all of them are in ``fields``."""


def observe(request: ApplyRequest) -> Observation:
    """``kubernetes.observe``. A namespace that is being deleted is a TransientTargetError."""
    server, app = connect(request.access), AppRef.of(request.spec)
    standing = look(server, app)
    if standing.namespace is None:
        words = f"The namespace {app.namespace} is gone, with everything in it."
        missing = Finding(kind="Namespace", name=app.namespace, problem="missing", words=words)
        return Observation(findings=(missing,))
    try:
        made = plan.make(request.spec, known(server), standing)
    except PermanentTargetError as refusal:
        foreign = Finding(kind="Namespace", name=app.namespace, problem="unexpected", words=refusal.message)
        return Observation(findings=(foreign,))
    changes = compare(server, app, made, standing)
    return Observation(
        findings=tuple(_finding(one) for one in changes if one.action != "none" and not _is_left_over(one))
    )


def _is_left_over(change: ObjectChange) -> bool:
    """A quota larger than needed is what an update leaves until the next: nobody's doing."""
    return change.kind == "ResourceQuota" and all(
        one.path.startswith("spec.hard.")
        and isinstance(one.before, str)
        and isinstance(one.after, str)
        and quantities.parse(one.before) > quantities.parse(one.after)
        for one in change.fields
    )


def _finding(change: ObjectChange) -> Finding:
    what = f"{change.kind} {change.name}"
    if change.action == "create":
        return Finding(kind=change.kind, name=change.name, problem="missing", words=f"The {what} is gone.")
    if change.action == "delete":
        words = f"The {what} is there, and the app is to have none."
        return Finding(kind=change.kind, name=change.name, problem="unexpected", words=words)
    told = [_words(one) for one in change.fields[:_MOST_FIELDS]]
    if len(change.fields) > _MOST_FIELDS:
        told.append(f"and {len(change.fields) - _MOST_FIELDS} more")
    return Finding(
        kind=change.kind,
        name=change.name,
        problem="changed",
        words=f"The {what} was changed: {'; '.join(told)}.",
        fields=change.fields,
    )


def _words(field: FieldChange) -> str:
    """``before`` is what the cluster has, ``after`` what applying would make of it."""
    if field.before is None:
        return f"{field.path} is missing"
    if field.after is None:
        return f"{field.path} should not be there"
    if isinstance(field.before, dict | list) or isinstance(field.after, dict | list):
        return f"{field.path} differs"
    return f"{field.path} is {field.before} instead of {field.after}"
