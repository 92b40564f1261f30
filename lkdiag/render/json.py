"""The report as JSON: the dataclasses' own names, `schema` first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from lkdiag.report.value import Report

ORDER = (
    "schema",
    "run",
    "environment",
    "verdict",
    "headline",
    "expectation",
    "thresholds",
    "summary",
    "control",
    "trials",
    "warmup",
    "leftover_rooms",
    "findings",
    "notes",
)
"""Of the outermost names; those that this kind of report lacks are passed over."""


def render(report: Report) -> str:
    """Indented JSON that ends with a newline. What does not print is escaped, so that it is safe to `cat`."""
    fields: dict[str, Any] = msgspec.to_builtins(report)
    ordered = {name: fields.pop(name) for name in ORDER if name in fields}
    text = json.dumps({**ordered, **fields}, indent=2, ensure_ascii=False)
    return "".join(f"{_printable(line)}\n" for line in text.split("\n"))


def _printable(line: str) -> str:
    """Such characters can only stand inside a JSON string, where an escape means the same."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)
