"""How well a trial was watched: the looks that were answered, and when lkdiag itself stood still or was deaf."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lkdiag.journal.participant_kinds import CallerJoined, CallerTrackPublished
from lkdiag.journal.worker_kinds import JobAccepted

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts, ProbeJob

LISTING_LAG_S = 5.0
"""How late a job may be listed: after workers (re)registered, and when its 60 s cache runs out, livekit-server v1.13.5
lists it only when its search for workers ends (pkg/agent/client.go, CheckEnabledTimeout)."""
ASSIGNED_WITHIN_S = 0.5
"""A worker that accepts is given the job at once, or never (livekit-server v1.13.5 pkg/agent/worker.go, AssignJob);
this is well after."""
TOO_SOON_MS = 1000.0
"""Less than that before the room was closed, the next word may still have been on its way."""


def polled_since(facts: DispatchFacts, what: str, mono_ns: int, after_s: float = 0.0) -> bool:
    """Whether such a look began `after_s` after that time or later, and was answered."""
    since_ns = mono_ns + int(after_s * 1e9)
    return any(e.row.began_mono_ns >= since_ns for e in reversed(facts.polls(what)))


def listing_is_due(facts: DispatchFacts) -> bool:
    """Whether listDispatch was asked so late that a job of the dispatch would have to be in its answer."""
    return facts.made_ns is not None and polled_since(facts, "dispatches", facts.made_ns, LISTING_LAG_S)


def longest_gap_ms(facts: DispatchFacts) -> float:
    """The longest time between two answered looks at the participants: who came and left within it was not seen."""
    edges = [] if facts.opened_ns is None else [facts.opened_ns]
    edges += [e.mono_ns for e in facts.polls("participants")]
    return max((after - before for before, after in pairwise(edges)), default=0) / 1e6


def quickest_poll_ms(facts: DispatchFacts) -> float:
    """How long the quickest answered look at the participants took; 0 without any."""
    return min((float(e.row.duration_ms) for e in facts.polls("participants")), default=0.0)


def longest_unseen_stay_ms(facts: DispatchFacts, from_ns: int, to_ns: int) -> float:
    """How long an agent may have stayed between these times, at most, without any look at the participants showing it.

    A look shows the room as it was at some moment between question and answer; not right at either end, as the way
    there and back takes time. That is taken for what the quickest look took, half of it each way.
    """
    seen = facts.polls("participants")
    way_ns = int(quickest_poll_ms(facts) * 1e6 / 2)
    since_ns, longest_ns = from_ns, 0
    for look in seen:
        began_ns = look.row.began_mono_ns
        latest_ns = began_ns + int(look.row.duration_ms * 1e6) - way_ns
        if latest_ns <= since_ns:
            continue
        longest_ns = max(longest_ns, min(latest_ns, to_ns) - since_ns)
        since_ns = max(since_ns, began_ns + way_ns)
        if since_ns >= to_ns:
            break
    return max(longest_ns, to_ns - since_ns) / 1e6


def stalled_ms(facts: DispatchFacts, until_ns: int | None = None, since_ns: int | None = None) -> float:
    """For how long, in all, lkdiag itself stood still between two times: by default the trial's own."""
    end_ns = facts.closing_began_ns if until_ns is None else until_ns
    start_ns = facts.began_ns if since_ns is None else since_ns
    return facts.run.stood_still.late_ms(start_ns, end_ns)


def probe_was_lost(facts: DispatchFacts) -> bool:
    """Whether the probe noticed the loss of its socket during the trial."""
    return any(facts.began_ns <= at <= facts.closing_began_ns for at in facts.run.disconnected_ns)


def missed_word(facts: DispatchFacts, job: ProbeJob) -> str | None:
    """Why the server's next word to the probe about a job, an offer or an assignment, may have been lost or under way.

    None where no word is awaited, or none can have been lost.
    """
    accepted = job.event(JobAccepted)
    if job.made_ns is None or not job.awaits_word:
        return None
    if accepted is None:
        # an offer may come at any time until the agent is not waited for any more
        since_ns = job.made_ns + int(job.timeout_s * 1e9)
    elif facts.closing_began_ns - accepted.mono_ns < TOO_SOON_MS * 1e6:
        return "lkdiag's worker took the job just before the end: the assignment may have been on its way"
    else:
        since_ns = accepted.mono_ns + int(ASSIGNED_WITHIN_S * 1e9)
    if _heard_nothing(facts, since_ns):
        return "lkdiag's worker heard nothing more from the server: its connection may have been dead"
    return None


def _heard_nothing(facts: DispatchFacts, since_ns: int) -> bool:
    """Whether nothing came from then on over the socket that the probe had during the trial; False without a probe.

    A dead one is noticed up to 15 s late. What arrives on it when the time is up, or later, proves that nothing was
    lost before: lkdiag pings the server then.
    """
    if facts.run.heard_ns is None:
        return False
    lost_ns = min((at for at in facts.run.disconnected_ns if at >= facts.began_ns), default=None)
    heard_ns = facts.run.heard_ns.first_after(since_ns)
    return heard_ns is None or (lost_ns is not None and heard_ns >= lost_ns)


def caller_ready_ms(facts: DispatchFacts) -> float | None:
    """How long after the room was asked for lkdiag's caller was in it (or published); None without a caller."""
    if facts.opened_ns is None or facts.started.row.caller not in ("join", "publish"):
        return None  # one that a step lets join is late on purpose
    kind = CallerTrackPublished if facts.started.row.caller == "publish" else CallerJoined
    ready = facts.timeline.first(kind)
    return None if ready is None else (ready.mono_ns - facts.opened_ns) / 1e6
