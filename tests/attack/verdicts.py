"""Compares what lkdiag says of a trial with the truth. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .worker import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .truth import Room, Visit
    from .worker import Job

SAME_MS = 2.0
"""Two figures of the server's own that differ by no more are the same."""
OFFERED_AFTER_MS = 500
"""A dispatch is older than the offer of its job by up to that: the server gathers answers for 0.2 s."""


@dataclass(frozen=True)
class Stay:
    """An agent that was in a room, by whichever witness."""

    job_id: str
    room_sid: str
    joined_ms: int


@dataclass(frozen=True)
class Deed:
    """What somebody else did to a room."""

    what: str
    at_ms: int
    """This machine's clock, which is the server's: just before it was done."""


@dataclass(frozen=True)
class Scene:
    """What is true of one trial's room."""

    lives: Sequence[Room]
    """The rooms of its name, the first one first."""
    jobs: Sequence[Job]
    """Every job of the subject's that was offered in rooms of this name, in their order."""
    stays: Sequence[Stay]
    """Every agent of these jobs that was in."""
    deed: Deed | None = None


@dataclass(frozen=True)
class Rules:
    """What holds for all trials of a hunt."""

    timeout_s: float
    delayed_after_s: float = 2.0
    fallback_timeout_s: float = 2.0
    errors_are_wrong: bool = True
    """Nobody refuses anything in earnest: an `error` blames a server that did nothing."""
    other_workers: bool = False
    """Other workers than the subject's take jobs too: `wrong-worker` may be right."""


def stays_of(jobs: Iterable[Job], visits: Iterable[Visit]) -> list[Stay]:
    """By what the worker was told when its agents joined, and by the server's webhooks: either may know more."""
    by_sid: dict[str, Stay] = {}
    for job in jobs:
        for sid, join in job.joins.items():
            by_sid[sid] = Stay(job.job_id, join.room_sid, join.at_ms)
        for visit in visits:
            if visit.identity == f"agent-{job.job_id}":
                by_sid.setdefault(visit.sid, Stay(job.job_id, visit.room_sid, visit.joined_ms))
    return list(by_sid.values())


def contradictions(trial: dict[str, Any], scene: Scene, rules: Rules) -> list[str]:
    """What in a trial's report is not so, in words; none for what is right, or left open."""
    outcome, found = trial["outcome"], []
    if outcome == "inconclusive":
        if (
            crash := next((f["fact"] for f in trial["findings"] if "lkdiag itself failed" in f["fact"]), None)
        ) is not None:
            found.append(f"inconclusive: {crash}")
    elif outcome == "error":
        if rules.errors_are_wrong:
            found.append(f"error, and nobody had refused anything: {_fact(trial)}")
    elif not scene.lives:
        found.append(f"{outcome}, and there was no such room")
    else:
        found += _of_outcome(trial, _Known.of(trial, scene), rules)
    return found + (_of_fallback(trial, _Known.of(trial, scene), rules) if scene.lives else [])


@dataclass(frozen=True)
class _Known:
    """The first room's truth, told apart by dispatch."""

    room: Room
    deed: Deed | None
    jobs: list[Job]
    own: list[Stay] = field(default_factory=list)
    """Of the dispatch under test."""
    others: list[Stay] = field(default_factory=list)
    """Of later dispatches: the fallback's."""

    @classmethod
    def of(cls, trial: dict[str, Any], scene: Scene) -> _Known:
        room = scene.lives[0]
        jobs = [job for job in scene.jobs if job.room_sid == room.sid]
        later = {job.job_id for job in jobs if _is_later(trial, job, jobs)}
        here = [stay for stay in scene.stays if stay.room_sid == room.sid]
        return cls(
            room,
            scene.deed,
            jobs,
            [stay for stay in here if stay.job_id not in later],
            [stay for stay in here if stay.job_id in later],
        )

    def were_killed(self, stays: Iterable[Stay]) -> bool:
        """Whether none of these agents was in for more than some 5 ms: the process was killed as soon as it had joined.

        By signalling alone it is gone at once then. No API tells of that, and no look is so dense: a report that finds
        no agent says how short a stay may have been missed. Only with webhooks lkdiag has to know.
        """
        killed = {job.job_id for job in self.jobs if job.treatment is Treatment.KILLED}
        return bool(killed) and all(stay.job_id in killed for stay in stays)

    def after_ms(self, stay: Stay) -> int:
        return stay.joined_ms - self.room.created_ms


