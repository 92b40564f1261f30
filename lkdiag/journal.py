"""The journal of a run: append-only JSON lines, written as things happen, readable after any kind of end."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec

from lkdiag.errors import JournalError, UsageError
from lkdiag.timeline import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from types import TracebackType

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
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = path.open("xb", buffering=0)
            path.chmod(0o600)
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


@dataclass(frozen=True)
class Journal:
    """What a journal file holds."""

    path: Path
    events: tuple[Event, ...]
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
    found = sorted(runs_dir.glob(f"*/{FILE_NAME}")) if runs_dir.is_dir() else []
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
    """Read a journal, whole, interrupted or torn in its last line.

    Raises JournalError when it is empty, is not a journal, is one of another format, or is broken in the middle.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path} can't be read: {error.strerror}", "check its permissions") from error
    if not content.strip():
        raise JournalError(f"{path} is empty", "the run ended before it began; there is nothing to judge")
    notes: list[str] = []
    events = tuple(_parse(path, content, notes))
    _check_head(path, events)
    return Journal(path, events, tuple(notes))


def _parse(path: Path, content: bytes, notes: list[str]) -> Iterator[Event]:
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(lines) and number > 1:
                # no newline behind it: the write of this line never ended
                notes.append(f"the journal's last line ({number}) is torn and was left out: the run was cut off")
                return
            if number == 1:
                raise JournalError(
                    f"{path} is not a journal of lkdiag", "name a run's id, its folder or its journal.jsonl"
                ) from error
            raise JournalError(f"{path}: line {number} is not an event: {error}", "the file was changed") from error


def _check_head(path: Path, events: tuple[Event, ...]) -> None:
    if not events or events[0].kind != "run.started" or "schema" not in events[0].data:
        raise JournalError(f"{path} is not a journal of lkdiag", "name a run's id, its folder or its journal.jsonl")
    if events[0].data["schema"] != SCHEMA:
        raise JournalError(
            f"{path} has the format {events[0].data['schema']!r}",
            f"this lkdiag reads {SCHEMA!r}: use the version that wrote it",
        )


def last_run(runs_dir: Path) -> Path:
    """The journal of the newest run. Raises JournalError when there is none."""
    found = sorted(runs_dir.glob(f"*/{FILE_NAME}")) if runs_dir.is_dir() else []
    if not found:
        raise JournalError(f"{runs_dir} holds no runs yet", "`lkdiag dispatch-trial` makes one")
    return found[-1]
