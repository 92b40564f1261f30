"""Carries an examination out: a private server where one is wanted, signals, and each line as soon as it is known."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lkdiag.cli.messages import Shield, say, say_away, write_stdout
from lkdiag.cli.recording import new_run_id, stop_on_signals, until_stopped
from lkdiag.cli.session import SERVER_LOG
from lkdiag.doctor.bench import Wanted
from lkdiag.doctor.examination import examine
from lkdiag.document import doctor as document
from lkdiag.errors import UsageError
from lkdiag.journal.recorder import Recorder
from lkdiag.render import json, terminal
from lkdiag.settings import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rich.status import Status

    from lkdiag.doctor.check import Check
    from lkdiag.report.doctor_value import Checked, DoctorReport
    from lkdiag.settings import CredentialFlags


@dataclass(frozen=True)
class Answer:
    """Where the answer goes, and how it is written."""

    path: Path | None
    as_json: bool
    verbose: bool
    quiet: bool


def run_doctor(
    flags: CredentialFlags,
    agent_name: str | None,
    timeout_s: float,
    answer: Answer,
    *,
    local: bool,
    server_binary: Path | None,
) -> DoctorReport | None:
    """Examine, and write the answer; None when it was interrupted before it had begun.

    Raises ServerSetupError where there is no private server to be had, UsageError where the answer can't be written.
    """
    follow = () if answer.quiet else (Shield().around(say_away),)
    wanted = Wanted(flags, new_run_id(), agent_name, timeout_s, follow=follow)
    return asyncio.run(_run(wanted, answer, local=local, server_binary=server_binary))


async def _run(wanted: Wanted, answer: Answer, *, local: bool, server_binary: Path | None) -> DoctorReport | None:
    stop, begun = asyncio.Event(), asyncio.Event()
    note: Callable[[str], None] = (lambda _text: None) if answer.quiet else say

    async def work() -> DoctorReport:
        async with _private(server_binary, note) if local else contextlib.nullcontext() as private:
            writer = _Writer(answer)
            begun.set()
            with writer:
                report = await examine(
                    replace(wanted, private=private),
                    writer.begin,
                    writer.line,
                    stop,
                )
                writer.finish(report)
        return report

    recorder = Recorder(wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    with stop_on_signals(lambda: recorder, stop):
        return await until_stopped(work(), begun, stop)


@contextlib.asynccontextmanager
async def _private(binary_path: Path | None, note: Callable[[str], None]) -> AsyncIterator[Credentials]:
    """The credentials of a private server that lives as long as the block."""
    from lkdiag.server.binary import find_server
    from lkdiag.server.private import PrivateServer

    binary = await find_server(binary_path, note)
    with tempfile.TemporaryDirectory(prefix="lkdiag-doctor-") as folder:
        async with PrivateServer(binary, Path(folder) / SERVER_LOG) as server:
            yield Credentials(server.url, server.api_key, server.api_secret, "the private server")


class _Writer:
    """On stdout each line is written when it is known; a file, and JSON, are written at the end."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._streamed = answer.path is None and not answer.as_json
        self._console = terminal.make_console(sys.stdout, is_terminal=sys.stdout.isatty())
        self._group = ""
        self._gone = False
        self._titled = False
        self._status = self._make_status()

    def __enter__(self) -> _Writer:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def begin(self, check: Check) -> None:
        """The check is under way."""
        if self._status is not None:
            self._status.update(f"{check.title} …")

    def line(self, checked: Checked) -> None:
        """The check has ended."""
        if not self._streamed:
            return
        if not self._titled:
            self._titled = True
            self._print(lambda _: terminal.write(document.title(), self._console))
        line = document.check(checked, self._group, verbose=self._answer.verbose)
        self._print(lambda _: terminal.write(line, self._console))
        self._group = checked.group

    def finish(self, report: DoctorReport) -> None:
        """All have ended."""
        if self._status is not None:
            self._status.stop()
        if self._streamed:
            self._print(lambda _: terminal.write(document.conclusion(report), self._console))
        elif self._answer.path is None:
            self._print(lambda file: file.write(json.render_value(report)))
        else:
            self._write_file(report, self._answer.path)

    def _write_file(self, report: DoctorReport, path: Path) -> None:
        try:
            with path.open("w", encoding="utf-8") as file:
                if self._answer.as_json:
                    file.write(json.render_value(report))
                else:
                    shown = document.blocks(report, verbose=self._answer.verbose)
                    terminal.write(shown, terminal.make_console(file, is_terminal=False))
        except OSError as error:
            raise UsageError(
                f"the answer can't be written to {path}: {error.strerror}", "choose another -o FILE"
            ) from error
        if not self._answer.quiet:
            say(f"{report.headline} Written to {path}")

    def _make_status(self) -> Status | None:
        """What is being checked, in a terminal; on stdout, where the lines go there, for rich keeps them apart."""
        from rich.console import Console

        console = self._console if self._streamed else Console(stderr=True)
        return console.status("") if console.is_terminal and not self._answer.quiet else None

    def _print(self, write: Callable[[TextIO], object]) -> None:
        """The examination goes on, and its rooms are deleted, also when nobody reads any more."""
        if self._gone:
            return
        try:
            self._gone = not write_stdout(write, "the answer")
        except UsageError as error:
            self._gone = True
            say(f"error: {error.message}")
