"""What is in a bundle: the journal, its reports in every format, the environment and the logs, all of them cleaned."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lkdiag.bundle.cleaning import Cleaner
from lkdiag.bundle.logfile import read_lines
from lkdiag.errors import LkdiagError, kind_and_place
from lkdiag.render import FORMATS
from lkdiag.report.build import build_report
from lkdiag.report.masking import Masks
from lkdiag.timeline import Event

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from lkdiag.journal import Journal
    from lkdiag.report.value import Report

SUFFIXES = {"terminal": "txt", "markdown": "md", "junit": "junit.xml"}
"""Of a report in these formats; in every other it is the format's name."""
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
    """What a bundle is made of."""

    journal: Journal
    server_log: Path | None = None
    worker_log: Path | None = None
    worker_events: tuple[Event, ...] = ()
    """What the worker's log says of the run's trials, to be judged with the journal."""


@dataclass(frozen=True)
class File:
    """One file of a bundle."""

    name: str
    about: str
    data: bytes


@dataclass(frozen=True)
class Bundle:
    """A bundle that is ready to be written."""

    run: dict[str, Any]
    """Of `run.started`: id, scenario, lkdiag_version, started_at_ns."""
    full: bool
    """Whether everything but secrets was kept."""
    masked: dict[str, int]
    """How many different things of each kind were masked."""
    files: tuple[File, ...]
    notes: tuple[str, ...]


def make_bundle(material: Material, *, full: bool = False, secrets: Sequence[str] = ()) -> Bundle:
    """Make it, out of nothing but the material: the same gives the same bundle.

    `secrets` are those that are known; whatever looks like one is hidden besides, also in a `full` bundle.
    Raises UsageError when a log can't be read, LkdiagError when the masked journal would be judged otherwise.
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
    """Its reports, and where it took place. A journal that can't be judged is worth a bundle all the same."""
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
    """Of a report, or of `run.started`."""
    run = report.get("run", report)
    about = {name: run[name] for name in ("id", "run_id", "scenario", "command", "lkdiag_version") if name in run}
    where = report.get("environment") or {
        name: run[name] for name in ("project_host", "sdk", "python", "os") if name in run
    }
    text = json.dumps({**about, **where}, indent=2, ensure_ascii=True)
    return File("environment.json", "where it ran: versions, server, region", f"{text}\n".encode())


def _verdicts(report: Report) -> list[tuple[object, ...]]:
    """What must not change: of the run and of each of its trials."""
    found: list[tuple[object, ...]] = [(report.verdict, [finding.check for finding in report.findings])]
    for trial in getattr(report, "trials", ()):
        checks = [finding.check for finding in trial.findings]
        found.append((trial.index, trial.outcome, getattr(trial, "mismatch", None), checks))
    return found


def _events(lines: Iterable[str]) -> tuple[Event, ...]:
    """Of the cleaned lines, of which a torn last one is left out, as `read_journal` does."""
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
