"""The job went to a worker that is not the one under test, or another agent came than the one that was called (F11)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Mismatch, Severity
from lkdiag.journal.participant_kinds import AgentJoined
from lkdiag.journal.trial_kinds import DispatchListed
from lkdiag.journal.worker_kinds import WorkerRegistered
from lkdiag.judge.finding import Finding
from lkdiag.judge.trial import sent_by_another_worker
from lkdiag.judge.wording import agent_word, seqs

if TYPE_CHECKING:
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.WRONG_WORKER
REFERENCE = "https://github.com/livekit/agents/issues/670"


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where somebody else answered."""
    facts = trial.facts
    if trial.mismatch is not Mismatch.WRONG_WORKER:
        return None
    foreign = sent_by_another_worker(facts)
    if foreign is not None:
        fact = f"{foreign}; lkdiag's own worker is {', '.join(sorted(facts.run.probe_worker_ids))}"
        hint = (
            "another worker is registered for the same dispatch: a stale one, one of another deployment, or, with "
            "--method automatic, any worker of the project that has no name"
        )
    else:
        others = ", ".join(f"{e.row.identity!r} (agent name {e.row.agent_name!r})" for e in facts.strangers)
        fact = f"{agent_word(facts)} was called, and did not come; in the room, by no listed dispatch, was {others}"
        hint = "compare the agent name in your dispatch with the one under which your worker registers"
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="another worker answered",
        fact=fact,
        hint=hint,
        trial=trial.index,
        evidence=seqs(facts, DispatchListed, AgentJoined, WorkerRegistered),
        reference=REFERENCE,
    )
