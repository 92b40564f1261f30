"""The dispatch list says that the job has failed or was cancelled, and its agent is still in the room.

A failed job alone is nothing: an agent that has left may show JS_FAILED 'agent worker left the room', also after a
normal end (livekit-server v1.13.5 pkg/agent/worker.go, TerminateJob). An agent whose process was killed is listed for
about 21 s more, while its worker may have reported the failure at once; one that reconnects fully comes back under its
identity, and the server has ended its job meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Mismatch, Severity
from lkdiag.journal.participant_kinds import AgentJoined
from lkdiag.journal.trial_kinds import DispatchListed, ObservationEnded
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import at, seqs

if TYPE_CHECKING:
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.FAILED_PRESENT


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding where an agent outlived its job."""
    facts = trial.facts
    if trial.mismatch is not Mismatch.FAILED_PRESENT or facts.agent is None or facts.job is None:
        return None
    error = facts.job.get("error")
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title=f"listDispatch says {trial.state.upper()}, but the agent is there",
        fact=(
            f"job {facts.job['job_id']} is {facts.job['status']}{f' ({error})' if error else ''}, and agent "
            f"{facts.agent['identity']!r}, which joined{at(facts, 'joined')}, was still in the room afterwards"
        ),
        hint=(
            "the agent's process has crashed (a participant that is killed stays listed for about 21 s), or it left "
            "and came back (a full reconnect ends the job), or the worker reported a failure of a job that goes on. "
            "Its log names the job id."
        ),
        trial=trial.index,
        evidence=seqs(facts, AgentJoined, DispatchListed, ObservationEnded),
    )
