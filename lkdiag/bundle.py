"""A bundle: everything that a maintainer needs about a run, in one archive, without secrets or personal data."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag import __version__
from lkdiag.document.blocks import BLANK, Column, Facts, Paragraph, Span, Table
from lkdiag.errors import LkdiagError, UsageError, kind_and_place
from lkdiag.journal.event import Event
from lkdiag.privacy.masks import Masks
from lkdiag.privacy.secrets import Scrubber
from lkdiag.render import FORMATS
from lkdiag.report.build import build_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

    from lkdiag.document.blocks import Block
    from lkdiag.journal.file import Journal
    from lkdiag.report.value import Report


_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LABEL = "data"
"""The field of an event that has to be cleaned; the others are numbers and the kind."""


class Cleaner:
    """Cleans journals and logs line by line: of secrets always, of personal data unless `masks` is None.

    First let it `learn` every text of the bundle, then clean them.
    """

    def __init__(self, masks: Masks | None, secrets: Sequence[str] = ()) -> None:
        self._masks = masks
        self._known = tuple(secrets)
        self._scrubber = Scrubber(self._known)

    def learn_journal(self, lines: Iterable[str]) -> None:
        """Learn the names in a journal."""
        scrubber = Scrubber(self._known)
        for line in lines:
            event = _object(line)
            self._learn(scrubber, line if event is None else event.get(LABEL))

    def learn_log(self, lines: Iterable[str]) -> None:
        """Learn the names in a log."""
        scrubber = Scrubber(self._known)
        for line in lines:
            for part in _parts(line):
                self._learn(scrubber, part)

    def journal(self, lines: Iterable[str]) -> Iterator[str]:
        """Clean a journal's lines. A line with nothing to hide stays unchanged, byte by byte."""
        for line in lines:
            event = _object(line)
            if event is None:  # torn: the run was killed while it was written
                yield self._text(line)
                continue
            cleaned = self.value(event.get(LABEL))
            yield line if cleaned == event.get(LABEL) else _dumped({**event, LABEL: cleaned})

    def log(self, lines: Iterable[str]) -> Iterator[str]:
        """Clean the lines of a server's or worker's log, JSON or not."""
        scrubber = Scrubber(self._known)  # a key block may go over several lines
        for line in lines:
            before, fields, after = _parts(line)
            if fields is None:
                yield self._masked(scrubber.text(before))
                continue
            cleaned = self._masked(scrubber.value(fields))
            rest = line[len(before) : len(line) - len(after)] if cleaned == fields else _dumped(cleaned)
            yield f"{self._masked(scrubber.text(before))}{rest}{after}"

    def value(self, value: Any) -> Any:
        """Clean a JSON value."""
        return self._masked(self._scrubber.value(value))

    def _learn(self, scrubber: Scrubber, value: Any) -> None:
        if self._masks is not None and value:
            self._masks.learn(scrubber.value(value))

    def _masked(self, value: Any) -> Any:
        return value if self._masks is None else self._masks.value(value)

    def _text(self, text: str) -> str:
        text = self._scrubber.text(text)
        return text if self._masks is None else self._masks.text(text)


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _parts(line: str) -> tuple[str, dict[str, Any] | None, str]:
    """Split a log line into the text before its JSON fields, the fields, and the text after them.

    Workers in development mode write the time, the level and the message before the fields.
    """
    start = line.find("{")
    if start >= 0 and (found := _object(line[start:])) is not None:
        after = line[len(line.rstrip()) :]
        return line[:start], found, after
    return line, None, ""


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def without_colours(line: str) -> str:
    """A log line without the terminal's colour codes."""
    return _ANSI.sub("", line)


HEAD_MAX = 2_000_000
"""How many characters of a log's beginning are kept: there a worker says what it is."""
TAIL_MAX = 18_000_000
"""How many characters of its end are kept. GitHub takes attachments of 25 MB; logs compress about ten to one."""
LONGEST_LINE = 1_000_000
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_GZIP = b"\x1f\x8b"


