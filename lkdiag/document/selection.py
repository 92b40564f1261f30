"""What a report shows in full, and what it has shown already; the same for every kind of run."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from lkdiag.contract import Outcome, Severity, TeardownOutcome
from lkdiag.document.wording import more
from lkdiag.report.teardown_value import TeardownReport, TeardownTrial
from lkdiag.report.value import DispatchReport, TrialReport
from lkdiag.scenario.call import Cleanup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from lkdiag.document.blocks import Stories
    from lkdiag.judge.finding import Finding
    from lkdiag.report.value import Report

Trial = TrialReport | TeardownTrial
OneTrial = TypeVar("OneTrial", TrialReport, TeardownTrial)
Row = TypeVar("Row")
MOST_ROWS = 2_000
"""A table shows no more rows than this whole: of more, those that fail come first."""
MOST_TOLD = 500
"""A terminal shows no more stories than this, not even with --verbose."""


def trials_of(report: Report) -> Sequence[Trial]:
    """The report's trials, whichever kind they are."""
    return report.trials if isinstance(report, DispatchReport | TeardownReport) else ()


def finished_trials(report: Report) -> int:
    """How many trials the figures rest on: the subject's."""
    return report.summary.trials if isinstance(report, DispatchReport | TeardownReport) else 0


def planned_trials(report: Report) -> int | None:
    """How many of them the scenario asked for; None where its options do not say."""
    options = report.run.options
    planned = options.get("count")
    if not isinstance(planned, int) or options.get("duration_s") is not None:
        return None
    if isinstance(report, TeardownReport):
        # the user's own agent goes as it likes
        own = options.get("cleanups") == [Cleanup.SUBJECT]
        for name in ("cleanups", "hangups") if own else ("cleanups", "agent_exits", "hangups"):
            played = options.get(name)
            if not isinstance(played, list | tuple):
                return None
            planned *= len(played)
    return planned


def is_failing(trial: Trial) -> bool:
    """Anything but delivered without a mismatch, or closed; or with a finding that is more than a note."""
    if isinstance(trial, TeardownTrial):
        odd = trial.outcome is not TeardownOutcome.CLOSED
    else:
        odd = trial.outcome is not Outcome.DELIVERED or trial.mismatch is not None
    return odd or any(finding.severity is not Severity.NOTE for finding in trial.findings)


def failing(trials: Iterable[OneTrial]) -> tuple[OneTrial, ...]:
    """The failing ones, the control's among them."""
    return tuple(trial for trial in trials if is_failing(trial))


def has_story(trial: Trial) -> bool:
    """Whether there is anything to tell of it."""
    return bool(trial.findings or trial.timeline)


def kinds_of(trial: Trial) -> frozenset[str]:
    """Its findings' checks, or its outcome where it has none: of two trials of the same kinds, one stands for both."""
    return frozenset(finding.check for finding in trial.findings) or frozenset({f"outcome {trial.outcome}"})


def first_of_each_kind(rows: Iterable[Row], kinds: Callable[[Row], frozenset[str]]) -> tuple[Row, ...]:
    """The first row with each kind."""
    seen: set[str] = set()
    chosen = []
    for row in rows:
        if not kinds(row) <= seen:
            chosen.append(row)
            seen |= kinds(row)
    return tuple(chosen)


def told_briefly(stories: Stories[Row], *, verbose: bool) -> tuple[tuple[Row, ...], list[int]]:
    """What a terminal tells, and the numbers of the others of the same kinds.

    Every failing row; of many, the first of each kind. With `verbose` those with mere notes too, and of more.
    """

    def worth_telling() -> Iterator[Row]:
        return (row for row in stories.rows if stories.fails(row) or (verbose and stories.findings(row)))

    most = MOST_TOLD if verbose else stories.told_at_once
    told = tuple(islice(worth_telling(), most + 1))
    if len(told) > most:
        told = first_of_each_kind(worth_telling(), stories.kinds)
    chosen = {stories.index(row) for row in told}
    return told, [stories.index(row) for row in worth_telling() if stories.index(row) not in chosen]


def room_prefix(trials: Iterable[Trial]) -> str:
    """What all room names begin with, up to a dash; the whole name where all are the same."""
    names = {trial.room for trial in trials}
    if len(names) < 2:
        return "".join(names)
    first, last = min(names), max(names)
    same = next((at for at, char in enumerate(first) if char != last[at]), len(first))
    return first[: first.rfind("-", 0, same) + 1]


class Said:
    """Remembers hints, references and pages, so that each is given once."""

    def __init__(self) -> None:
        self._explanations: set[tuple[str, str]] = set()
        self._pages: set[str] = set()

    def new(self, finding: Finding) -> tuple[str, str, str]:
        """Hint, reference and the command for its page; empty what another finding has said."""
        explanation = (finding.hint, finding.reference)
        hint, reference = ("", "") if explanation in self._explanations else explanation
        page = "" if finding.check in self._pages else more([finding.check])
        self._explanations.add(explanation)
        self._pages.add(finding.check)
        return hint, reference, page
