"""What every report says of its run, whatever the scenario: the run, its environment, its rooms, its findings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lkdiag.checks.verdict import Finding, Severity, Verdict
from lkdiag.errors import JournalError, UsageError
from lkdiag.report.api_calls import joined_by
from lkdiag.report.narrative import utc
from lkdiag.report.value import Environment, LeftoverRoom, Run, Server
from lkdiag.timeline.clock import estimate_clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.checks.check_crashed import Guard
    from lkdiag.timeline import Event, Timeline
    from lkdiag.timeline.clock import ClockSample

T = TypeVar("T")


def scenario_of(started: Event, kind: type[T]) -> T:
    """The run's scenario. Raises JournalError when it can't be read."""
    try:
        return msgspec.convert(started.data["options"], kind)
    except (msgspec.ValidationError, KeyError, UsageError) as error:
        raise JournalError(
            f"the journal's scenario can't be read: {error}", "was it written by another version?"
        ) from error


def run_of(started: Event, run: Timeline) -> Run:
    """The run, from its first event and those that belong to no trial."""
    finished = run.last("run.finished")
    aborted = run.first("run.aborted", "run.crashed")
    return Run(
        id=started.data["run_id"],
        command=started.data["command"],
        scenario=started.data["scenario"],
        kind=started.data["kind"],
        title=started.data["title"],
        reported=started.data.get("reported"),
        options=started.data["options"],
        started_at=utc(started.at_ns),
        finished_at=None if finished is None else utc(finished.at_ns),
        interrupted=finished is None or run.first("run.interrupted") is not None,
        aborted=None if aborted is None else str(aborted.data["reason"]),
        lkdiag_version=started.data["lkdiag_version"],
    )


def environment_of(
    started: Event, run: Timeline, samples: Iterable[ClockSample], agent_name: str | None, guard: Guard
) -> Environment:
    """Where the run took place; `agent_name` is the subject's, None for lkdiag's own. `samples` are of its clocks.

    A part that crashes is left out.
    """
    clock = guard.call(partial(estimate_clock, samples), None, "the estimate of the server's clock")
    wall_ahead_ms = (started.at_ns - started.mono_ns) / 1e6
    return Environment(
        server=guard.call(partial(_server, run), Server(), "the description of the server"),
        project_host=started.data["project_host"],
        subject=_subject(run, agent_name),
        probe_worker_ids=guard.call(partial(_worker_ids, run), (), "the list of lkdiag's own workers"),
        clock_offset_ms=None if clock is None else round(clock.offset_ms - wall_ahead_ms, 1),
        clock_error_ms=None if clock is None else round(clock.error_ms, 1),
        sdk=started.data["sdk"],
        python=started.data["python"],
        os=started.data["os"],
        agent_sdk=guard.call(partial(_agent_sdk, run), (), "the list of the worker's versions"),
        join=joined_by(started.data["options"]),
    )


def _server(run: Timeline) -> Server:
    described = run.first("worker.registered", "server.described")
    told: dict[str, Any] = {} if described is None else described.data["server"]
    return Server(**{key: told.get(key) or None for key in ("version", "edition", "region", "node_id")})


def _worker_ids(run: Timeline) -> tuple[str, ...]:
    return tuple(event.data["worker_id"] for event in run.of("worker.registered"))


def _agent_sdk(run: Timeline) -> tuple[str, ...]:
    named = (name for read in run.of("worker_log.read") for name in read.data.get("versions", ()))
    return tuple(dict.fromkeys(named))


def _subject(run: Timeline, agent_name: str | None) -> str:
    if agent_name is not None:
        return agent_name
    return "lkdiag's probe" if run.of("worker.registered") else "a worker that the scenario plays, seen from outside"


def leftovers_of(run: Timeline) -> tuple[LeftoverRoom, ...]:
    """Rooms of the run that were still there when it had cleaned up, and those that were not seen to be gone."""
    found = [
        LeftoverRoom(
            name=event.data["room"],
            sid=event.data["sid"],
            created_at=utc(event.data["creation_time_ms"] * 1_000_000) if event.data.get("creation_time_ms") else None,
            participants=tuple(one["identity"] for one in event.data["participants"]),
        )
        for event in run.of("room.left_over")
    ]
    known = {room.name for room in found}
    unseen = (name for event in run.of("sweep.failed") for name in event.data.get("rooms", ()) if name not in known)
    return (*found, *(LeftoverRoom(name, "", None, (), still_there=None) for name in dict.fromkeys(unseen)))


def verdict_of(findings: Iterable[Finding], run: Run, *, missing: bool, nothing_judged: bool) -> Verdict:
    """Of the whole run; one that judged nothing, or less than was planned (`missing`), never passes."""
    severities = {finding.severity for finding in findings}
    if Severity.FAIL in severities:
        return Verdict.FAIL
    if Severity.INCONCLUSIVE in severities or nothing_judged or missing or run.aborted is not None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS
