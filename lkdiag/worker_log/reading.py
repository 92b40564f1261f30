"""Reads a worker's log, line by line: it may be huge, torn, compressed, or a mixture of several programs' lines."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from lkdiag.errors import UsageError
from lkdiag.privacy.secrets import Scrubber
from lkdiag.text import printable
from lkdiag.worker_log.events import OpenRequests
from lkdiag.worker_log.formats import (
    MOST_FOLLOWING,
    Entry,
    TornLineError,
    add_following,
    entry_of_object,
    entry_of_text,
    json_object,
    line_of,
    meaning_of,
    versions_of,
)
from lkdiag.worker_log.lines import What, WorkerLog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import tzinfo
    from pathlib import Path
    from typing import BinaryIO

    from lkdiag.worker_log.lines import LogLine


# Turns the lines of a log file, one after another, into what is kept of them.

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


# A worker's log file, read line by line: it may be huge, torn, compressed, or a mixture of several programs' lines.

LONGEST_LINE = 1_000_000
"""Characters. A longer line is passed over: the longest that a worker wrote in trials had 2,300."""

LINES_A_TELLING = 20_000

_HINT = "keep what the worker prints: `python agent.py start > worker.log 2>&1` (or `node agent.js start`)"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"
_LIVEKIT_SERVER = re.compile(r'"logger":\s*"livekit')


def read_worker_log(
    path: Path,
    *,
    secrets: Collection[str] = (),
    zone: tzinfo | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WorkerLog:
    """Read the log of a livekit-agents or @livekit/agents worker, or of several, plain or gzip.

    `secrets` are taken out of every text, beside whatever looks like a token. `zone` is that of the machine on which
    a worker in development mode ran: its lines have local times, which without it are not known.
    `progress` is told now and then how many bytes have been read, and of how many, on the disk.
    Raises UsageError when the file can't be read, is empty, or holds not one line of a worker.
    """
    name = printable(str(path))
    collector = Collector(secrets, zone)
    cut_off = False
    by_server = False
    try:
        with path.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            for line in _lines(raw):
                collector.feed(line)
                if progress is not None and collector.total % LINES_A_TELLING == 0:
                    progress(raw.tell(), size)
                by_server = by_server or (collector.total <= 100 and bool(_LIVEKIT_SERVER.search(line[:1000])))
    except OSError as error:
        if not isinstance(error, gzip.BadGzipFile):
            raise UsageError(f"{name} can't be read: {error.strerror or error}", "check its permissions") from error
        cut_off = True
    except (EOFError, zlib.error):
        cut_off = True
    found = collector.finish()
    if not found.total and not cut_off:
        raise UsageError(f"{name} is empty", _HINT)
    if not found.recognised:
        said = "not one of its lines is a worker's" if found.total else "it is compressed, and can't be unpacked"
        hint = "it looks like livekit-server's log: give that of the worker" if by_server else _HINT
        raise UsageError(f"{name} is not the log of a LiveKit worker: {said}", hint)
    notes = []
    if found.torn:
        notes.append(f"{found.torn} torn or overlong lines of the worker's log were left out")
    if cut_off:
        notes.append("the worker's log is a compressed file that is cut off")
    return WorkerLog(
        path=path,
        lines=tuple(found.lines),
        total=found.total,
        first_at_ns=found.first_at_ns,
        last_at_ns=found.last_at_ns,
        worker_ids=tuple(found.worker_ids),
        sdks=tuple(sorted(found.sdks)),
        versions=tuple(found.versions),
        notes=tuple(notes),
    )


def _lines(raw: BinaryIO) -> Iterator[str]:
    """Lines without their ends; of an overlong one, a beginning that no format accepts."""
    start = raw.read(2)
    raw.seek(0)
    binary = gzip.GzipFile(fileobj=raw) if start == _GZIP else raw
    # Windows PowerShell writes UTF-16 when it redirects
    encoding = "utf-16" if start in _UTF_16 else "utf-8-sig"
    with io.TextIOWrapper(binary, encoding=encoding, errors="replace") as text:
        overlong = False
        while line := text.readline(LONGEST_LINE):
            ended = line.endswith("\n")
            if not overlong:
                yield line.rstrip("\n")
            overlong = not ended
