"""What is judged of a call that others made: its dispatches by the checks of the trials, and what was left of it.

Left out are the checks that need lkdiag's own part in a trial (its caller, its webhooks, its room): see `CHECKS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import (
    changing_worker,
    delayed,
    dropped,
    failed_present,
    false_running,
    nobody_answers,
    unreported,
    wrong_worker,
)
from lkdiag.checks.watch import not_fit, seen_in_part, two_agents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.neighbour import Neighbour
    from lkdiag.checks.verdict import Finding

CHECKS: tuple[Callable[[JudgedTrial], Finding | None], ...] = (
    false_running.judge,
    wrong_worker.judge,
    dropped.judge,
    delayed.judge,
    unreported.judge,
    failed_present.judge,
    two_agents.judge,
    seen_in_part.judge,
    not_fit.judge,
)
"""Each says something about one dispatch, or nothing."""

NAME_CHECKS: tuple[Callable[[Sequence[Neighbour], Sequence[Neighbour]], Finding | None], ...] = (
    nobody_answers.judge,
    changing_worker.judge,
)
"""Each says something about all dispatches for one agent name, or nothing. There is no control."""
