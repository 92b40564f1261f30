"""A trial's events in plain words, line by line, each in the lane of who it is about."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lkdiag.checks.declines import was_declined
from lkdiag.checks.wording import people
from lkdiag.report.value import TimelineLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lkdiag.timeline import Data, Event, Timeline

WORDS: dict[str, tuple[str, Callable[[Data], str]]] = {
    "trial.started": ("lkdiag", lambda d: _began(d)),
    "trial.prepared": ("lkdiag", lambda _: "what is judged begins here"),
    "trial.paused": ("lkdiag", lambda d: f"an idle gap of {d['for_s']:g} s, on purpose"),
    "step.began": ("lkdiag", lambda d: _step(d)),
    "trial.due": ("lkdiag", lambda _: "the trial was due, by --rate"),
    "trial.failed": ("lkdiag", lambda d: f"could not {d['step']}: {d['error']}"),
    "trial.crashed": ("lkdiag", lambda d: f"lkdiag failed: {d['error']}"),
    "trial.close_failed": ("lkdiag", lambda d: f"lkdiag failed while it closed the trial: {d['error']}"),
    "cleanup.looked": ("cleanup", lambda d: f"looked: {', '.join(d['people']) or 'nobody'} is listed"),
    "cleanup.look_failed": ("cleanup", lambda d: f"could not look: {d['error']}"),
    "trial.interrupted": ("lkdiag", lambda _: "interrupted"),
    "room.created": ("room", lambda d: f"created: {d['sid']}, creation_time_ms {d['creation_time_ms']}{_by(d)}"),
    "room.existed": (
        "room",
        lambda d: f"was there already: {d['sid']}, creation_time_ms {d['creation_time_ms']}{_by(d)}",
    ),
    "room.reused": ("room", lambda d: f"{d['sid']} is the old room of trial {d['earlier_trial']}"),
    "api.held": ("api", lambda d: f"{d['method']} waits {d['for_s']:g} s: the server refused calls as too many"),
    "room.watched_closely": ("lkdiag", lambda _: "from now on the participants are looked at densely"),
    "room.replaced": ("room", lambda d: f"{d['sid']} is gone, and lkdiag did not delete it: {_successor(d)}"),
    "room.unconfirmed": ("room", lambda d: f"whether it is still {d['sid']} is not known: {d['error']}"),
    "room.deleted": ("room", lambda _: "deleted by lkdiag"),
    "room.gone": ("room", lambda _: "listRooms knows it no longer"),
    "room.still_there": ("room", lambda _: "still listed after its deletion"),
    "room.delete_failed": ("room", lambda d: f"could not be deleted: {d['error']}"),
    "dispatch.created": ("dispatch", lambda d: f"{d['dispatch_id']} created by createDispatch{_by(d)}"),
    "dispatch.listed": ("dispatch", lambda d: _listing(d)),
    "retry.created": ("dispatch", lambda d: f"retry: {d['dispatch_id']} created by createDispatch{_by(d)}"),
    "fallback.created": ("dispatch", lambda d: f"fallback {d['dispatch_id']} created by createDispatch{_by(d)}"),
    "fallback.failed": ("dispatch", lambda d: f"the fallback could not be created: {d['error']}"),
    "fallback.ended": ("lkdiag", lambda d: f"the fallback brought {'an agent' if d['agent_came'] else 'nobody'}"),
    "observation.ended": ("lkdiag", lambda d: "the agent is there" if d["agent_came"] else "time is up: no agent"),
    "job.offered": ("worker", lambda d: f"the probe is offered job {d['job_id']} ({d['job_type']})"),
    "job.accepted": ("worker", lambda d: f"the probe accepts job {d['job_id']} as {d['identity']!r}"),
    "job.rejected": ("worker", lambda d: f"the probe declines job {d['job_id']}"),
    "job.answer_lost": ("worker", lambda d: f"the probe's answer to job {d['job_id']} could not be sent"),
    "job.assigned": ("worker", lambda d: f"the probe is assigned job {d['job_id']}"),
    "job.terminated": ("worker", lambda d: f"the server ends job {d['job_id']}"),
    "probe.joining": ("agent", lambda _: "the probe's agent begins to join"),
    "probe.joined": ("agent", lambda d: f"the probe's agent is in: {d['sid']}"),
    "probe.join_failed": ("agent", lambda d: f"the probe's agent could not join: {d['error']}"),
    "probe.track_published": ("agent", lambda d: f"the probe's agent publishes {d['sid']}"),
    "probe.reconnecting": ("agent", lambda _: "the probe's agent is reconnecting"),
    "probe.reconnected": ("agent", lambda _: "the probe's agent is back"),
    "probe.disconnected": ("agent", lambda d: f"the probe's agent is out: {d['reason']}"),
    "probe.leave_timed_out": ("agent", lambda d: f"the probe's agent did not get out within {d['timeout_s']:g} s"),
    "agent.joined": (
        "agent",
        lambda d: (
            f"listParticipants shows {d['identity']!r} ({d['sid']}, {d['state']}, joined_at_ms {d['joined_at_ms']})"
        ),
    ),
    "agent.changed": (
        "agent",
        lambda d: f"{d['identity']!r} is {d['state']}, with {_count(d['tracks'], 'track')}",
    ),
    "agent.left": ("agent", lambda d: f"{d['identity']!r} is gone from listParticipants"),
    "agent.track_published": ("agent", lambda d: f"the caller sees track {d['sid']} of {d['identity']!r}"),
    "agent.track_missing": ("agent", lambda d: f"no track of the agent's in {d['waited_s']} s"),
    "participant.joined": (
        "caller",
        lambda d: f"listParticipants shows {d['identity']!r} ({d['kind']}, {d['state']})",
    ),
    "participant.changed": (
        "caller",
        lambda d: f"{d['identity']!r} is {d['state']}, with {_count(d['tracks'], 'track')}",
    ),
    "participant.left": ("caller", lambda d: f"{d['identity']!r} is gone from listParticipants"),
    "human.joining": ("human", lambda _: "the human begins to join"),
    "human.joined": ("human", lambda d: f"the human is in: {d['sid']}"),
    "human.join_failed": ("human", lambda d: f"the human could not join: {d['error']}"),
    "human.track_published": ("human", lambda d: f"the human publishes {d['sid']}"),
    "human.reconnecting": ("human", lambda _: "the human is reconnecting"),
    "human.reconnected": ("human", lambda _: "the human is back"),
    "human.disconnected": ("human", lambda d: f"the human is out: {d['reason']}"),
    "human.killed": ("human", lambda _: "the human's line is cut: its process is killed"),
    "caller.killed": ("caller", lambda _: "the caller's line is cut: its process is killed"),
    "probe.killed": ("agent", lambda _: "the agent crashes: its process is killed"),
    "agent.session_closed": ("agent", lambda d: f"the agent's session is closed ({d['reason']}), its job context gone"),
    "agent.logged": ("agent", lambda d: f"the agent logs: {d['text']}"),
    "subject.left": ("agent", lambda _: "the subject has left by itself"),
    "subject.came": ("agent", lambda d: f"the subject is there: a {d['by']} tells of {d['identity']!r}"),
    "subject.stayed": (
        "agent",
        lambda d: f"the subject has not left within {d['waited_s']:g} s: lkdiag leaves it alone",
    ),
    "subject.removed": ("agent", lambda d: f"the subject is still there: lkdiag removes {d['identity']!r}"),
    "subject.seen": ("agent", lambda d: _subject(d["agents"])),
    "cleanup.attached": ("agent", lambda d: f"the cleanup {d['cleanup']} is registered"),
    "cleanup.called": ("cleanup", lambda d: f"called, for {d['identity']!r}"),
    "cleanup.raised": ("cleanup", lambda d: f"failed: {d['error']}"),
    "cleanup.deleted_room": ("cleanup", lambda _: "deleted the room"),
    "error.unhandled": ("cleanup", lambda d: f"nobody handled {d['error']} ({d['message']})"),
    "call.merged": ("lkdiag", lambda d: f"the calls are merged, by {d['by']}"),
    "call.hanging_up": ("lkdiag", lambda d: f"the {d['side']} hangs up"),
    "call.left_over": (
        "lkdiag",
        lambda d: f"{d['identity']!r} was left alone too long, since {d['left_by']!r} had left",
    ),
    "call.hung_up": ("lkdiag", lambda d: f"the {d['side']} has hung up"),
    "client.looked": ("client", lambda d: f"the {d['who']}'s client sees {', '.join(d['sees']) or 'nobody'}"),
    "worker_log.line": ("log", lambda d: _log_line(d)),
    "webhook.received": ("webhook", lambda d: _webhook(d)),
    "room.closed": ("room", lambda _: "listRooms knows it no longer: somebody closed it"),
    "room.occupied": ("room", lambda d: f"still there when the window ends, with {people(d['participants'])}"),
    "trial.closing": ("lkdiag", lambda _: "the watch is over: lkdiag closes what is left"),
    "caller.joining": ("caller", lambda _: "the caller begins to join"),
    "caller.joined": ("caller", lambda d: f"the caller is in: {d['sid']}"),
    "caller.join_failed": ("caller", lambda d: f"the caller could not join: {d['error']}"),
    "caller.track_published": ("caller", lambda d: f"the caller publishes {d['sid']}"),
    "caller.reconnecting": ("caller", lambda _: "the caller is reconnecting"),
    "caller.reconnected": ("caller", lambda _: "the caller is back"),
    "caller.disconnected": ("caller", lambda d: f"the caller is out: {d['reason']}"),
    "caller.leave_timed_out": ("caller", lambda d: f"the caller did not get out within {d['timeout_s']:g} s"),
}
"""For each kind of event its lane and its words. `trial.finished` says nothing that its neighbours don't."""

