"""A3: the agent came, but late. The stages say on whose side the time went.

`job_started` is set when the server asks the worker (livekit-server v1.13.5 pkg/agent/worker.go, AssignJob), after the
0.2 s in which it gathers workers' answers. What passes before it is the platform's; what passes between it and the
agent's joining is the worker's (accepting, starting a process, connecting).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Outcome, Severity
from lkdiag.checks.wording import agent_word, seqs

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

SLUG = "delayed"
REFERENCE = "https://github.com/livekit/agents-js/issues/1211"
STEPS = ("created", "dispatch", "job_started", "offered", "accepted", "assigned", "joined")
PLATFORM = frozenset({"dispatch", "job_started", "offered", "assigned"})


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding for a late agent, with the longest of its stages."""
    facts = trial.facts
    if trial.outcome is not Outcome.DELAYED or facts.latency_ms is None:
        return None
    stages = facts.stages_ms
    seen = [step for step in STEPS if step in stages]
    waits = [(stages[after] - stages[before], before, after) for before, after in pairwise(seen)]
    wait_ms, before, after = max(waits, default=(facts.latency_ms, "created", "joined"))
    hint = (
        f"{wait_ms / 1000:.2f} s of it went by between {before.replace('_', ' ')} and {after.replace('_', ' ')}: "
        + (
            "the platform's side, before or between its words with the worker."
            if after in PLATFORM
            else "the worker's side (accepting, starting the job's process, connecting), unless its log shows the job "
            "request late as well. Prewarmed processes and a look at its load help; its log names the job id."
        )
    )
    if "job_started" not in stages:
        hint += " The job was never listed, so that the platform's share and the worker's can't be told apart."
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="the agent came late",
        fact=(
            f"{agent_word(facts)} joined {facts.latency_ms / 1000:.2f} s after the room's creation (late is above "
            f"{facts.run.scenario.delayed_after_s:g} s); stages since then: "
            + ", ".join(f"{step.replace('_', ' ')} {stages[step] / 1000:.2f} s" for step in seen[1:])
        ),
        hint=hint,
        trial=trial.index,
        evidence=seqs(facts, "room.created", "dispatch.listed", "job.offered", "job.accepted", "agent.joined"),
        reference=REFERENCE,
    )
