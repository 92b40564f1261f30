"""`lkdiag bundle`: everything about a run in one file for a bug report."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from lkdiag import settings
from lkdiag.cli.messages import say, write_stdout
from lkdiag.cli.options import Last, Run, RunsDir
from lkdiag.cli.secrets import secrets_of_run
from lkdiag.cli.worker_log import check_worker_log, worker_log_events
from lkdiag.errors import UsageError
from lkdiag.private_files import open_private
from lkdiag.scenario.option import Option

if TYPE_CHECKING:
    from lkdiag.bundle import Bundle

EXAMPLES = """[bold]Examples[/]

lkdiag bundle --last [dim]– the newest run, masked, as lkdiag-RUN.zip[/]

lkdiag bundle --last --dry-run [dim]– what would be in it[/]

lkdiag bundle 20261121-034950-19f5 --worker-log worker.log -o report.zip [dim]– with your worker's own log[/]
"""
SERVER_LOG = "livekit-server.log"
ATTACHMENT_MAX = 25_000_000
"""Bytes. What GitHub takes as an attachment: docs.github.com, Attaching files."""


def bundle(
    run: Run = None,
    last: Last = False,
    worker_log: Annotated[
        Path | None, Option("Your worker's JSON log: it is judged, and put into it.", metavar="FILE")
    ] = None,
    full: Annotated[bool, Option("Mask nothing but secrets and tokens.")] = False,
    output: Annotated[
        Path | None, Option("By default lkdiag-RUN.zip in the current folder.", short="-o", metavar="FILE")
    ] = None,
    force: Annotated[bool, Option("Overwrite FILE if it is there.")] = False,
    dry_run: Annotated[bool, Option("Show what would be in it, and write nothing.")] = False,
    runs_dir: RunsDir = None,
) -> None:
    """Put everything about a run into one .zip, to be attached to a bug report.

    Inside: the journal, its report in every format, the environment, the log of
    a private livekit-server, your worker's log if you name it, and a manifest
    with sizes and SHA-256 hashes. A run that was killed can be bundled too.

    The project's host and API key, phone numbers, mail addresses, public IP
    addresses, identities of people, metadata, and what was said in calls are
    masked in every file, the same thing by the same mask; agents, rooms and
    LiveKit's ids stay. --full keeps all of that. Secrets and tokens are never in
    it. Look into it all the same: no program knows what is private to you.

    Exit codes: 0 written · 2 usage, or there is no such run.
    """
    from lkdiag.bundle import Material, archive, make_bundle
    from lkdiag.journal.file import find_journal, last_run, read_journal

    check_worker_log(worker_log)
    directory = settings.runs_dir(runs_dir)
    if last == (run is not None):
        raise UsageError("name a RUN, or --last", f"runs are kept in {directory}")
    journal = read_journal(last_run(directory) if run is None else find_journal(run, directory, Path(run)))
    target = output or Path(_file_name(str(journal.started.data.get("run_id", "run"))))
    if not dry_run:
        _check_target(target, force=force)
    known = secrets_of_run(journal.started)
    server_log = journal.path.parent / SERVER_LOG
    material = Material(
        journal,
        server_log if server_log.is_file() else None,
        worker_log,
        () if worker_log is None else worker_log_events(journal.events, worker_log, secrets=known),
    )
    made = make_bundle(material, full=full, secrets=known)
    packed = archive(made)
    if not dry_run:
        _save(packed, target, force=force)
    _show(made, target, len(packed), written=not dry_run)


def _file_name(run_id: str) -> str:
    from lkdiag.bundle import folder_name

    return f"{folder_name(run_id)}.zip"


def _check_target(path: Path, *, force: bool) -> None:
    """Raises UsageError before anything is read, when it could not be written."""
    hint = "choose another -o FILE"
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a folder", f"name the file in it: -o {path / 'report.zip'}")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder {path.parent}", hint)
        if os.path.lexists(path) and not force:
            raise UsageError(f"{path} is there already", "choose another -o FILE, or overwrite it with --force")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise UsageError(f"the bundle can't be written to {path}: no permission", hint)
    except OSError as error:  # a name that is too long, a folder that can't be entered
        raise UsageError(f"the bundle can't be written to {path}: {error.strerror}", hint) from error


def _save(packed: bytes, path: Path, *, force: bool) -> None:
    """All of it, or nothing."""
    try:
        with os.fdopen(open_private(path, os.O_TRUNC if force else os.O_EXCL), "wb") as file:
            try:
                file.write(packed)
                file.flush()
            except OSError:
                if path.is_file():  # /dev/full is none
                    with contextlib.suppress(OSError):
                        path.unlink()
                raise
    except OSError as error:
        raise UsageError(
            f"the bundle can't be written to {path}: {error.strerror}", "choose another -o FILE; the run is kept"
        ) from error


def _show(made: Bundle, target: Path, size: int, *, written: bool) -> None:
    """The list of files goes to stdout; what to do with them goes to stderr."""
    from lkdiag.bundle import listing
    from lkdiag.render import terminal

    for note in made.notes:
        say(f"note: {note}")
    listed = listing(made, str(target), size, written=written)
    write_stdout(
        lambda file: terminal.write(listed, terminal.make_console(file, is_terminal=file.isatty())), "the list", hint=""
    )
    if size > ATTACHMENT_MAX:
        say("note: GitHub takes attachments of up to 25 MB")
    if written:
        say("Look into it before you share it: unzip, and read what is there.")