_SILENT = frozenset({"trial.finished", "api.called"})


def story(trial: Timeline, stalls: Iterable[Event]) -> tuple[TimelineLine, ...]:
    """The story of a trial. API calls are told where they failed or changed something; looks only where they failed.

    A worker's log is read later; its lines stand where their own clock puts them.
    """
    events = sorted((*trial, *stalls), key=lambda event: event.seq)
    if not events:
        return ()
    began = next(iter(trial))
    lines = []
    for event in events:
        told = _tell(event)
        if told is not None:
            at_ns, since_ns = event.at_ns, event.mono_ns - began.mono_ns
            if event.kind == "worker_log.line" and "at_ns" in event.data:
                at_ns = event.data["at_ns"]
                since_ns = at_ns - began.at_ns
            lines.append((since_ns, TimelineLine(utc(at_ns), round(since_ns / 1e6, 1), *told)))
    return tuple(line for _, line in sorted(lines, key=lambda item: item[0]))


def between(events: Sequence[Event], from_ns: int, until_ns: int) -> Sequence[Event]:
    """Those of that time, ends included, of many that stand in the order of the monotonic clock."""
    first = bisect_left(events, from_ns, key=_mono_ns)
    return events[first : bisect_right(events, until_ns, lo=first, key=_mono_ns)]


