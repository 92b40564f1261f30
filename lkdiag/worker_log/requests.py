"""Whose request it was that failed, where the line names no job: a Python worker shows the request as an address.

Nothing is guessed: the job is known only where it is the one request of its process whose end the log has not told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.worker_log.vocabulary import What

if TYPE_CHECKING:
    from lkdiag.worker_log.line import LogLine

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