def _is_later(trial: dict[str, Any], job: Job, jobs: Sequence[Job]) -> bool:
    """Whether a job is the fallback's: lkdiag may not know the id of a dispatch of which the answer was lost."""
    if trial["fallback_dispatch_id"] is not None:
        return bool(job.dispatch_id == trial["fallback_dispatch_id"])
    return trial["fallback"] not in ("off", "not-needed") and job.dispatch_id != jobs[0].dispatch_id


def _of_outcome(trial: dict[str, Any], known: _Known, rules: Rules) -> list[str]:
    outcome, mismatch, found = trial["outcome"], trial["mismatch"], []
    in_time = [known.after_ms(stay) for stay in known.own if known.after_ms(stay) <= rules.timeout_s * 1000]
    if trial["room_sid"] != known.room.sid:
        found.append(f"{outcome} in room {trial['room_sid']}, and the first one was {known.room.sid}")
    if outcome == "dropped":
        if in_time and known.were_killed(known.own):
            in_time = []
        elif in_time:
            suffix = f" ({mismatch})" if mismatch == "wrong-worker" else ""
            found.append(f"dropped{suffix}, and the agent was there after {min(in_time)} ms")
        elif not known.jobs:
            found.append("dropped, and no dispatch had reached the worker")
        if known.deed is not None and known.deed.at_ms - known.room.created_ms <= rules.timeout_s * 1000:
            after_ms = known.deed.at_ms - known.room.created_ms
            found.append(f"dropped, and the room's time was cut short after {after_ms} ms: {known.deed.what}")
    elif not in_time:
        found.append(f"{outcome}, and no agent was there in time")
    else:
        late = min(in_time) > rules.delayed_after_s * 1000
        near = abs(min(in_time) - rules.delayed_after_s * 1000) <= SAME_MS
        if late != (outcome == "delayed") and not near:
            found.append(f"{outcome}, and the agent was there after {min(in_time)} ms")
        if trial["latency_ms"] is None or all(abs(trial["latency_ms"] - ms) > SAME_MS for ms in in_time):
            found.append(f"a latency of {trial['latency_ms']} ms, and it was {min(in_time)} ms")
    if mismatch == "false-running":
        if in_time:
            found.append(f"false-running, and the agent was there after {min(in_time)} ms")
        if all(job.assigned_ms is None for job in known.jobs):
            found.append("false-running, and no worker had a job")
    elif mismatch == "wrong-worker":
        if not rules.other_workers:
            found.append("wrong-worker, and there was no other")
    elif mismatch is not None:
        found.append(f"{mismatch}, and the server knew its jobs")
    return found


def _of_fallback(trial: dict[str, Any], known: _Known, rules: Rules) -> list[str]:
    if trial["fallback"] == "rescued" and not known.others:
        return ["fallback rescued, and it brought no agent into the first room"]
    if trial["fallback"] == "lost":
        within_ms = rules.fallback_timeout_s * 1000 - OFFERED_AFTER_MS
        offered = {job.job_id: job.offered_ms for job in known.jobs}
        in_time = [stay for stay in known.others if stay.joined_ms - offered[stay.job_id] <= within_ms]
        if in_time and not known.were_killed(in_time):
            return ["fallback lost, and it brought an agent"]
        if len({job.dispatch_id for job in known.jobs}) < 2:
            return ["fallback lost, and it had never reached the worker"]
        if known.deed is not None:
            return [f"fallback lost, and the room's time was cut short: {known.deed.what}"]
    return []


def _fact(trial: dict[str, Any]) -> str:
    return str(trial["findings"][0]["fact"]) if trial["findings"] else "no finding"


def unnamed_leftovers(report: dict[str, Any] | None, stderr: str, there: Iterable[str]) -> list[str]:
    """Rooms on the server of which lkdiag does not speak: it may name them, or say that it could not look."""
    there = list(there)
    if report is None:
        return [room for room in there if room not in stderr and "room" not in stderr]
    named = {room["name"] for room in report["leftover_rooms"]}
    if any(found["check"] == "leftover-room" and found["severity"] == "inconclusive" for found in report["findings"]):
        return []  # it says that it could not look
    return [room for room in there if room not in named]