def _mono_ns(event: Event) -> int:
    return event.mono_ns


def utc(at_ns: int) -> str:
    """`2026-08-21T14:27:06.123Z`."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _by(data: Data) -> str:
    """What was made by a call whose answer was lost was found by looking for it."""
    return "; its answer was lost, a look found it" if data.get("by") == "look" else ""


def _tell(event: Event) -> tuple[str, str] | None:
    data = event.data
    if event.kind == "api.called":
        if not data["ok"]:
            status = f", HTTP {data['status']}" if "status" in data else ""
            word = data.get("code") or data["failure"]
            took = f"{data['duration_ms']:.0f} ms"
            return "api", f"{data['method']} failed after {took}: {data['error']} ({word}{status})"
        if data["method"] in ("CreateRoom", "CreateDispatch", "DeleteRoom"):
            return "api", f"{data['method']} answered in {data['duration_ms']:.0f} ms"
        return None
    if event.kind == "lkdiag.stalled":
        return "lkdiag", f"lkdiag itself stood still for {data['late_ms']:.0f} ms"
    if event.kind in _SILENT:
        return None
    if event.kind in WORDS:
        lane, words = WORDS[event.kind]
        return lane, words(data)
    return "lkdiag", event.kind


def _began(data: Data) -> str:
    if "cleanup" in data:
        leaves = f"the agent's exit {data['agent_exit']}" if "agent_exit" in data else "the agent goes as it likes"
        return f"call began: cleanup {data['cleanup']}, {leaves}, {data['hangup']} hangs up"
    if data["method"] == "observed":
        return f"room {data['room']!r} is followed from here on"
    return f"trial began: {data['method']}, agent {data['agent_name']!r}"


def _step(data: Data) -> str:
    """`step wait-for: what agents, count 2, within 10 s`."""
    told = []
    for name, value in data.items():
        if name.endswith("_s"):
            told.append(f"{name.removesuffix('_s')} {value:g} s")
        elif name != "do" and value is not False:
            told.append(name if value is True else f"{name} {value}")
    if data["do"] == "fallback":
        told.append("if nobody came")
    return f"step {data['do']}" + (f": {', '.join(told)}" if told else "")


def _log_line(data: Data) -> str:
    about = [str(data[name]) for name in ("error", "job_id", "worker_id") if name in data]
    if "load" in data:
        about.insert(0, f"load {data['load']:.2f}")
    return f"the worker's log: {data['message']}" + (f" ({', '.join(about)})" if about else "")


def _subject(agents: Sequence[Data]) -> str:
    """What was there of the user's agent when one side was about to hang up."""
    told = (f"{one['identity']!r} with {_count(one['tracks'], 'track')}, {one['muted']} muted" for one in agents)
    return f"before the hang-up the subject is there: {'; '.join(told)}" if agents else "the subject is not there"


def _listing(data: Data) -> str:
    dispatches = data["dispatches"]
    if not dispatches:
        return "listDispatch shows nothing"
    parts = []
    for item in dispatches:
        jobs = ", ".join(_job(job) for job in item["jobs"]) or "no job"
        parts.append(f"{item['dispatch_id']} for {item['agent_name']!r}: {jobs}")
    return "listDispatch shows " + "; ".join(parts)


def _webhook(data: Data) -> str:
    return str(data["event"]) + (f" of {data['identity']!r}" if "identity" in data else "")


def _job(job: dict[str, str]) -> str:
    about = [job["status"], *([f"by {job['worker_id']}"] if "worker_id" in job else [])]
    about += [repr(job["error"])] if "error" in job else []
    about += [job["reason"]] if "reason" in job else []
    about += ["(declined)"] if was_declined(job) else []
    return f"{job['job_id']} {' '.join(about)}"


def _count(things: object, word: str) -> str:
    number = things if isinstance(things, int) else len(things) if isinstance(things, list) else 0
    return f"{number} {word}{'' if number == 1 else 's'}"


def _successor(data: Data) -> str:
    now_sid = data.get("now_sid")
    return f"{now_sid} has its name now" if now_sid else "no room has its name now"
