"""Was lkdiag fit to judge this trial? Its own faults must never become somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CallFailure
from lkdiag.facts.dispatch_timing import POLLS
from lkdiag.facts.host_load import (
    AWAITED,
    held_up_answer,
    held_up_dispatch,
    late_ms,
    own_part_ms,
)
from lkdiag.facts.observation import (
    LISTING_LAG_S,
    caller_ready_ms,
    longest_gap_ms,
    longest_unseen_stay_ms,
    missed_word,
    polled_since,
    probe_was_lost,
    quickest_poll_ms,
    stalled_ms,
)
from lkdiag.journal.attribution import was_declined
from lkdiag.journal.participant_kinds import ProbeJoined, ProbeJoinFailed, ProbeJoining
from lkdiag.journal.trial_kinds import (
    ApiCalled,
    DispatchCreated,
    ObservationEnded,
    RoomDoubtful,
    RoomReplaced,
    RoomUnconfirmed,
)
from lkdiag.journal.worker_kinds import JobAccepted, JobAnswerLost

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts, ProbeJob
    from lkdiag.journal.event import Event

STALL_SHARE_MAX = 0.2
"""A loss is not judged when lkdiag stood still for more than this share of the timeout. Up to its joining, of which
nothing is judged that was under way, all that an honest probe does takes milliseconds."""
STALL_MAX_MS = 2000.0
"""Nor when it was by more than that: the server waits for the answer to an offer for about 2.8 s."""
GAP_MAX_MS = 2000.0
"""A room that was out of sight for longer is not known: an agent with a job may have come and gone. Looks are at most
0.5 s apart, and the time that two answers take."""
SERVER_CLOCKS_MAX_MS = 1000.0
"""By how much the server's times may contradict what was seen; old servers give whole seconds (joined_at)."""
SLOW_SHARE_MAX = 0.3
"""Nor when its loop, in many small lags, was late for more than that of the trial."""
LEFT_THE_ROOM = "agent worker left the room"
"""What the server writes into a job whose agent has left (livekit-server pkg/agent/worker.go, TerminateJob). The
open-source one (v1.13.5, measured) does not list it: there the job stays JS_RUNNING."""
FIRST_JOB_NS = 150_000_000
"""No agent comes sooner after the dispatch: the server gathers the answers of workers for 0.2 s (psrpc)."""
STAY_MS = 150.0
"""A stay in the room that can't be told from none. An agent of the SDKs' is listed when its signalling is connected;
its media take 0.06 to 0.15 s from there on a loopback network (measured), and longer elsewhere: one that crashes as
soon as it is connected has been listed for as long."""
STAY_HERE_MS = 50.0
"""The same on a server of this machine, where looks cost less, and agents are nearer."""
NEAR_MS = 10.0
"""A loopback address behind which the quickest look takes longer is the end of a tunnel."""


# -- somebody came ----------------------------------------------------------------------------------------------------


def unfit_to_judge_presence(facts: DispatchFacts) -> str | None:
    """Why a trial whose agent joined can't be judged; None when it can."""
    return (
        _room_changed(facts)
        or _whose(facts)
        or _clocks_contradict(facts)
        or _was_there_before(facts)
        or _own_delay(facts)
    )


def _room_changed(facts: DispatchFacts) -> str | None:
    """Somebody else has deleted the room before the watch for the agent ended: what was seen is of two rooms."""
    ended = facts.timeline.first(ObservationEnded)
    for event in facts.timeline.of(RoomDoubtful):
        if ended is not None and event.seq > ended.seq:
            return None
        row = event.row
        room = f"room {row.room}"
        if isinstance(row, RoomUnconfirmed):
            agent = facts.agent
            if agent is not None and agent["identity"] in facts.own_identities:
                return None  # the job that brought it is that of the dispatch which was made here
            return f"the server did not say whether {room} is still the one that was made: {row.error}"
        now_sid = row.now_sid if isinstance(row, RoomReplaced) else None
        became = f"another one has its name now ({now_sid})" if now_sid else "there is none of that name now"
        return f"{room} ({row.sid}) was deleted during the trial, not by lkdiag: {became}"
    return None


def _whose(facts: DispatchFacts) -> str | None:
    """An agent without a listed job may be another dispatch's: one for the same name, or on a server without names."""
    agent, seen = facts.agent, facts.agent_seen
    if agent is None or seen is None or agent["identity"] in facts.own_identities:
        return None
    listed = [item for listing in facts.listings for item in listing.row.dispatches]
    rivals = [
        item
        for item in listed
        if item["dispatch_id"] != facts.dispatch_id
        and ("agent_name" not in agent or item["agent_name"] == facts.agent_name)
    ]
    if not rivals or polled_since(facts, "dispatches", seen.mono_ns, LISTING_LAG_S):
        return None
    return f"agent {agent['identity']!r} is there, and listDispatch does not tell yet which dispatch brought it"


