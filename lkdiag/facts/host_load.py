"""How far lkdiag's own machine may be the reason for a delay or a loss: late event loop, processors that were taken.

A late loop holds up whatever lkdiag does itself. Processors that are taken hold up, without the loop being late, the
threads in which its agent joins (livekit-ffi), and a server that shares the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.facts.observation import stalled_ms
from lkdiag.journal.participant_kinds import Joined, Joining, OwnParticipant, ProbeJoining, TrackPublished
from lkdiag.journal.worker_kinds import JobAccepted, JobAssigned, JobOffered

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts, ProbeJob
    from lkdiag.journal.event import Event

WHOLE_FROM_MS = 200.0
"""A step that was held up for so long may have run into a time limit of its own (a join attempt's is 5 s, an offer's
2.8 s): how long it would have taken otherwise is not known."""
DISPATCHING_NS = 5_000_000_000
"""Within that time of the room's creation the server looks for a worker, if ever (livekit-server v1.13.5
pkg/agent/client.go, CheckEnabledTimeout)."""
LOST_BUSY_MS = 2500.0
"""Half of it: a server that had no processor for so long while it looked for a worker may have lost the job for that.
Measured with 40 other busy processes: jobs were up to 9 s late, and none was lost."""
AWAITED: dict[str, type[OwnParticipant]] = {"JT_PARTICIPANT": Joined, "JT_PUBLISHER": TrackPublished}
"""What a job of that type waits for (livekit-server v1.13.5 pkg/rtc/room.go, launchTargetAgents): a room's job is the
only one that is there as soon as the room is."""
ANSWER_LATE_MS = 1000.0
"""The server waits for the answer to an offer for about 2.8 s. A yes that came later than that, by a loop that was late
for more than a third of it, may be lkdiag's own; with its loop in time, it is the behaviour that was asked for."""


def late_ms(facts: DispatchFacts, from_ns: int, to_ns: int) -> float:
    """By how much lkdiag's loop came late in all between these times, small lags and stalls."""
    small = sum(sample.late_ms(from_ns, to_ns) for sample in facts.run.load.during(from_ns, to_ns))
    return small + stalled_ms(facts, to_ns, from_ns)


def busy_ms(facts: DispatchFacts, from_ns: int, to_ns: int) -> float:
    """For how long the processors were taken between these times."""
    return sum(
        min(sample.busy_ms, (min(to_ns, sample.ended_ns) - max(from_ns, sample.began_ns)) / 1e6)
        for sample in facts.run.load.during(from_ns, to_ns)
    )


# -- an agent that came late ------------------------------------------------------------------------------------------


def own_part_ms(facts: DispatchFacts) -> float:
    """How much of the time until the agent had joined may be lkdiag's own, or its machine's. Never too little."""
    seen, opened_ns = facts.agent_seen, facts.opened_ns
    if seen is None or opened_ns is None:
        return 0.0
    if not facts.on_probe:
        return busy_ms(facts, opened_ns, seen.mono_ns) if facts.run.shares_machine else 0.0
    # Its answer to an offer, and what it does between an assignment and its joining, go by in the loop: whatever it
    # waits there without a late loop it waits on purpose. The rest is the server's, but for the join itself.
    own_ms, at_ns = _awaited_part_ms(facts, opened_ns)
    servers = facts.run.shares_machine
    steps = ((JobOffered, servers), (JobAccepted, False), (JobAssigned, servers), (ProbeJoining, False))
    for kind, by_load in steps:
        event = facts.probe_event(kind)
        if event is not None:
            own_ms += _held_up_ms(facts, at_ns, event.mono_ns, by_load=by_load)
            at_ns = max(at_ns, event.mono_ns)
    joins = facts.probe_event(ProbeJoining) is not None
    return own_ms + _held_up_ms(facts, at_ns, _joined_ns(facts, seen), by_load=joins or servers, join=joins)


def _awaited_part_ms(facts: DispatchFacts, opened_ns: int) -> tuple[float, int]:
    """What lkdiag's participant took whose joining or track the job waits for, and when that had come.

    Until that participant set out, at a time that the scenario chose, the server had nothing to do that a load delays.
    """
    what = None if facts.job is None else AWAITED.get(str(facts.job.get("type")))
    if what is None:
        return 0.0, opened_ns
    joinings = [(type(event.row).WHO, event) for event in facts.timeline if isinstance(event.row, Joining)]
    set_out = {who: event for who, event in reversed(joinings) if who != "probe"}
    come = facts.timeline.first(*(what.for_who(who) for who in set_out))
    if come is None or come.mono_ns <= opened_ns:
        return 0.0, opened_ns
    out_ns = max(opened_ns, set_out[type(come.row).WHO].mono_ns)
    own_ms = _held_up_ms(facts, opened_ns, out_ns, by_load=False)
    return own_ms + _held_up_ms(facts, out_ns, come.mono_ns, by_load=True, join=True), come.mono_ns


def _held_up_ms(facts: DispatchFacts, from_ns: int, to_ns: int, *, by_load: bool, join: bool = False) -> float:
    """How much of a step may have been lost. A stopped lkdiag breaks off its own join, not what the server does."""
    lasted_ms = (to_ns - from_ns) / 1e6
    if lasted_ms <= 0:
        return 0.0
    lag_ms = late_ms(facts, from_ns, to_ns)
    taken_ms = busy_ms(facts, from_ns, to_ns) if by_load else 0.0
    if taken_ms >= WHOLE_FROM_MS or (join and lag_ms >= WHOLE_FROM_MS):
        return lasted_ms
    return min(lasted_ms, lag_ms + taken_ms)


def _joined_ns(facts: DispatchFacts, seen: Event) -> int:
    """When the agent had joined, on this machine's clock: by the server's word, or at the latest when it was seen."""
    if facts.clock is None or facts.agent is None:
        return seen.mono_ns
    joined_ms = float(facts.agent["joined_at_ms"]) - facts.clock.offset_ms + facts.clock.error_ms
    return min(seen.mono_ns, int(joined_ms * 1e6))


# -- one that was not seen --------------------------------------------------------------------------------------------


def held_up_dispatch(facts: DispatchFacts, job: ProbeJob) -> str | None:
    """Why the load of this machine may have cost the job, before the probe was offered it or after it had accepted."""
    if job.asked_ns is None or not facts.run.shares_machine or not job.awaits_word:
        return None
    accepted = job.event(JobAccepted)
    from_ns = job.asked_ns if accepted is None else accepted.mono_ns
    taken_ms = busy_ms(facts, from_ns, from_ns + DISPATCHING_NS)
    if taken_ms < LOST_BUSY_MS:
        return None
    return (
        f"this machine, which the server shares, had no processor free for {taken_ms / 1000:.1f} s while the server "
        "looked for a worker"
    )


def held_up_answer(facts: DispatchFacts, job: ProbeJob) -> str | None:
    """Why a yes of the probe's that brought no assignment may have come too late by lkdiag's own fault."""
    accepted = job.event(JobAccepted)
    if accepted is None or job.asked_ns is None or not job.awaits_word:
        return None
    lag_ms = late_ms(facts, job.asked_ns, accepted.mono_ns)
    if lag_ms < ANSWER_LATE_MS:
        return None
    return (
        f"lkdiag's event loop came late for {lag_ms / 1000:.1f} s until its worker had taken the job: the server waits "
        "for that answer for no more than 2.8 s"
    )
