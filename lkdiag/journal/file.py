"""The journal of a run: append-only JSON lines, written as things happen, readable after any kind of end."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, cast

import msgspec

from lkdiag.errors import JournalError, UsageError
from lkdiag.journal.event import Event
from lkdiag.journal.run_kinds import RunStarted
from lkdiag.private_files import make_private_folder, open_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

SCHEMA = "lkdiag.journal/1"
FILE_NAME = "journal.jsonl"

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)


class JournalWriter:
    """Writes each event as a line, and hands it to the operating system at once: a killed lkdiag loses none.

    Raises UsageError when the file can't be made; it is readable by its owner alone. A disk that is full later on
    must not keep a trial from closing its room: from then on nothing is written, and `on_failure` is told, once.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.failure: OSError | None = None
        self.on_failure: Callable[[], object] | None = None
        try:
            make_private_folder(path.parent)
            self._file = os.fdopen(open_private(path, os.O_EXCL), "wb", buffering=0)
        except OSError as error:
            raise UsageError(
                f"the journal can't be written: {path}: {error.strerror}", "choose another --runs-dir"
            ) from error

    def write(self, event: Event) -> None:
        """Append one event."""
        if self.failure is not None:
            return
        left = memoryview(_encoder.encode(event) + b"\n")
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self.failure = error
            if self.on_failure is not None:
                self.on_failure()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def append_events(path: Path, events: Iterable[Event]) -> None:
    """Add to a journal that is finished what was learnt afterwards. Raises JournalError when it can't be written."""
    try:
        with path.open("ab") as file:
            file.write(b"".join(_encoder.encode(event) + b"\n" for event in events))
    except OSError as error:
        raise JournalError(f"{path} can't be written: {error.strerror}", "the run itself is kept") from error


class JournalEvents:
    """A journal's events, read from its file anew whenever they are iterated over: none of them is kept.

    What is written to the file afterwards is not among them. Iterating raises JournalError where a line is broken.
    """

    def __init__(self, path: Path, length: int) -> None:
        self._path = path
        self._length = length
        """Bytes, without a torn last line."""

    def __iter__(self) -> Iterator[Event]:
        for number, line in self._lines():
            try:
                yield _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise self._broken(number, error) from error

    def selected(self, wanted: Callable[[str, int | None], bool]) -> Iterator[Event]:
        """Those of which `wanted` says so, by kind and trial. It is asked for each; the others are read over."""
        for number, line in self._lines():
            try:
                head = _head_decoder.decode(line)
                if wanted(head.kind, head.trial):
                    yield _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise self._broken(number, error) from error

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        left = self._length
        try:
            with self._path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    left -= len(line)
                    if left < 0:
                        return
                    if not line.isspace():
                        yield number, line
        except OSError as error:
            raise _unreadable(self._path, error) from error

    def _broken(self, number: int, error: Exception) -> JournalError:
        return JournalError(f"{self._path}: line {number} is not an event: {error}", "the file was changed")


class _Head(msgspec.Struct, gc=False):
    kind: str
    trial: int | None = None


_head_decoder = msgspec.json.Decoder(_Head)


@dataclass(frozen=True)
class Journal:
    """What a journal file holds."""

    path: Path
    started: Event[RunStarted]
    """Its first event, `run.started`."""
    events: JournalEvents
    notes: tuple[str, ...]
    """What is wrong with the file and could be lived with."""


def find_journal(run: str, runs_dir: Path, path: Path) -> Path:
    """The journal that RUN means: a file, a run's folder, or a run's id (or a beginning of it) in `runs_dir`.

    `path` is RUN as a path. Raises JournalError when there is none, or more than one.
    """
    for candidate in (path, path / FILE_NAME):
        with contextlib.suppress(OSError):  # a name that is too long, a folder that can't be entered
            if candidate.is_file():
                return candidate
    found = sorted(runs_dir.glob(f"*/{FILE_NAME}")) if os.path.isdir(runs_dir) else []
    matches = [journal for journal in found if journal.parent.name == run]
    matches = matches or [journal for journal in found if run and journal.parent.name.startswith(run)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(journal.parent.name for journal in matches[:5])
        raise JournalError(f"{run!r} begins the names of {len(matches)} runs", f"among them {names}")
    recent = ", ".join(journal.parent.name for journal in found[-3:])
    raise JournalError(
        f"there is no run {run!r}",
        f"the latest in {runs_dir}: {recent}" if recent else f"{runs_dir} holds no runs yet",
    )


def read_journal(path: Path) -> Journal:
    """Open a journal, whole, interrupted or torn in its last line. Its events are read when they are iterated over.

    Raises JournalError when it is empty, is not a journal, or is one of another format.
    """
    try:
        with path.open("rb") as file:
            first = next((line for line in file if not line.isspace()), b"")
            length, torn = _whole_lines(file)
            number = _count_lines(file) + 1 if torn else 0
    except OSError as error:
        raise _unreadable(path, error) from error
    if not first:
        raise JournalError(f"{path} is empty", "the run ended before it began; there is nothing to judge")
    started = _decoded(first)
    if started is None or started.kind != RunStarted.KIND or "schema" not in started.data:
        raise JournalError(f"{path} is not a journal of lkdiag", "name a run's id, its folder or its journal.jsonl")
    begun = cast("Event[RunStarted]", started)
    if begun.row.schema != SCHEMA:
        raise JournalError(
            f"{path} has the format {begun.row.schema!r}",
            f"this lkdiag reads {SCHEMA!r}: use the version that wrote it",
        )
    notes = (f"the journal's last line ({number}) is torn and was left out: the run was cut off",) if torn else ()
    return Journal(path, begun, JournalEvents(path, length), notes)


def _whole_lines(file: BinaryIO) -> tuple[int, bool]:
    """How many bytes there are without a torn last line, and whether there is one: its write never ended."""
    end = file.seek(0, os.SEEK_END)
    last = b""
    at = end
    while at > 0 and b"\n" not in last:
        step = min(at, 65_536)
        at -= step
        file.seek(at)
        last = file.read(step) + last
    last = last[last.rfind(b"\n") + 1 :]
    torn = bool(last.strip()) and _decoded(last) is None
    return (end - len(last) if torn else end), torn


def _count_lines(file: BinaryIO) -> int:
    """Those that have an end."""
    file.seek(0)
    return sum(part.count(b"\n") for part in iter(lambda: file.read(1_000_000), b""))


def _decoded(line: bytes) -> Event | None:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _unreadable(path: Path, error: OSError) -> JournalError:
    return JournalError(f"{path} can't be read: {error.strerror}", "check its permissions")


def last_run(runs_dir: Path) -> Path:
    """The journal of the newest run. Raises JournalError when there is none."""
    found = sorted(runs_dir.glob(f"*/{FILE_NAME}")) if os.path.isdir(runs_dir) else []
    if not found:
        raise JournalError(f"{runs_dir} holds no runs yet", "`lkdiag dispatch-trial` makes one")
    return found[-1]
