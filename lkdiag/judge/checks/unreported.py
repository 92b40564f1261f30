"""The agent is there, and the dispatch list knows no job of it, however long one waits.

A lag is normal: after workers (re)registered, and when its 60 s cache runs out, livekit-server v1.13.5 lists a job only
5.0 s after the dispatch (pkg/agent/client.go, CheckEnabledTimeout). So this is found only after `settle_s` (6 s), and
never before those 5 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Mismatch, Severity, State
from lkdiag.facts.observation import LISTING_LAG_S
from lkdiag.journal.participant_kinds import AgentJoined
from lkdiag.journal.trial_kinds import DispatchListed, ObservationEnded
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import at, seqs

if TYPE_CHECKING:
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.UNREPORTED


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where an agent is present without a job."""
    facts = trial.facts
    if trial.mismatch is not Mismatch.UNREPORTED or facts.agent is None:
        return None
    what = "no dispatch" if trial.state is State.NO_DISPATCH else "the dispatch without a job"
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="an agent is there, but no job is listed",
        fact=(
            f"agent {facts.agent['identity']!r} joined{at(facts, 'joined')}, and listDispatch showed {what} for "
            f"{max(LISTING_LAG_S, facts.run.settings.settle_s):g} s afterwards"
        ),
        hint=(
            "code that waits for a job in listDispatch would call this agent lost, and may dispatch a second one; ask "
            "listParticipants instead"
        ),
        trial=trial.index,
        evidence=seqs(facts, AgentJoined, DispatchListed, ObservationEnded),
    )