def seen_within_ms(facts: DispatchFacts) -> float | None:
    """From asking for the room until the agent was seen, by this machine: the latency can't be more than that."""
    if facts.opened_ns is None or facts.agent_seen is None:
        return None
    slept_ms = stalled_ms(facts, facts.agent_seen.mono_ns)
    return (facts.agent_seen.mono_ns - facts.opened_ns) / 1e6 + slept_ms


def _clocks_contradict(facts: DispatchFacts) -> str | None:
    """The nodes of a server each have their clock, and a clock may be set in the middle of a trial."""
    latency_ms, seen_ms = facts.latency_ms, seen_within_ms(facts)
    if seen_ms is None:
        return "the room's creation was not seen"
    if latency_ms is None:
        if seen_ms <= facts.run.settings.delayed_after_s * 1000:
            return None
        return "the server does not say when the room was created, and the agent was not seen at once"
    if -SERVER_CLOCKS_MAX_MS <= latency_ms <= seen_ms + SERVER_CLOCKS_MAX_MS:
        return None
    return (
        f"the server's clocks contradict each other: by them the agent joined {latency_ms / 1000:.2f} s after the "
        f"room's creation, and it was seen {seen_ms / 1000:.2f} s after the room was asked for"
    )


def _was_there_before(facts: DispatchFacts) -> str | None:
    """An agent that was seen late may have come earlier, left and come back: its first coming was not seen."""
    if not _is_late(facts, facts.latency_ms):
        return None
    if any(job.get("error") == LEFT_THE_ROOM for job in facts.jobs) and facts.agent_left is None:
        return f"the agent is there, and its job says {LEFT_THE_ROOM!r}: it may have been there before it was seen"
    first = facts.probe_event(ProbeJoined)
    if first is not None and facts.agent is not None and first.row.sid != facts.agent["sid"]:
        return "lkdiag's agent had been in the room before, and no look showed it"
    return _out_of_sight(facts)


def _own_delay(facts: DispatchFacts) -> str | None:
    """Where the agent, or a caller that the job waits for, is lkdiag's own, lkdiag may have caused the whole delay."""
    latency_ms = facts.latency_ms
    if latency_ms is None or not _is_late(facts, latency_ms) or facts.agent_seen is None:
        return None
    if facts.on_probe:
        stood_ms = stalled_ms(facts, facts.agent_seen.mono_ns)
        if stood_ms and _differs(facts, stood_ms):
            return (
                f"the agent was {latency_ms / 1000:.2f} s late, but lkdiag, which plays the agent, stood still for "
                f"{stood_ms / 1000:.2f} s of it"
            )
        own_ms = own_part_ms(facts)
        if own_ms and _differs(facts, own_ms):
            return (
                f"the agent came after {latency_ms / 1000:.2f} s, but up to {min(own_ms, latency_ms) / 1000:.2f} s of "
                "it may be this machine's, on which lkdiag plays the agent: its processors were taken"
            )
        if probe_was_lost(facts):
            return "the agent came late, but lkdiag's worker had lost its connection to the server in between"
    elif (own_ms := own_part_ms(facts)) and _differs(facts, own_ms):
        return (
            f"the agent came after {latency_ms / 1000:.2f} s, but for {own_ms / 1000:.2f} s of it the processors of "
            "this machine, which the server shares, were taken"
        )
    made_ms = _dispatch_call_ms(facts)
    if made_ms and _differs(facts, made_ms):
        return f"the agent came late, but lkdiag's createDispatch took {made_ms / 1000:.2f} s of it"
    waits_for_caller = facts.job is None or facts.job.get("type") in AWAITED
    caller_ms = caller_ready_ms(facts)
    if waits_for_caller and caller_ms and _differs(facts, caller_ms):
        return f"the agent came late, but lkdiag's caller, for whom its job may wait, took {caller_ms / 1000:.2f} s"
    return None


def _dispatch_call_ms(facts: DispatchFacts) -> float | None:
    """How long after the room's creation lkdiag's own createDispatch for the dispatch under test was answered."""
    if facts.room is None or facts.room_existed or facts.timeline.first(DispatchCreated) is None:
        return None
    call = next(iter(facts.calls("CreateDispatch")), None)
    return None if call is None else (call.mono_ns - facts.room.mono_ns) / 1e6


