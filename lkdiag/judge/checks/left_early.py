"""F12: the agent came, and was gone again before lkdiag closed the room.

Only a note: a worker may end its job when it likes, and lkdiag speaks no word to it that would keep it. One that came
back under its identity (a reconnect, with a new SID) is not gone. The open-source server goes on listing its job as
JS_RUNNING (v1.13.5, measured; pkg/agent/worker.go hands out a copy of the job's state).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.facts.unseen import is_told
from lkdiag.facts.validity import room_vanished
from lkdiag.journal.participant_kinds import AgentJoined, AgentLeft, ProbeDisconnected
from lkdiag.journal.trial_kinds import DispatchListed
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import at, fallback_sentence, seqs

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.LEFT_EARLY
KINDS = (AgentJoined, AgentLeft, DispatchListed)
REFERENCE = "https://github.com/livekit/livekit/issues/4887"


def judge(trial: JudgedTrial) -> Finding | None:
    """A note where the agent that had come left by itself."""
    facts = trial.facts
    if facts.agent is None or facts.agent_left is None or facts.agent_seen is None or room_vanished(facts):
        return None
    if _was_put_out(facts):
        return None
    error = "" if facts.job is None else facts.job.get("error", "")
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title="the agent came and left again",
        fact=(
            f"agent {facts.agent['identity']!r} joined{at(facts, 'joined')} and {_stay(facts)}"
            f"{f'; its job says {error!r}' if error else ''}{_afterwards(trial)}"
        ),
        hint="fine if your agent ends by itself in an empty room; else its process died: its log names the job id",
        trial=trial.index,
        evidence=tuple(sorted({facts.agent_seen.seq, facts.agent_left.seq, *seqs(facts, *KINDS)})),
        reference=REFERENCE,
    )


def _stay(facts: DispatchFacts) -> str:
    """How long it was there, as far as that was seen."""
    assert facts.agent_seen is not None, "it has come"
    assert facts.agent_left is not None, "it has left"
    if is_told(facts.agent_seen):
        return "left so soon that no look at the participants shows it: webhooks tell of it"
    stayed_s = (facts.agent_left.mono_ns - facts.agent_seen.mono_ns) / 1e9
    return f"was gone about {stayed_s:.1f} s after it was first seen"


def _was_put_out(facts: DispatchFacts) -> bool:
    """lkdiag's own agent has no media, and was in the room for longer than the server lets it, or its socket was dead.

    See `client/signal.py`: after 60 s (while calls were held, or lkdiag stood still) it is removed.
    """
    gone = facts.probe_event(ProbeDisconnected)
    return gone is not None and gone.row.reason.startswith(("JOIN_FAILURE", "nothing heard"))


def _afterwards(trial: JudgedTrial) -> str:
    """What a fallback did then."""
    told = fallback_sentence(trial)
    return f".{told.removesuffix('.')}" if told else ""
