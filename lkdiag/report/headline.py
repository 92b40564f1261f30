"""The verdict of a run in one sentence that a stranger understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Verdict

if TYPE_CHECKING:
    from lkdiag.report.value import DispatchSummary, Run


def headline(
    verdict: Verdict,
    summary: DispatchSummary,
    run: Run,
    planned: int | None,
    *,
    unlisted: int = 0,
    not_begun: int = 0,
) -> str:
    """Counts first, then what they mean; how the run ended, when it did not end by itself.

    `planned` is None where a time was set instead of a number.
    `unlisted` trials ended before listDispatch showed a job, which is no finding yet.
    """
    parts = [_counts(verdict, summary, unlisted)]
    if not_begun:
        trials = "trial was" if not_begun == 1 else "trials were"
        parts.append(f"{not_begun} {trials} not begun: too many others went on (--max-in-flight).")
    if run.aborted is not None:
        parts.append(f"The run was given up: {run.aborted}.")
    elif run.interrupted:
        ended = "interrupted" if run.finished_at is not None else "killed"
        of = "" if planned is None else f" of {planned}"
        parts.append(f"The run was {ended} after {summary.trials}{of} trials.")
    elif summary.missing is None:
        parts.append("More trials are missing, nobody knows how many: nothing is known of them.")
    elif summary.missing:
        are = "are" if summary.missing > 1 else "is"
        parts.append(f"{summary.missing} of {planned} trials {are} missing: nothing is known of them.")
    return " ".join(parts)


def _counts(verdict: Verdict, summary: DispatchSummary, unlisted: int) -> str:
    outcomes = summary.outcomes
    if summary.trials == 0:
        return "No trial was carried out, so there is nothing to judge."
    told = [f"{count} {outcome}" for outcome, count in outcomes.items() if count]
    odd = [f"{count} {mismatch}" for mismatch, count in summary.mismatches.items() if count]
    if verdict is Verdict.PASS:
        median = summary.latency_ms.p50
        after = "" if median is None else f", after {median / 1000:.2f} s in the median"
        listed = ", and the dispatch list said so" if not unlisted else f"; {unlisted} had no job listed by the end"
        return f"All {summary.trials} dispatches were delivered{after}{listed}."
    mismatches = f" (dispatch list: {', '.join(odd)})" if odd else ""
    return f"Of {summary.trials} dispatches {', '.join(told)}{mismatches}."
