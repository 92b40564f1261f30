"""The report as JSON: the dataclasses' own names, `schema` first. It is written in parts, however many trials."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
    "not_begun",
    "warmup",
    "leftover_rooms",
    "findings",
    "health",
    "notes",
)
"""The order of the outermost names. Those that a kind of report lacks are skipped."""
TRIALS = ("trials", "warmup")
"""The long lists."""
AT_ONCE = 200
"""Trials that are written together."""


def render(report: Report) -> str:
    """Indented JSON that ends with a newline. What does not print is escaped, so that it is safe to `cat`."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """The same, piece by piece."""
    present = [field.name for field in fields(report)]
    names = [*(name for name in ORDER if name in present), *(name for name in present if name not in ORDER)]
    for number, name in enumerate(names):
        yield "{\n" if number == 0 else ",\n"
        value = getattr(report, name)
        yield f"  {json.dumps(name)}: "
        if name in TRIALS:
            yield from _listed(value)
        else:
            yield _indented(msgspec.to_builtins(value), 2)
    yield "\n}\n"


def render_value(value: Any, *first: str) -> str:
    """Another answer than a report: indented JSON in ASCII that ends with a newline, so that it is safe to `cat`.

    `first` are the names that it begins with.
    """
    known: dict[str, Any] = msgspec.to_builtins(value)
    ordered = {name: known.pop(name) for name in first or ("schema",)}
    return json.dumps({**ordered, **known}, indent=2, ensure_ascii=True).replace("\x7f", "\\u007f") + "\n"


def as_declared(value: Any) -> str:
    """An answer in the order of its own fields, with every character as it is."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n"


def _listed(trials: Sequence[Any]) -> Iterator[str]:
    """As `json.dumps` would write them, some at a time."""
    if not trials:
        yield "[]"
        return
    opening = "[\n    "
    some: list[Any] = []
    for number, trial in enumerate(trials, start=1):
        some.append(trial)
        if len(some) == AT_ONCE or number == len(trials):
            text = _indented([msgspec.to_builtins(one) for one in some], 2)
            # without the brackets of this part
            yield opening + text[len("[\n    ") : -len("\n  ]")]
            opening, some = ",\n    ", []
    yield "\n  ]"


def _indented(value: Any, by: int) -> str:
    """JSON whose lines are indented by `by`, except the first."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"\n{' ' * by}".join(_printable(line) for line in text.split("\n"))


def _printable(line: str) -> str:
    """Such characters can only stand inside a JSON string, where an escape means the same."""
    if line.isprintable():
        return line
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in line)
