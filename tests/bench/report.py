"""What a benchmark found, as a table for people and as JSON for machines."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One number. ``limit`` is the most that it may be; None: for information only."""

    bench: str
    what: str
    value: float
    unit: str
    limit: float | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        return self.limit is None or self.value <= self.limit

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        return "ok" if self.held else "OVER"


def ratio(bench: str, what: str, ours: float, theirs: float, limit: float, **detail: Any) -> Finding:
    """How many times ``theirs`` ``ours`` is; both in the same unit."""
    return Finding(bench, what, ours / theirs, "x", limit, {"ours": ours, "theirs": theirs, **detail})


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Shown beside a median, so that noise is seen."""
    return {"median": median(values), "least": min(values), "most": max(values), "samples": len(values)}


_HEADINGS = ("bench", "what", "found", "at most", "")


def as_table(findings: Sequence[Finding]) -> str:
    rows = [_HEADINGS, *(_row(finding) for finding in findings)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _row(finding: Finding) -> tuple[str, ...]:
    limit = "" if finding.limit is None else f"{finding.limit:g} {finding.unit}"
    return (finding.bench, finding.what, f"{finding.value:.2f} {finding.unit}", limit, finding.verdict)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1])]
    cells += [cell.rjust(width) for cell, width in zip(row[2:4], widths[2:4], strict=True)]
    return "  ".join([*cells, row[4]]).rstrip()


def write_json(findings: Sequence[Finding], path: Path) -> None:
    shown = [asdict(finding) | {"held": finding.held} for finding in findings]
    path.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