def read_lines(path: Path) -> tuple[list[str], int]:
    """Read a log, plain or gzipped: its lines without line ends, and how many were left out in the middle.

    Raises UsageError if it can't be read. A truncated gzip file gives what can be unpacked.
    """
    head: list[str] = []
    tail: deque[str] = deque()
    sizes = [0, 0]
    left_out = 0
    try:
        for line in _lines(path):
            size = len(line) + 1
            if not tail and sizes[0] + size <= HEAD_MAX:
                head.append(line)
                sizes[0] += size
                continue
            tail.append(line)
            sizes[1] += size
            while sizes[1] > TAIL_MAX:
                sizes[1] -= len(tail.popleft()) + 1
                left_out += 1
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror or error}", "check its permissions") from error
    gap = [f"… {left_out} lines left out of the bundle …"] if left_out else []
    return [*head, *gap, *tail], left_out


def _lines(path: Path) -> Iterator[str]:
    with path.open("rb") as raw:
        start = raw.read(2)
        raw.seek(0)
        binary: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=raw) if start == _GZIP else raw
        encoding = "utf-16" if start in _UTF_16 else "utf-8-sig"
        with io.TextIOWrapper(binary, encoding=encoding, errors="replace") as text:
            # an overlong line comes in pieces: a secret could be cut in two, so all pieces after the first are dropped
            overlong = False
            while line := text.readline(LONGEST_LINE):
                ended = line.endswith("\n")
                if not overlong:
                    yield without_colours(line.rstrip("\r\n")) if ended or len(line) < LONGEST_LINE else "…"
                overlong = not ended


SUFFIXES = {"terminal": "txt", "markdown": "md", "junit": "junit.xml"}
"""The suffix of a report in these formats; for all others it is the format's name."""
ABOUT = {
    "terminal": "the report as plain text",
    "markdown": "the report for the body of an issue",
    "json": "the report for programs",
    "html": "the report for a browser",
    "junit": "the report for CI",
    "svg": "the report's table as a picture",
}
_decoder = msgspec.json.Decoder(Event)


@dataclass(frozen=True)
class Material:
    """The inputs of a bundle."""

    journal: Journal
    server_log: Path | None = None
    worker_log: Path | None = None
    worker_events: tuple[Event, ...] = ()
    """Events from the worker's log about the run's trials, judged together with the journal."""


@dataclass(frozen=True)
class File:
    """One file of a bundle."""

    name: str
    about: str
    data: bytes


@dataclass(frozen=True)
class Bundle:
    """A bundle, ready to be written: the journal, reports in every format, environment and logs, all cleaned."""

    run: dict[str, Any]
    """id, scenario, lkdiag_version and started_at_ns, from `run.started`."""
    full: bool
    """Whether everything but secrets was kept."""
    masked: dict[str, int]
    """How many different values of each kind were masked."""
    files: tuple[File, ...]
    notes: tuple[str, ...]


def make_bundle(material: Material, *, full: bool = False, secrets: Sequence[str] = ()) -> Bundle:
    """Make a bundle. The same material always gives the same bundle.

    `secrets` are the known ones; everything that looks like a secret is hidden too, also in a `full` bundle. Raises
    UsageError if a log can't be read, LkdiagError if the masked journal would be judged differently.
    """
    started = material.journal.started
    host, options = str(started.data.get("project_host", "")), started.data.get("options")
    masks = None if full else Masks.of_run(host, options if isinstance(options, dict) else {})
    cleaner = Cleaner(masks, secrets)
    notes = list(material.journal.notes)
    journal = material.journal.path.read_text(encoding="utf-8", errors="replace").split("\n")
    logs = [
        (name, about, _read(path, name, notes))
        for name, about, path in (
            ("livekit-server.log", "what the private livekit-server logged", material.server_log),
            ("worker.log", "what your worker logged", material.worker_log),
        )
        if path is not None
    ]
    cleaner.learn_journal(journal)
    for _, _, lines in logs:
        cleaner.learn_log(lines)
    cleaned = list(cleaner.journal(journal))
    files = [File("journal.jsonl", "everything that was seen, as it was recorded", _bytes(cleaned, end=""))]
    events = (*_events(cleaned), *(_cleaned(event, cleaner) for event in material.worker_events))
    files += _reports(material, events, notes, cleaner)
    files += [File(name, about, _bytes(cleaner.log(lines))) for name, about, lines in logs]
    return Bundle(
        run={
            "id": str(started.data.get("run_id", "run")),
            "scenario": started.data.get("scenario"),
            "lkdiag_version": started.data.get("lkdiag_version"),
            "started_at_ns": started.at_ns,
        },
        full=full,
        masked={} if masks is None else masks.masked,
        files=tuple(files),
        notes=tuple(cleaner.value(notes)),
    )


