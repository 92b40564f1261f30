"""What every report says of its run, whatever the scenario: the run, its environment, its rooms, its findings."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lkdiag.contract import Severity, Verdict
from lkdiag.errors import JournalError, UsageError
from lkdiag.journal.clock import estimate_clock
from lkdiag.journal.row import ServerTold
from lkdiag.journal.run_kinds import RoomLeftOver, RunFinished, RunGaveUp, RunInterrupted, RunStarted, SweepFailed
from lkdiag.journal.worker_kinds import WorkerLogRead, WorkerRegistered
from lkdiag.report.value import Environment, LeftoverRoom, Run, Server
from lkdiag.text import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.journal.clock import ClockSample
    from lkdiag.journal.event import Event
    from lkdiag.journal.timeline import Timeline
    from lkdiag.judge.finding import Finding, Guard

T = TypeVar("T")


def scenario_of(started: Event[RunStarted], kind: type[T]) -> T:
    """The run's scenario. Raises JournalError when it can't be read."""
    try:
        return msgspec.convert(started.row.options, kind)
    except (msgspec.ValidationError, AttributeError, UsageError) as error:
        raise JournalError(
            f"the journal's scenario can't be read: {error}", "was it written by another version?"
        ) from error


def run_of(started: Event[RunStarted], run: Timeline) -> Run:
    """The run, from its first event and those that belong to no trial."""
    finished = run.last(RunFinished)
    aborted = run.first(RunGaveUp)
    return Run(
        id=started.row.run_id,
        command=started.row.command,
        scenario=started.row.scenario,
        kind=started.row.kind,
        title=started.row.title,
        reported=started.row.reported,
        options=started.row.options,
        started_at=utc(started.at_ns),
        finished_at=None if finished is None else utc(finished.at_ns),
        interrupted=finished is None or run.first(RunInterrupted) is not None,
        aborted=None if aborted is None else aborted.row.reason,
        lkdiag_version=started.row.lkdiag_version,
    )


def environment_of(
    started: Event[RunStarted], run: Timeline, samples: Iterable[ClockSample], agent_name: str | None, guard: Guard
) -> Environment:
    """Where the run took place; `agent_name` is the subject's, None for lkdiag's own. `samples` are of its clocks.

    A part that crashes is left out.
    """
    clock = guard.call(partial(estimate_clock, samples), None, "the estimate of the server's clock")
    wall_ahead_ms = (started.at_ns - started.mono_ns) / 1e6
    return Environment(
        server=guard.call(partial(_server, run), Server(), "the description of the server"),
        project_host=started.row.project_host,
        subject=_subject(run, agent_name),
        probe_worker_ids=guard.call(partial(_worker_ids, run), (), "the list of lkdiag's own workers"),
        clock_offset_ms=None if clock is None else round(clock.offset_ms - wall_ahead_ms, 1),
        clock_error_ms=None if clock is None else round(clock.error_ms, 1),
        sdk=started.row.sdk,
        python=started.row.python,
        os=started.row.os,
        agent_sdk=guard.call(partial(_agent_sdk, run), (), "the list of the worker's versions"),
        join=joined_by(started.row.options),
    )


def _server(run: Timeline) -> Server:
    described = run.first(ServerTold)
    told: dict[str, Any] = {} if described is None else described.row.server
    return Server(**{key: told.get(key) or None for key in ("version", "edition", "region", "node_id")})


def _worker_ids(run: Timeline) -> tuple[str, ...]:
    return tuple(event.row.worker_id for event in run.of(WorkerRegistered))


def _agent_sdk(run: Timeline) -> tuple[str, ...]:
    named = (name for read in run.of(WorkerLogRead) for name in read.row.versions or ())
    return tuple(dict.fromkeys(named))


def _subject(run: Timeline, agent_name: str | None) -> str:
    if agent_name is not None:
        return agent_name
    return "lkdiag's probe" if run.of(WorkerRegistered) else "a worker that the scenario plays, seen from outside"


def leftovers_of(run: Timeline) -> tuple[LeftoverRoom, ...]:
    """Rooms of the run that were still there when it had cleaned up, and those that were not seen to be gone."""
    found = [
        LeftoverRoom(
            name=event.row.room,
            sid=event.row.sid,
            created_at=utc(event.row.creation_time_ms * 1_000_000) if event.row.creation_time_ms else None,
            participants=tuple(one["identity"] for one in event.row.participants),
        )
        for event in run.of(RoomLeftOver)
    ]
    known = {room.name for room in found}
    unseen = (name for event in run.of(SweepFailed) for name in event.row.rooms or () if name not in known)
    return (*found, *(LeftoverRoom(name, "", None, (), still_there=None) for name in dict.fromkeys(unseen)))


def verdict_of(findings: Iterable[Finding], run: Run, *, missing: bool, nothing_judged: bool) -> Verdict:
    """The run's verdict. A run that judged nothing, or less than was planned (`missing`), never passes."""
    severities = {finding.severity for finding in findings}
    if Severity.FAIL in severities:
        return Verdict.FAIL
    if Severity.INCONCLUSIVE in severities or nothing_judged or missing or run.aborted is not None:
        return Verdict.INCONCLUSIVE
    return Verdict.PASS


def joined_by(options: Mapping[str, Any]) -> str | None:
    """How lkdiag's own participants joined; None where there were none, or an older lkdiag did not say."""
    own = options.get("agent_name") is None or options.get("control") or options.get("caller", "none") != "none"
    return options.get("join") if own else None