def _is_late(facts: DispatchFacts, latency_ms: float | None) -> bool:
    return latency_ms is not None and _class(facts, latency_ms) > 0


def _differs(facts: DispatchFacts, own_ms: float) -> bool:
    """Whether the verdict would be another one, had lkdiag not taken that time itself."""
    assert facts.latency_ms is not None
    return _class(facts, facts.latency_ms - own_ms) != _class(facts, facts.latency_ms)


def _class(facts: DispatchFacts, latency_ms: float) -> int:
    """0 in time, 1 late, 2 lost."""
    settings = facts.run.settings
    return (latency_ms > settings.delayed_after_s * 1000) + (latency_ms > settings.timeout_s * 1000)


# -- nobody was seen --------------------------------------------------------------------------------------------------


def unfit_to_judge_absence(facts: DispatchFacts) -> str | None:
    """Why a trial whose agent was not seen can't be judged; None when it can."""
    return (
        _badly_watched(facts)
        or _room_changed(facts)
        or _came_and_went(facts)
        or _own_caller(facts)
        or own_worker_missed(facts, facts.probe_job)
    )


def _badly_watched(facts: DispatchFacts) -> str | None:
    if facts.opened_ns is None:
        return "the room's creation was not seen"
    ended = facts.timeline.first(ObservationEnded)
    if ended is not None and ended.mono_ns > facts.closing_began_ns:
        return "the scenario deleted the room before its watch had ended"
    for what in ("participants", "dispatches"):
        if not polled_since(facts, what, facts.opened_ns, facts.run.settings.timeout_s):
            return f"no look at the room's {what} was answered at the end of the timeout{_why_unanswered(facts)}"
    if room_vanished(facts):
        return "the room was gone before lkdiag closed it: somebody or something else deleted it"
    if facts.dispatch_vanished:
        return "the dispatch was gone from listDispatch before the end: somebody deleted it, or made the room anew"
    return _doubtful(facts)


def _why_unanswered(facts: DispatchFacts) -> str:
    failed = [e for e in facts.timeline.of(ApiCalled) if e.row.failure is not None]
    throttled = sum(e.row.failure == CallFailure.THROTTLED for e in failed)
    if throttled:
        return f": the server refused {throttled} of lkdiag's calls as too many (HTTP 429)"
    looks = [e for e in failed if e.row.method in POLLS.values() and e.mono_ns <= facts.closing_began_ns]
    return f": {looks[-1].row.method} failed: {looks[-1].row.error}" if looks else ""


def _doubtful(facts: DispatchFacts) -> str | None:
    """An agent of that name that may be the one, or another dispatch's."""
    for join in facts.doubtful_joins:
        if facts.joined_before(join):
            return (
                f"agent {join.row.identity!r} is in the room since before it was created: left from an earlier "
                "one, or two of the server's clocks disagree"
            )
        in_time = facts.origin_ms is None or (
            join.row.joined_at_ms - facts.origin_ms <= facts.run.settings.timeout_s * 1000
        )
        if facts.retries and in_time:
            return f"agent {join.row.identity!r} came after the retry, and no listed job tells for which dispatch"
    return None


def began_to_join_too_late(job: ProbeJob) -> bool:
    """The probe's agent set out only when the time was up already: whatever became of it then, it was not in time."""
    joining = job.event(ProbeJoining)
    if joining is None or job.made_ns is None:
        return False
    return joining.mono_ns > job.made_ns + job.timeout_s * 1e9


def room_vanished(facts: DispatchFacts) -> bool:
    """The deletion of a room that is there is never answered with `not_found`.

    A second one is, when the first was carried out and its answer lost.
    """
    deletion = next(iter(facts.calls("DeleteRoom")), None)
    return deletion is not None and deletion.row.code == "not_found"


def _came_and_went(facts: DispatchFacts) -> str | None:
    """An agent that was there between two looks was not lost."""
    joined = facts.probe_event(ProbeJoined)
    if joined is not None and not began_to_join_too_late(facts.probe_job):
        return f"lkdiag's agent was in the room (as {joined.row.sid}), and no look at the participants shows it"
    for job in facts.jobs:
        if was_declined(job):
            continue  # its agent was never sent for
        if job.get("error") == LEFT_THE_ROOM:
            return f"the agent of job {job['job_id']} came and left between two looks: {LEFT_THE_ROOM!r}"
        lasted_ms = (job.get("ended_at_ns", 0) - job.get("started_at_ns", 0)) / 1e6
        if "ended_at_ns" in job and lasted_ms <= longest_gap_ms(facts):
            return (
                f"job {job['job_id']} ended {lasted_ms:.0f} ms after it began, within the {longest_gap_ms(facts):.0f} "
                "ms between two looks: its agent may have been there"
            )
    return _out_of_sight(facts) or missed_stay(facts)


def _only_looks_tell(facts: DispatchFacts) -> bool:
    """Of an agent with a job: the probe itself knows whether it was there; of anybody else webhooks may tell.

    A job of a dispatch without a name may be taken by another worker than the probe.
    """
    accepted = {event.row.job_id for event in facts.timeline.of(JobAccepted)}
    foreign = [job for job in facts.jobs if not was_declined(job) and job["job_id"] not in accepted]
    return bool(foreign) and not facts.webhooks_are_whole


def _out_of_sight(facts: DispatchFacts) -> str | None:
    if not _only_looks_tell(facts) or longest_gap_ms(facts) <= GAP_MAX_MS:
        return None
    return (
        f"the room was out of sight for {longest_gap_ms(facts) / 1000:.1f} s (failed or slow calls), and the dispatch "
        "has a job: its agent may have come and gone meanwhile"
    )


def missed_stay(facts: DispatchFacts) -> str | None:
    """Why an agent that stayed for a moment may have been missed, in words; None where it can't."""
    if not _only_looks_tell(facts):
        return None
    stay_ms = missed_stay_ms(facts, facts.opened_ns, facts.job_listed)
    if stay_ms is None:
        return None
    return (
        f"a worker took the job, and no look at the participants shows its agent; but one that stayed for less than "
        f"{stay_ms:.0f} ms may have come and gone between two looks"
    )


def missed_stay_ms(facts: DispatchFacts, asked_ns: int | None, listed: Event | None) -> float | None:
    """How long an agent may have stayed unseen when it was most likely to come, if that is too long; else None.

    That is for `--delayed-after` since the dispatch was asked for, and since its job was first listed.
    """
    if asked_ns is None or not facts.is_close:
        return None
    for_ns = int(facts.run.settings.delayed_after_s * 1e9)
    beginnings = [asked_ns + FIRST_JOB_NS] + ([] if listed is None else [listed.mono_ns])
    stay_ms = max(longest_unseen_stay_ms(facts, began_ns, began_ns + for_ns) for began_ns in beginnings)
    near = facts.run.shares_machine and quickest_poll_ms(facts) < NEAR_MS
    return stay_ms if stay_ms > (STAY_HERE_MS if near else STAY_MS) else None


def _own_caller(facts: DispatchFacts) -> str | None:
    """A job of type participant or publisher begins only with lkdiag's caller."""
    caller_ms = caller_ready_ms(facts)
    if facts.jobs or caller_ms is None or caller_ms <= facts.run.settings.timeout_s * 1000 / 2:
        return None
    return f"lkdiag's caller, for whom the job may wait, was there only after {caller_ms / 1000:.1f} s"


def own_worker_missed(facts: DispatchFacts, job: ProbeJob) -> str | None:
    """Why lkdiag, and not the server, may have cost the agent of a dispatch that calls lkdiag's own worker."""
    if not facts.on_probe:
        return None
    if probe_was_lost(facts):
        return "lkdiag's worker lost its connection to the server during the trial"
    if any(facts.began_ns <= at <= facts.closing_began_ns for at in facts.run.probe_crashed_ns):
        return "lkdiag's worker failed by itself"
    if job.event(JobAnswerLost) is not None:
        return "lkdiag's worker could not send its answer to the offer"
    if job.event(ProbeJoining) is not None and not began_to_join_too_late(job):
        failed = job.event(ProbeJoinFailed)
        if failed is not None:
            return f"lkdiag's agent was given the job, but could not join from here: {failed.row.error}"
        return "lkdiag's agent was still on its way into the room when the time was up"
    stood_ms = stalled_ms(facts)
    if stood_ms > min(job.timeout_s * 1000 * STALL_SHARE_MAX, STALL_MAX_MS):
        return f"lkdiag stood still for {stood_ms / 1000:.1f} s during the trial"
    lasted_ms = max(1.0, (facts.closing_began_ns - facts.began_ns) / 1e6)
    slow_share = late_ms(facts, facts.began_ns, facts.closing_began_ns) / lasted_ms
    if slow_share > SLOW_SHARE_MAX:
        return f"lkdiag's event loop came late for {100 * slow_share:.0f} % of the trial"
    return missed_word(facts, job) or held_up_answer(facts, job) or held_up_dispatch(facts, job)