def _read(path: Path, name: str, notes: list[str]) -> list[str]:
    lines, left_out = read_lines(path)
    if left_out:
        notes.append(f"{name}: {left_out} lines in its middle were left out, to keep the bundle small")
    return lines


def _reports(material: Material, events: Sequence[Event], notes: list[str], cleaner: Cleaner) -> list[File]:
    """The reports and the environment. A journal that can't be judged gets a bundle without reports."""
    seen = (*material.journal.events, *material.worker_events)
    try:
        original = build_report(seen, material.journal.notes)
    except Exception as error:
        notes.append(f"there is no report in it: the run can't be judged ({type(error).__name__}: {error})")
        return [_environment(events[0].data)]
    masked = build_report(events, cleaner.value(list(material.journal.notes)))
    if _verdicts(masked) != _verdicts(original):
        raise LkdiagError(
            "the masked journal would be judged otherwise than the run was, so it is not bundled",
            "this is a fault of lkdiag's own: please report it. --full masks nothing but secrets",
        )
    files = []
    for name, write in sorted(FORMATS.items(), key=lambda item: item[0] != "markdown"):
        text = io.StringIO()
        try:
            write(masked, text, verbose=True)
        except Exception as error:
            notes.append(f"there is no report as {name} in it: lkdiag failed to write it ({kind_and_place(error)})")
            continue
        suffix = SUFFIXES.get(name, name)
        files.append(File(f"report.{suffix}", ABOUT.get(name, f"the report as {name}"), text.getvalue().encode()))
    about = {"run": msgspec.to_builtins(masked.run), "environment": msgspec.to_builtins(masked.environment)}
    return [*files, _environment(about)]


def _environment(report: dict[str, Any]) -> File:
    """The environment, from a report or from `run.started`."""
    run = report.get("run", report)
    about = {name: run[name] for name in ("id", "run_id", "scenario", "command", "lkdiag_version") if name in run}
    where = report.get("environment") or {
        name: run[name] for name in ("project_host", "sdk", "python", "os") if name in run
    }
    text = json.dumps({**about, **where}, indent=2, ensure_ascii=True)
    return File("environment.json", "where it ran: versions, server, region", f"{text}\n".encode())


def _verdicts(report: Report) -> list[tuple[object, ...]]:
    """What masking must not change: the verdicts and checks of the run and of each trial."""
    found: list[tuple[object, ...]] = [(report.verdict, [finding.check for finding in report.findings])]
    for trial in getattr(report, "trials", ()):
        checks = [finding.check for finding in trial.findings]
        found.append((trial.index, trial.outcome, getattr(trial, "mismatch", None), checks))
    return found


def _events(lines: Iterable[str]) -> tuple[Event, ...]:
    """The events of the cleaned lines, without a torn last line, as in `read_journal`."""
    found = []
    for line in lines:
        try:
            found.append(_decoder.decode(line))
        except msgspec.DecodeError:
            continue
    return tuple(found)


def _cleaned(event: Event, cleaner: Cleaner) -> Event:
    return Event(event.seq, event.kind, event.at_ns, event.mono_ns, event.trial, cleaner.value(event.data))


def _bytes(lines: Iterable[str], end: str = "\n") -> bytes:
    text = "\n".join(lines)
    return (text + end if text else "").encode("utf-8", errors="replace")


