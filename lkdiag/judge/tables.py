"""Which checks are made of what. A new check is a line here, and a file of its name in `checks/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.judge.checks import (
    changing_worker,
    cleanup_never_ran,
    cleanup_raised,
    client_blind,
    cold_start,
    control_comparison,
    cut_short,
    delayed,
    dropped,
    failed_present,
    false_running,
    left_early,
    name_reuse,
    nobody_answers,
    not_carried_out,
    not_fit,
    second_agent,
    seen_in_part,
    slow_close,
    survivor_stranded,
    unhandled_error,
    unreported,
    webhook_doubled,
    webhook_late,
    webhook_missing,
    wrong_worker,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.judge.call import JudgedCall
    from lkdiag.judge.context import TrialSummary
    from lkdiag.judge.diagnosed import DiagnosedTrial
    from lkdiag.judge.finding import Finding

TRIAL_CHECKS: tuple[Callable[[DiagnosedTrial], Finding | None], ...] = (
    false_running.judge,
    wrong_worker.judge,
    dropped.judge,
    delayed.judge,
    unreported.judge,
    failed_present.judge,
    second_agent.judge,
    client_blind.judge,
    name_reuse.judge,
    webhook_missing.judge,
    webhook_late.judge,
    webhook_doubled.judge,
    not_carried_out.judge,
    not_fit.judge,
    left_early.judge,
)
"""Each says something about one dispatch trial, or nothing."""

RUN_CHECKS: tuple[Callable[[Sequence[TrialSummary], Sequence[TrialSummary]], Finding | None], ...] = (
    nobody_answers.judge,
    control_comparison.judge,
    changing_worker.judge,
    cold_start.judge,
)
"""Each says something about the subject's trials and the control's as a whole, or nothing."""

CALL_CHECKS: tuple[Callable[[JudgedCall], Finding | None], ...] = (
    unhandled_error.judge,
    cleanup_raised.judge,
    webhook_missing.judge_call,
    cleanup_never_ran.judge,
    survivor_stranded.judge,
    slow_close.judge,
    cut_short.judge,
    not_carried_out.judge_call,
    not_fit.judge_call,
)
"""Each says something about one transfer teardown, or nothing."""

WATCH_CHECKS: tuple[Callable[[DiagnosedTrial], Finding | None], ...] = (
    false_running.judge,
    wrong_worker.judge,
    dropped.judge,
    delayed.judge,
    unreported.judge,
    failed_present.judge,
    second_agent.judge_watched,
    seen_in_part.judge,
    not_fit.judge_watched,
)
"""Each says something about one dispatch of a call that others made, or nothing.

Left out are the checks that need lkdiag's own part in a trial: its caller, its webhooks, its room.
"""

NAME_CHECKS: tuple[Callable[[Sequence[TrialSummary], Sequence[TrialSummary]], Finding | None], ...] = (
    nobody_answers.judge,
    changing_worker.judge,
)
"""Each says something about all watched dispatches for one agent name, or nothing. There is no control."""
