"""The agent came, but late: on whose side did the time go?

`job_started` is set when the server asks the worker (livekit-server v1.13.5 pkg/agent/worker.go, AssignJob), after the
0.2 s in which it gathers workers' answers. What passes before it is the platform's, what passes after it the worker's
(accepting, starting a process, connecting). Of lkdiag's own worker it is known which of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.contract import Cause, Outcome
from lkdiag.facts.validity import began_to_join_too_late
from lkdiag.facts.worker_log import log_lines, quoted
from lkdiag.journal.participant_kinds import ProbeJoined, ProbeJoining
from lkdiag.journal.worker_kinds import JobAccepted, JobAssigned, JobOffered
from lkdiag.judge.causes.diagnosis import Diagnosis, in_words
from lkdiag.judge.context import worker_of_job

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.judge.context import TrialInRun

REFERENCE = "https://github.com/livekit/agents-js/issues/1211"
COLD = "https://github.com/livekit/livekit/issues/4394"
PLATFORM, ANSWER, JOIN = "the platform's side", "the worker's answer", "the agent's joining"
WORKER = "the worker's side"
USUAL_MS = {PLATFORM: 500.0, ANSWER: 200.0, JOIN: 500.0, WORKER: 700.0}
"""What each takes without anything being wrong: measured 0.2 s, some milliseconds, 0.06 to 0.15 s, with room above."""


@dataclass(frozen=True)
class DelayPart:
    """Whose part of a delay, and how much of it was there."""

    side: str
    ms: float
    causes: tuple[Cause, ...]

    @property
    def excess_ms(self) -> float:
        """More than usual."""
        return self.ms - USUAL_MS[self.side]


def diagnose(trial: TrialInRun) -> Diagnosis | None:
    """Of an agent that came late, or when the time was up."""
    facts = trial.facts
    too_late = trial.outcome is Outcome.DROPPED and (
        facts.latency_ms is not None or began_to_join_too_late(facts.probe_job)
    )
    if trial.outcome is not Outcome.DELAYED and not too_late:
        return None
    parts, total_ms = parts_of(facts)
    named = _to_blame(parts, total_ms - facts.run.settings.delayed_after_s * 1000)
    causes = [cause for part in named for cause in part.causes]
    shares = ", ".join(f"{part.ms / 1000:.2f} s on {part.side}" for part in parts)
    told = [f"of the delay {shares}"] if len(parts) > 1 else []
    tell = ["the worker's log (--worker-log): when it received the request"] if not facts.on_probe else []
    if not facts.on_probe:
        causes += _besides(trial, causes, told, tell)
    listed = in_words(causes)
    if len(parts) > 1:
        statement = f"most of the time went by on {' and '.join(part.side for part in named)}: {listed}"
    else:
        statement = (
            f"the job was never listed, so that the platform's share and the worker's can't be told apart; {listed}"
        )
    came = []
    if too_late:
        came.append("it set out only when the time was up")
        if facts.latency_ms is not None:
            came = [f"it came after {facts.latency_ms / 1000:.2f} s, when the time was up"]
        statement += "; it is late rather than lost"
        tell.append("a higher --timeout: how late the others are")
    return Diagnosis(tuple(causes), f"{statement}.", (*came, *told), (), tuple(tell), REFERENCE)


def parts_of(facts: DispatchFacts) -> tuple[list[DelayPart], float]:
    """The parts of the delay that can be told from each other, and all of it, in milliseconds."""
    joining = facts.probe_event(ProbeJoining)
    if facts.latency_ms is not None:
        total_ms = facts.latency_ms
    else:
        assert joining is not None, "only one that set out too late has no latency"
        assert facts.made_ns is not None, "nor was it too late for no room"
        total_ms = (joining.mono_ns - facts.made_ns) / 1e6
    if facts.on_probe:
        return _parts_on_probe(facts, total_ms), total_ms
    asked_ms = facts.stages_ms.get("job_started")
    if asked_ms is None or not 0 <= asked_ms <= total_ms:
        return [DelayPart(WORKER, total_ms, (Cause.SLOW_PLATFORM, Cause.SLOW_ANSWER, Cause.SLOW_JOIN))], total_ms
    worker = DelayPart(WORKER, total_ms - asked_ms, (Cause.SLOW_JOIN, Cause.SLOW_ANSWER))
    return [DelayPart(PLATFORM, asked_ms, (Cause.SLOW_PLATFORM,)), worker], total_ms


def _parts_on_probe(facts: DispatchFacts, total_ms: float) -> list[DelayPart]:
    """By this machine's clock: what the probe did itself is known exactly, the rest is the platform's."""
    offered, accepted = facts.probe_event(JobOffered), facts.probe_event(JobAccepted)
    assigned = facts.probe_event(JobAssigned)
    if offered is None or accepted is None:
        return [DelayPart(WORKER, total_ms, (Cause.SLOW_PLATFORM, Cause.SLOW_ANSWER, Cause.SLOW_JOIN))]
    seen = (e for e in (facts.agent_seen, facts.probe_event(ProbeJoined)) if e is not None)
    joined_ns = min((e.mono_ns for e in seen), default=None) if facts.latency_ms is not None else None
    joining = facts.probe_event(ProbeJoining)
    if joined_ns is None and joining is not None:
        joined_ns = joining.mono_ns
    from_ns = (assigned or accepted).mono_ns
    answer_ms = (accepted.mono_ns - offered.mono_ns) / 1e6
    join_ms = 0.0 if joined_ns is None else max(0.0, (joined_ns - from_ns) / 1e6)
    return [
        DelayPart(PLATFORM, max(0.0, total_ms - answer_ms - join_ms), (Cause.SLOW_PLATFORM,)),
        DelayPart(ANSWER, answer_ms, (Cause.SLOW_ANSWER,)),
        DelayPart(JOIN, join_ms, (Cause.SLOW_JOIN,)),
    ]


def _to_blame(parts: list[DelayPart], late_by_ms: float) -> list[DelayPart]:
    """The longest; with it as many more as the delay needs, and each without whose excess it would not have been."""
    named: list[DelayPart] = []
    for part in sorted(parts, key=lambda part: part.ms, reverse=True):
        if not named or late_by_ms - sum(p.excess_ms for p in named) > 0 or part.excess_ms >= late_by_ms:
            named.append(part)
    return named


def _besides(trial: TrialInRun, causes: list[Cause], told: list[str], tell: list[str]) -> list[Cause]:
    """What else fits somebody else's worker; what was seen of it, and what would tell."""
    facts, found = trial.facts, []
    if Cause.SLOW_PLATFORM in causes:
        found.append(Cause.NO_WORKER)  # livekit#4487: none existed until then
        tell.append("'registered worker' in its log: since when there was one")
    if trial.context.is_cold(trial) and trial.context.some_warm_delivered:
        found.append(Cause.COLD_START)
        told.append("it came after an idle gap, or first of all; others of this run were in time")
        tell.append(f"more trials with and without a gap before them (see {COLD})")
    slept = [quoted(line) for line in log_lines(facts.timeline, "no-idle-process")]
    if slept and Cause.COLD_START not in found:
        found.append(Cause.COLD_START)
    told += slept
    if trial.context.is_odd_one(trial):
        found.append(Cause.FOREIGN_WORKER)
        told.append(f"worker {worker_of_job(facts)} took it, and took none of the others")
    return found
