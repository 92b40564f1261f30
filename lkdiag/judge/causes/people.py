"""F17: a worker of type participant or publisher gets a job only when somebody is in the room, or publishes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Cause, Outcome
from lkdiag.journal.participant_kinds import (
    CallerDisconnected,
    CallerJoined,
    CallerTrackPublished,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
)
from lkdiag.journal.trial_kinds import RoomDeleted
from lkdiag.journal.worker_kinds import JobOffered
from lkdiag.judge.causes.diagnosis import WORDS, Diagnosis

if TYPE_CHECKING:
    from lkdiag.facts.dispatch import DispatchFacts
    from lkdiag.journal.event import Event
    from lkdiag.journal.row import Row
    from lkdiag.judge.context import TrialInRun

REFERENCE = "https://docs.livekit.io/agents/server/options/#server-type"
TYPES = {"JT_PARTICIPANT": Cause.WAITS_FOR_PARTICIPANT, "JT_PUBLISHER": Cause.WAITS_FOR_TRACK}
OF_PROBE = {"participant": Cause.WAITS_FOR_PARTICIPANT, "publisher": Cause.WAITS_FOR_TRACK}
SOON_MS = 1500.0
"""A worker is asked 0.2 s after the one whom it serves is there; this leaves room for a look, and for a busy server."""
JOINS: tuple[type[Row], ...] = (CallerJoined, ParticipantJoined)


def in_room(facts: DispatchFacts) -> Event | None:
    """The first sign of an ordinary participant in the room."""
    seen = (e for e in facts.story.of(*JOINS) if not _gone_before(facts, e))
    return min(seen, key=lambda event: event.mono_ns, default=None)


def published(facts: DispatchFacts) -> Event | None:
    """The first sign of a track of such a participant."""
    listed = (e for e in facts.story.of(ParticipantJoined, ParticipantChanged) if e.row.tracks)
    seen: list[Event] = sorted((*facts.story.of(CallerTrackPublished), *listed), key=lambda event: event.seq)
    return min((e for e in seen if not _gone_before(facts, e)), key=lambda event: event.mono_ns, default=None)


def _gone_before(facts: DispatchFacts, event: Event) -> bool:
    """Whether it belongs to the prelude, and that participant had left before the dispatch."""
    if event.mono_ns >= facts.began_ns:
        return False
    left = facts.prelude.of(CallerDisconnected, ParticipantLeft, RoomDeleted)
    return any(e.seq > event.seq for e in left)


def waited(trial: TrialInRun) -> Diagnosis | None:
    """An agent that came late, and just when the one came whom its job serves."""
    facts = trial.facts
    job_type = None if facts.job is None else facts.job.get("type")
    cause = TYPES.get(job_type or "")
    if cause is None or trial.outcome not in (Outcome.DELAYED, Outcome.DROPPED) or facts.latency_ms is None:
        return None
    ready = in_room(facts) if cause is Cause.WAITS_FOR_PARTICIPANT else published(facts)
    asked_ms = facts.stages_ms.get("job_started")
    if ready is None or asked_ms is None or facts.made_ns is None:
        return None
    ready_ms = (ready.mono_ns - facts.made_ns) / 1e6
    late_by_ms = facts.latency_ms - facts.run.settings.delayed_after_s * 1000
    if ready_ms < late_by_ms or not -SOON_MS <= asked_ms - ready_ms <= SOON_MS:
        return None
    what = "somebody was in the room" if cause is Cause.WAITS_FOR_PARTICIPANT else "somebody published"
    return Diagnosis(
        (cause,),
        f"the worker serves {'participants' if cause is Cause.WAITS_FOR_PARTICIPANT else 'publishers'}: its job "
        "begins with them, not with the dispatch. It was not late once it had somebody to serve.",
        (
            f"job {facts.job['job_id'] if facts.job else '?'} is of type {job_type}",
            f"{what} only {ready_ms / 1000:.2f} s after the dispatch; a worker was asked at {asked_ms / 1000:.2f} s",
        ),
        would_tell=(f"--caller {'join' if cause is Cause.WAITS_FOR_PARTICIPANT else 'publish'} from the start",),
        reference=REFERENCE,
    )


def probe_waits(trial: TrialInRun) -> Diagnosis | None:
    """lkdiag's own worker was registered for participants or publishers, and there was none to serve."""
    facts = trial.facts
    cause = OF_PROBE.get(str(facts.run.settings.job_type))
    if not facts.on_probe or cause is None or trial.outcome is not Outcome.DROPPED or facts.agent is not None:
        return None
    ready = in_room(facts) if cause is Cause.WAITS_FOR_PARTICIPANT else published(facts)
    if ready is not None or facts.probe_event(JobOffered) is not None:
        return None
    return Diagnosis(
        (cause,),
        f"{WORDS[cause]}: no job is made until then.",
        (f"lkdiag's worker is registered for {facts.run.settings.job_type}s, and there was none to serve",),
        would_tell=(f"--caller {'join' if cause is Cause.WAITS_FOR_PARTICIPANT else 'publish'}",),
        reference=REFERENCE,
    )
