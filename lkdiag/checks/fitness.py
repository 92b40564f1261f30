"""Was lkdiag fit to judge this trial? Its own faults must never become somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lkdiag.checks.facts import DispatchFacts

STALL_SHARE_MAX = 0.1
"""A loss is not judged when lkdiag stood still for more than this share of the timeout."""
LEFT_THE_ROOM = "agent worker left the room"
"""What the server writes into a job whose agent has left (livekit-server pkg/agent/worker.go, TerminateJob)."""


def unfit_to_judge_presence(facts: DispatchFacts) -> str | None:
    """Why a trial whose agent joined can't be judged; None when it can."""
    latency_ms = facts.latency_ms
    if latency_ms is None or latency_ms <= facts.run.scenario.delayed_after_s * 1000:
        return None
    if facts.on_probe and latency_ms - facts.stalled_ms <= facts.run.scenario.delayed_after_s * 1000:
        return (
            f"the agent was {latency_ms / 1000:.2f} s late, but lkdiag, which plays the agent, stood still for "
            f"{facts.stalled_ms / 1000:.2f} s of it"
        )
    if facts.probe_was_lost and facts.on_probe:
        return "the agent came late, but lkdiag's worker had lost its connection to the server in between"
    return None


def unfit_to_judge_absence(facts: DispatchFacts) -> str | None:
    """Why a trial whose agent was not seen in time can't be judged; None when it can."""
    return _badly_watched(facts) or _came_and_went(facts) or _own_worker(facts)


def _badly_watched(facts: DispatchFacts) -> str | None:
    if facts.opened_ns is None:
        return "the room's creation was not seen"
    deadline_ns = facts.opened_ns + int(facts.run.scenario.timeout_s * 1e9)
    for what in ("participants", "dispatches"):
        if not facts.looked_since(what, deadline_ns):
            return f"no look at the room's {what} was answered at the end of the timeout"
    if _room_vanished(facts):
        return "the room was gone before lkdiag closed it: somebody or something else deleted it"
    return None


def _room_vanished(facts: DispatchFacts) -> bool:
    """The deletion of a room that is there is never answered with `not_found`."""
    return any(
        e.data["method"] == "DeleteRoom" and e.data.get("code") == "not_found" for e in facts.timeline.of("api.called")
    )


def _came_and_went(facts: DispatchFacts) -> str | None:
    """An agent that was there between two looks was not lost."""
    if facts.agent is not None:
        return None
    for job in facts.jobs:
        if job.get("error") == LEFT_THE_ROOM:
            return f"the agent of job {job['job_id']} came and left between two looks: {LEFT_THE_ROOM!r}"
        lasted_ms = (job.get("ended_at_ns", 0) - job.get("started_at_ns", 0)) / 1e6
        if "ended_at_ns" in job and lasted_ms <= facts.longest_gap_ms:
            return (
                f"job {job['job_id']} ended {lasted_ms:.0f} ms after it began, within the {facts.longest_gap_ms:.0f} "
                "ms between two looks: its agent may have been there"
            )
    return None


def _own_worker(facts: DispatchFacts) -> str | None:
    if not facts.on_probe:
        return None
    if facts.probe_was_lost:
        return "lkdiag's worker lost its connection to the server during the trial"
    if facts.run.probe_crashes and any(
        facts.started.mono_ns <= crash.mono_ns <= facts.closing_began_ns for crash in facts.run.probe_crashes
    ):
        return "lkdiag's worker failed by itself"
    failed = facts.probe_event("probe.join_failed")
    if failed is not None:
        return f"lkdiag's agent was given the job, but could not join from here: {failed.data['error']}"
    if facts.probe_event("job.answer_lost") is not None:
        return "lkdiag's worker could not send its answer to the offer"
    if facts.probe_event("probe.joining") is not None and facts.probe_event("probe.joined") is None:
        return "lkdiag's agent was still on its way into the room when the time was up"
    if facts.stalled_ms > facts.run.scenario.timeout_s * 1000 * STALL_SHARE_MAX:
        return f"lkdiag stood still for {facts.stalled_ms / 1000:.1f} s during the trial"
    return None
