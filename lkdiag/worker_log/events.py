"""What of a worker's log becomes events of a run: what is about its trials, and what is about every job."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lkdiag.journal.worker_kinds import WorkerLogLine, WorkerLogRead
from lkdiag.text import printable
from lkdiag.worker_log.lines import ABOUT_THE_WORKER, MAY_LACK_A_JOB, What

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.worker_log.lines import LogLine, WorkerLog


# Whose request it was that failed, where the line names no job: a Python worker shows the request as an address.
#
# Nothing is guessed: the job is known only where it is the one request of its process whose end the log has not told.

Process = tuple[str, str]

_BEGINS = frozenset({What.STARTING, What.REGISTERED})
_NAMELESS = frozenset({What.REJECTED, What.REQUEST_FAILED})


class OpenRequests:
    """By process, the requests that it logged, less those that it rejected: an acceptance is not logged."""

    def __init__(self) -> None:
        self._open: dict[Process, set[str]] = {}
        """Only of processes whose first line is in the file: another may have had requests before."""
        self._failed: dict[Process, str] = {}
        """The job of the request that failed in the line before: "no answer was given" follows in the same breath."""

    def passed_over(self, process: Process) -> None:
        """A line of that process which is about no request and no worker: instead of `job_of`."""
        self._failed.pop(process, None)

    def job_of(self, line: LogLine, process: Process) -> str | None:
        """The job that the line is about, by itself or by what went before; to be asked for every line in order."""
        failed = self._failed.pop(process, None)
        if line.what in _BEGINS:
            self._open.setdefault(process, set())
        requests = self._open.get(process)
        if requests is None:
            return line.job_id
        if line.what is What.RECEIVED_REQUEST and line.job_id:
            requests.add(line.job_id)
        if line.what not in _NAMELESS:
            return line.job_id
        job_id = line.job_id
        if job_id is None and line.what is What.REJECTED and failed is not None:
            job_id = failed
        elif job_id is None and len(requests) == 1 and not (line.room or line.room_sid):
            (job_id,) = requests
        if job_id is not None and line.what is What.REJECTED:
            requests.discard(job_id)
        elif job_id is not None:
            self._failed[process] = job_id
        return job_id


WorkerLogEvent = tuple[WorkerLogRead | WorkerLogLine, int | None]
"""What an event says, and its trial (None: the run's)."""

_GONE = frozenset({What.DISCONNECTED, What.SHUTTING_DOWN, What.FAILED})


@dataclass(frozen=True)
class TrialKeys:
    """By what a line is known to belong to a trial: each maps what a line may say to the trial's number."""

    jobs: dict[str, int] = field(default_factory=dict)
    dispatches: dict[str, int] = field(default_factory=dict)
    room_sids: dict[str, int] = field(default_factory=dict)
    """The only way to a Node worker's line whose job the API never listed: it names no room."""
    rooms: dict[str, int] = field(default_factory=dict)

    def trial_of(self, line: LogLine) -> int | None:
        """The surest first: a room's name may come again."""
        pairs = (
            (self.jobs, line.job_id),
            (self.dispatches, line.dispatch_id),
            (self.room_sids, line.room_sid),
            (self.rooms, line.room),
        )
        return next((keys[name] for keys, name in pairs if name is not None and name in keys), None)


def events_of(
    log: WorkerLog, keys: TrialKeys, *, from_ns: int | None = None, until_ns: int | None = None
) -> Iterator[WorkerLogEvent]:
    """`worker_log.read` about the whole, then `worker_log.line` for each line that matters, in the file's order.

    A trial's lines are all given (of other warnings and errors, each text once). Those about the worker, and failures
    that name no job, are the run's, as far as they lie between `from_ns` and `until_ns` (None: no limit); of what was
    before, the state in which it left each worker is given: how it last registered, and the last that it said after.
    """
    yield _summary(log), None
    jobs_of_trials = dict(keys.jobs)
    before: dict[tuple[str | None, bool], LogLine] = {}
    said: set[tuple[int, str]] = set()
    for line in log.lines:
        trial = keys.trial_of(line)
        if trial is None and line.job_id in jobs_of_trials:
            trial = jobs_of_trials[line.job_id]
        if trial is not None:
            if line.job_id:
                # a later line of this job may name the job alone
                jobs_of_trials.setdefault(line.job_id, trial)
            if line.what is not What.OTHER or (trial, line.message) not in said:
                said.add((trial, line.message))
                yield from _released(before)
                yield _row(line), trial
        elif _matters(line):
            if from_ns is not None and line.at_ns is not None and line.at_ns < from_ns:
                _remember(before, line)
            elif until_ns is None or line.at_ns is None or line.at_ns <= until_ns:
                yield from _released(before)
                yield _row(line), None
    yield from _released(before)


def _matters(line: LogLine) -> bool:
    if line.what in ABOUT_THE_WORKER:
        return True
    return line.what in MAY_LACK_A_JOB and not (line.job_id or line.room or line.room_sid)


def _remember(before: dict[tuple[str | None, bool], LogLine], line: LogLine) -> None:
    """What it said last stands. Who registers has no earlier state, and takes the place of those that are gone."""
    if line.what is What.REGISTERED:
        gone = {worker for (worker, _), last in before.items() if last.what in _GONE} | {line.worker_id}
        for key in [key for key in before if key[0] in gone]:
            del before[key]
    if line.what in ABOUT_THE_WORKER and line.what is not What.STARTING:
        before[line.worker_id, line.what is What.REGISTERED] = line


def _released(before: dict[tuple[str | None, bool], LogLine]) -> Iterator[WorkerLogEvent]:
    """What was remembered, in the file's order, and once."""
    for line in sorted(before.values(), key=lambda line: line.number):
        yield _row(line), None
    before.clear()


def _summary(log: WorkerLog) -> WorkerLogRead:
    return WorkerLogRead(
        file=printable(log.path.name),
        lines=log.total,
        first_at_ns=log.first_at_ns,
        last_at_ns=log.last_at_ns,
        worker_ids=list(log.worker_ids),
        sdks=list(log.sdks),
        versions=list(log.versions) or None,
        # of all rooms: a log without any may be one of warnings only, and then its silence says nothing
        requests=sum(line.what is What.RECEIVED_REQUEST for line in log.lines),
        notes=list(log.notes) or None,
    )


def _row(line: LogLine) -> WorkerLogLine:
    return WorkerLogLine(
        at_ns=line.at_ns,
        level=line.level,
        message=line.message,
        what=line.what.value,
        job_id=line.job_id,
        dispatch_id=line.dispatch_id,
        room=line.room,
        room_sid=line.room_sid,
        agent_name=line.agent_name,
        worker_id=line.worker_id,
        load=line.load,
        threshold=line.threshold,
        error=line.error,
    )
