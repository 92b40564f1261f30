"""What a check is, and what it may answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag.report.doctor_value import Mark

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.doctor.bench import Bench


@dataclass(frozen=True)
class Found:
    """A check's answer: `seen` in one line, and a `fix` in one sentence."""

    mark: Mark
    seen: str
    fix: str = ""
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table."""

    slug: str
    title: str
    group: str
    look: Callable[[Bench], Awaitable[Found]]
    """Looks at one thing; may leave on the bench what later checks build on. It raises nothing of its own."""
    needs: tuple[str, ...] = ()
    """Slugs of earlier checks; where one of them has failed or was not tried, neither is this one."""
    gate: bool = False
    """Where it fails the project can't be tested at all."""


def ok(seen: str, **details: str) -> Found:
    """As it should be."""
    return Found(Mark.OK, seen, details=_told(details))


def info(seen: str, fix: str = "", **details: str) -> Found:
    """Neither good nor bad."""
    return Found(Mark.INFO, seen, fix, _told(details))


def warning(seen: str, fix: str, **details: str) -> Found:
    """It works, but."""
    return Found(Mark.WARNING, seen, fix, _told(details))


def failed(seen: str, fix: str, **details: str) -> Found:
    """It does not work."""
    return Found(Mark.FAILED, seen, fix, _told(details))


def not_tried(why: str) -> Found:
    """It could not be looked at; `why` follows upon `not tried: `."""
    return Found(Mark.NOT_TRIED, f"not tried: {why}")


def _told(details: dict[str, str]) -> dict[str, str]:
    """Labels are written with blanks; what is empty is left out."""
    return {label.replace("_", " "): text for label, text in details.items() if text}
