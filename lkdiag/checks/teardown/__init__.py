"""The checks of transfer teardowns, one file a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.teardown import (
    cleanup_never_ran,
    cleanup_raised,
    cut_short,
    not_judged,
    slow_close,
    survivor_stranded,
    unhandled_error,
    webhook_missing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.checks.teardown.judged import JudgedCall
    from lkdiag.checks.verdict import Finding

CALL_CHECKS: tuple[Callable[[JudgedCall], Finding | None], ...] = (
    unhandled_error.judge,
    cleanup_raised.judge,
    webhook_missing.judge,
    cleanup_never_ran.judge,
    survivor_stranded.judge,
    slow_close.judge,
    cut_short.judge,
    not_judged.judge,
)
"""Each says something about one call, or nothing."""
