"""The findings of a run's trials, one for each kind, with the numbers of the trials that have it."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.checks.verdict import Finding


@dataclass
class _Kind:
    first: Finding
    at: tuple[int, int]
    """The trial's number, and the place among its findings."""
    trials: array[int] = field(default_factory=lambda: array("q"))
    sides: set[str] = field(default_factory=set)


class FindingsSoFar:
    """Takes the findings trial by trial, in any order."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], _Kind] = {}
        self._roles: Counter[str] = Counter()

    def add(self, trial: int, findings: Sequence[Finding], role: str = "") -> None:
        """A trial's. `role` is whose it is: what has befallen one side only is counted among that side's trials."""
        self._roles[role] += 1
        for place, finding in enumerate(findings):
            at = trial, place
            kind = self._kinds.setdefault((finding.check, finding.title), _Kind(finding, at))
            if at < kind.at:
                kind.first, kind.at = finding, at
            kind.trials.append(trial)
            kind.sides.add(role)

    def grouped(self) -> list[Finding]:
        """One for each kind, the most frequent first."""
        kinds = sorted(self._kinds.values(), key=lambda kind: (-len(kind.trials), kind.at))
        return [
            replace(
                kind.first,
                fact=f"{len(kind.trials)} of {self._among(kind.sides)}; trial {kind.first.trial}: {kind.first.fact}",
                trial=None,
                trials=tuple(sorted(kind.trials)),
            )
            for kind in kinds
        ]

    def _among(self, sides: set[str]) -> str:
        """Among how many, and whose, where there are two sides."""
        if len(sides) != 1 or len(self._roles) < 2:
            return f"{self._roles.total()} trials"
        (side,) = sides
        return f"the {side}'s {self._roles[side]} trials"
