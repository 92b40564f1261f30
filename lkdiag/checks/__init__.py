"""The checks, one file a failure. To add one: write `judge` in a file of its name, and a line in a table here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import (
    changing_worker,
    client_blind,
    cold_start,
    control_comparison,
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
    unreported,
    webhook_doubled,
    webhook_late,
    webhook_missing,
    wrong_worker,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.neighbour import Neighbour
    from lkdiag.checks.verdict import Finding

TRIAL_CHECKS: tuple[Callable[[JudgedTrial], Finding | None], ...] = (
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
"""Each says something about one trial, or nothing."""

RUN_CHECKS: tuple[Callable[[Sequence[Neighbour], Sequence[Neighbour]], Finding | None], ...] = (
    nobody_answers.judge,
    control_comparison.judge,
    changing_worker.judge,
    cold_start.judge,
)
"""Each says something about the subject's trials and the control's as a whole, or nothing."""
