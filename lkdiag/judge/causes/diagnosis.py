"""What a diagnosis is: the causes that the evidence fits, what speaks for and against them, and what would tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.contract import Cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.judge.finding import Finding


WORDS = {
    Cause.LOST_BEFORE_WORKER: "the dispatch was lost, or held up, on its way to the worker",
    Cause.WORKER_SILENT: "the worker was asked and did not answer",
    Cause.WORKER_DECLINED: "the worker was asked and declined",
    Cause.WORKER_ANSWERED_LATE: "the worker answered too late",
    Cause.ASSIGNMENT_LOST: "the worker accepted, and the assignment was lost",
    Cause.WORKER_NEVER_JOINED: "the worker was given the job, and its agent did not join",
    Cause.NO_WORKER: "no worker of that name was connected then",
    Cause.WORKER_FULL: "the worker was over its load limit",
    Cause.WRONG_NAME: "the worker is registered under another name",
    Cause.SLOW_PLATFORM: "the platform took long before it asked a worker",
    Cause.SLOW_ANSWER: "the worker took long to accept",
    Cause.SLOW_JOIN: "the agent took long to join once its worker had the job (starting a process, connecting)",
    Cause.COLD_START: "something was asleep after an idle gap",
    Cause.FOREIGN_WORKER: "another worker than the expected one took the job",
    Cause.LEFT_EARLY: "the agent was there and gone again between two looks",
    Cause.WAITS_FOR_PARTICIPANT: "the worker serves participants, and nobody was in the room",
    Cause.WAITS_FOR_TRACK: "the worker serves publishers, and nobody published in the room",
}
"""The causes that may be named together with others, each as part of a sentence."""


MOST_IN_A_SENTENCE = 4
"""Causes; more are named by their words in the list of causes alone."""


@dataclass(frozen=True)
class Diagnosis:
    """Of one trial. No cause is named where the evidence fits none of them surely."""

    causes: tuple[Cause, ...]
    """The most likely first. More than one: the evidence fits each of them."""
    statement: str
    """What it means, in plain words."""
    speaks_for: tuple[str, ...] = ()
    """What was seen, the most telling first."""
    speaks_against: tuple[str, ...] = ()
    would_tell: tuple[str, ...] = ()
    """What to do to know more."""
    reference: str = ""
    """The upstream thread."""


def of_finding(finding: Finding | None, *causes: Cause, would_tell: Sequence[str] = ()) -> Diagnosis | None:
    """Where a check's finding says all of it; None without one."""
    if finding is None:
        return None
    return Diagnosis(causes, finding.hint, (finding.fact,), (), tuple(would_tell), finding.reference)


def in_words(causes: Sequence[Cause]) -> str:
    """One, or each that the evidence fits."""
    *most, last = [WORDS[cause] for cause in causes]
    return f"what was seen fits each of these: {'; '.join(most)}; or {last}" if most else last


class Elimination:
    """Causes that are possible, and the evidence by which they become fewer. The last one is never ruled out."""

    def __init__(self, *causes: Cause) -> None:
        self.causes = list(causes)
        self.speaks_for: list[str] = []
        self.speaks_against: list[str] = []
        self.would_tell: list[str] = []
        self.error = ""
        """What the user's own code failed with, and where; empty: nothing is known of it."""
        self.outside = True
        """Whether all that is known was seen from outside of the worker."""
        self.likely: Cause | None = None
        """The one that by the evidence is more likely than all others, though none is ruled out."""

    def rule_out(self, *causes: Cause) -> None:
        """These can't be, unless nothing else is left."""
        left = [cause for cause in self.causes if cause not in causes]
        self.causes = left or self.causes

    def narrow_to(self, *causes: Cause) -> None:
        """It is one of these, as far as they were possible; else all of them are."""
        self.causes = [cause for cause in self.causes if cause in causes] or list(causes)

    def first(self, *causes: Cause) -> None:
        """These are more likely than the others."""
        ahead = [cause for cause in dict.fromkeys(causes) if cause in self.causes]
        self.causes = ahead + [cause for cause in self.causes if cause not in ahead]

    def last(self, cause: Cause) -> None:
        """This one is less likely than the others."""
        if cause in self.causes:
            self.causes = [other for other in self.causes if other is not cause] + [cause]

    def _told(self) -> str:
        number = len(self.causes)
        if number <= MOST_IN_A_SENTENCE:
            return in_words(self.causes)
        if self.likely is not None:
            return f"most likely {WORDS[self.likely]}, though {number - 1} other causes are possible (see causes)"
        return f"{'from outside ' if self.outside else ''}{number} causes look alike (see causes)"

    def diagnosis(self, opening: str, reference: str) -> Diagnosis:
        """With a statement that names each cause in words, as far as a reader can keep them in mind."""
        return Diagnosis(
            tuple(self.causes),
            f"{f'{self.error}: ' if self.error else ''}{opening}; {self._told()}.",
            tuple(self.speaks_for),
            tuple(self.speaks_against),
            tuple(self.would_tell),
            reference,
        )