SCHEMA = "lkdiag.bundle/1"
MANIFEST = "manifest.json"
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
"""The earliest time that a zip can hold."""


def folder_name(run_id: str) -> str:
    """The folder in the zip, and the zip's name without its suffix: `lkdiag-20261121-034950-19f5`."""
    return f"lkdiag-{re.sub(r'[^A-Za-z0-9_-]', '_', run_id)[:80]}"


def manifest(bundle: Bundle) -> bytes:
    """The manifest: the files with sizes and hashes, what was masked, and lkdiag's version."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "lkdiag_version": __version__,
        "run": {name: value for name, value in bundle.run.items() if name != "started_at_ns"},
        "full": bundle.full,
        "masked": bundle.masked,
        "notes": list(bundle.notes),
        "files": [
            {"name": file.name, "about": file.about, "size": len(file.data), "sha256": _hash(file.data)}
            for file in bundle.files
        ],
    }
    return (json.dumps(fields, indent=2, ensure_ascii=True) + "\n").encode()


def archive(bundle: Bundle) -> bytes:
    """The zip: one folder, which `lkdiag report FOLDER` can read. Its files have the time of the run."""
    begun = datetime.fromtimestamp(max(bundle.run["started_at_ns"] / 1e9, _EARLIEST.timestamp()), UTC)
    folder = folder_name(str(bundle.run["id"]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, data in ((MANIFEST, manifest(bundle)), *((one.name, one.data) for one in bundle.files)):
            about = zipfile.ZipInfo(f"{folder}/{name}", begun.timetuple()[:6])
            about.create_system = 3  # Unix, on every system: else the bytes would differ
            about.external_attr = 0o100644 << 16
            about.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(about, data)
    return packed.getvalue()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


KINDS = {
    "api key": ("API key", "API keys"),
    "folder": ("home folder", "home folders"),
    "host": ("project host", "project hosts"),
    "ip": ("public IP address", "public IP addresses"),
    "machine": ("machine name", "machine names"),
    "mail": ("mail address", "mail addresses"),
    "metadata": ("metadata or text of a call", "metadata or texts of calls"),
    "person": ("identity", "identities"),
    "phone": ("phone number", "phone numbers"),
}
NOT_MASKED = "nothing: no host, number or identity of a person was found"
KEPT = "nothing (--full): hosts, numbers, identities and metadata are in it"


def listing(bundle: Bundle, target: str, packed: int, *, written: bool) -> Iterator[Block]:
    """For the user who will share the bundle: its files with sizes, what was masked, and where it is."""
    own = (MANIFEST, "what is in it, with SHA-256 hashes", len(manifest(bundle)))
    where = f"{target}, {size(packed)}" if written else f"{target} would have {size(packed)}; nothing is written"
    yield Paragraph((Span("lkdiag bundle", strong=True), f"  run {bundle.run['id']}"))
    yield Table("Files", COLUMNS, (own, *((file.name, file.about, len(file.data)) for file in bundle.files)), indent=2)
    yield BLANK
    yield Facts(
        (("masked", masked(bundle)), ("never in it", "secrets and tokens"), ("bundle", (Span(where, strong=True),)))
    )


def masked(bundle: Bundle) -> str:
    """`2 phone numbers, 1 project host`."""
    if bundle.full:
        return KEPT
    counts = [f"{count} {KINDS[kind][count > 1]}" for kind, count in bundle.masked.items() if kind in KINDS]
    return ", ".join(counts) or NOT_MASKED


def size(count: int) -> str:
    """`318 B`, `12.3 kB`, `4.1 MB`, in steps of a thousand."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 999_950 else f"{count / 1e6:.1f} MB"


ListedFile = tuple[str, str, int]
"""Name, description and size in bytes."""
COLUMNS = (
    Column[ListedFile]("file", "", lambda file: file[0]),
    Column[ListedFile]("size", "", lambda file: size(file[2]), right=True),
    Column[ListedFile]("what it is", "", lambda file: file[1]),
)
