"""Turns the lines of a log file, one after another, into what is kept of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.secrecy.scrubber import Scrubber
from lkdiag.worker_log.entry import Entry, line_of, meaning_of, versions_of
from lkdiag.worker_log.readable import MOST_FOLLOWING, add_following, entry_of_text
from lkdiag.worker_log.requests import OpenRequests
from lkdiag.worker_log.structured import TornLineError, entry_of_object, json_object
from lkdiag.worker_log.vocabulary import What

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import tzinfo

    from lkdiag.worker_log.line import LogLine

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_GRAVE = frozenset({"warning", "error", "critical"})
_UNREGISTERS = frozenset({What.DISCONNECTED, What.SHUTTING_DOWN, What.FAILED})


class Collector:
    """`feed` it every line, then `finish`; its attributes are what was found."""

    def __init__(self, secrets: Collection[str], zone: tzinfo | None) -> None:
        self._scrubber = Scrubber(secrets)
        self._zone = zone
        self._workers = _Workers()
        self._requests = OpenRequests()
        self._pending: tuple[int, Entry] | None = None
        self._following: list[str] = []
        self.lines: list[LogLine] = []
        self.total = 0
        self.torn = 0
        self.recognised = 0
        """Lines that the framework wrote."""
        self.first_at_ns: int | None = None
        self.last_at_ns: int | None = None
        self.worker_ids: dict[str, None] = {}
        self.sdks: set[str] = set()
        self.versions: dict[str, None] = {}
        """Of the SDKs, as a worker names them when it starts."""

    def feed(self, text: str) -> None:
        """The next line of the file."""
        self.total += 1
        if "PRIVATE KEY" in text:
            self._scrubber.text(text)  # the key may go on in the lines that follow
        self._feed(_plain(text))

    def finish(self) -> Collector:
        """No line follows."""
        self._flush()
        return self

    def _feed(self, text: str) -> None:
        bare = text.lstrip()
        if self._pending is not None and text[:1].isspace():
            self._follow(text)
        elif bare.startswith("{"):
            self._flush()
            self._take_json(bare)
        elif entry := entry_of_text(text, self._zone):
            self._flush()
            self._pending = self.total, entry
        elif (start := bare.find('{"')) > 0 and bare.endswith("}"):
            # behind the name of a container, say
            self._flush()
            self._take_json(bare[start:])
        elif self._pending is not None:
            self._follow(text)

    def _follow(self, text: str) -> None:
        if len(self._following) < MOST_FOLLOWING:
            self._following.append(text)

    def _take_json(self, text: str) -> None:
        try:
            record = json_object(text)
        except TornLineError:
            self.torn += 1
            return
        wrapped = record.get("log")
        if isinstance(wrapped, str) and "stream" in record:  # Docker's own log files
            self._feed(_plain(wrapped))
        elif entry := entry_of_object(record):
            self._take(self.total, entry)

    def _flush(self) -> None:
        if self._pending is not None:
            number, entry = self._pending
            add_following(entry, self._following)
            self._pending, self._following = None, []
            self._take(number, entry)

    def _take(self, number: int, entry: Entry) -> None:
        what = meaning_of(entry)
        known = what is not What.OTHER
        if entry.at_ns is not None:
            # the lines of a job's process may come late: the order is not that of time
            self.first_at_ns = min(self.first_at_ns or entry.at_ns, entry.at_ns)
            self.last_at_ns = max(self.last_at_ns or entry.at_ns, entry.at_ns)
        if known or (entry.logger or "").startswith("livekit.agents"):
            self.recognised += 1
            self.sdks.add(entry.sdk)
        grave = entry.level in _GRAVE and not entry.by_rtc
        if not known and not grave:
            # nearly all lines of a busy worker are such: what else there is to find in them takes most of the time
            self._requests.passed_over(entry.process)
            return
        line = line_of(entry, what, number, self._scrubber)
        line = replace(line, job_id=self._requests.job_of(line, entry.process))
        of_a_job = line.job_id or line.room or line.room_sid
        if line.what is What.STARTING:
            self.versions.update(dict.fromkeys(versions_of(entry)))
        if known or of_a_job:
            line = replace(line, worker_id=self._workers.worker_of(line, entry.process))
            if line.what is What.REGISTERED and line.worker_id:
                self.worker_ids[line.worker_id] = None
            self.lines.append(line)


def _plain(text: str) -> str:
    return (_ANSI.sub("", text) if "\x1b" in text else text).rstrip()


class _Workers:
    """Which worker wrote a line: in one file there may be several, and one gets a new id whenever it reconnects."""

    def __init__(self) -> None:
        self._by_process: dict[tuple[str, str], str | None] = {}
        """None: two that have the same process number (containers), which can't be told apart."""
        self._gone: set[tuple[str, str]] = set()
        """Processes whose worker has lost its registration: the next one is its own."""
        self._by_job: dict[str, str] = {}

    def worker_of(self, line: LogLine, process: tuple[str, str]) -> str | None:
        """Its own word, else the worker that its process registered as, else the one that was asked for its job."""
        if line.what is What.REGISTERED and line.worker_id:
            known = self._by_process.get(process, line.worker_id) == line.worker_id
            self._by_process[process] = line.worker_id if known or process in self._gone else None
            self._gone.discard(process)
        worker = line.worker_id
        if worker is None and line.what is not What.STARTING:
            worker = self._by_process.get(process)
        if line.job_id and line.what is What.RECEIVED_REQUEST and worker:
            self._by_job[line.job_id] = worker
        if line.what in _UNREGISTERS and self._by_process.get(process) is not None:
            self._gone.add(process)
        return worker or self._by_job.get(line.job_id or "")
