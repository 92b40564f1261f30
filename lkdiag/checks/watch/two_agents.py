"""Two agents of one name in a call. Of a trial it is a failure; who calls for two on purpose is not to be told so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.checks import second_agent
from lkdiag.checks.verdict import Severity

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial
    from lkdiag.checks.verdict import Finding


def judge(trial: JudgedTrial) -> Finding | None:
    """A note."""
    found = second_agent.judge(trial)
    return None if found is None else replace(found, severity=Severity.NOTE)
