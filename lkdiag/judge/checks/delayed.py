"""A3: the agent came, but late. On whose side the time went is the diagnosis' matter (`judge/causes/late.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Outcome, Severity
from lkdiag.journal.participant_kinds import AgentJoined
from lkdiag.journal.trial_kinds import DispatchListed, RoomCreated
from lkdiag.journal.worker_kinds import JobAccepted, JobOffered
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import agent_word, seqs

if TYPE_CHECKING:
    from lkdiag.judge.diagnosed import DiagnosedTrial

SLUG = CheckSlug.DELAYED
REFERENCE = "https://github.com/livekit/agents-js/issues/1211"
STEPS = ("created", "dispatch", "job_started", "offered", "accepted", "assigned", "joined")


def judge(trial: DiagnosedTrial) -> Finding | None:
    """A finding for a late agent, with its stages."""
    facts, explanation = trial.facts, trial.explanation
    if trial.outcome is not Outcome.DELAYED or facts.latency_ms is None:
        return None
    seen = [step for step in STEPS if step in facts.stages_ms]
    origin = "the dispatch, in a room that was there" if facts.room_existed else "the room's creation"
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the agent came late",
        fact=(
            f"{agent_word(facts)} joined {facts.latency_ms / 1000:.2f} s after {origin} (late is above "
            f"{facts.run.settings.delayed_after_s:g} s); stages since then: "
            + ", ".join(f"{step.replace('_', ' ')} {facts.stages_ms[step] / 1000:.2f} s" for step in seen[1:])
        ),
        hint="" if explanation is None else explanation.statement,
        trial=trial.index,
        evidence=seqs(facts, RoomCreated, DispatchListed, JobOffered, JobAccepted, AgentJoined),
        reference=REFERENCE,
    )
