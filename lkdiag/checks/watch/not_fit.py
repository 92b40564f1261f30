"""lkdiag was not fit to judge a dispatch: its looks were not answered, or it stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks import not_fit
from lkdiag.checks.watch import seen_in_part

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.verdict import Finding


def judge(trial: JudgedTrial) -> Finding | None:
    """As of a trial, but where the call itself gave too little to see."""
    return None if seen_in_part.judge(trial) is not None else not_fit.judge(trial)
