"""Runs the canary: one journal after another, each trial judged and counted, until it is stopped."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lkdiag.canary.metrics import Metrics, exposed
from lkdiag.canary.run import CanaryInterval, CanaryRun, KeptJournals, OwnRooms
from lkdiag.cli.messages import Shield, say
from lkdiag.cli.session import SERVER_LOG, Session
from lkdiag.errors import ExitCode, LkdiagError
from lkdiag.journal.run_kinds import RunCrashed, RunInterrupted, RunStarted
from lkdiag.judge.live import DispatchJudge
from lkdiag.scenario.script import with_settings
from lkdiag.text import utc, visible

if TYPE_CHECKING:
    import asyncio
    from pathlib import Path

    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import Recorder
    from lkdiag.judge.live import TrialVerdict
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.settings import Credentials


@dataclass(frozen=True)
class Canary:
    """What the user asked for. The script's `count` is for one journal."""

    script: DispatchScript
    credentials: Credentials | None
    """None: on private servers, one for each journal."""
    server_binary: Path | None
    runs_dir: Path
    command: str
    address: tuple[str, int]
    every_s: float
    keep: int
    max_trials: int | None
    verbose: bool
    quiet: bool

    def run(self) -> ExitCode:
        """Run until stopped. Raises LkdiagError when it could not begin, or can't write its journal any further."""
        rooms = OwnRooms()
        metrics = Metrics(self.script.settings, self.every_s, rooms)
        interval = CanaryInterval(self.every_s, time.monotonic_ns, metrics.skipped)
        kept = KeptJournals(self.keep, SERVER_LOG)
        with exposed(metrics.registry, self.address) as url:
            if not self.quiet:
                say(f"Metrics at {url}")
            with contextlib.suppress(KeyboardInterrupt):  # between two journals: there is nothing to end
                self._run_periods(rooms, metrics, interval, kept)
        if rooms.left:
            say(f"rooms may be left, and close by themselves when their timeouts have passed: {', '.join(rooms.left)}")
            return ExitCode.ROOMS_LEFT
        return ExitCode.OK

    def _run_periods(self, rooms: OwnRooms, metrics: Metrics, interval: CanaryInterval, kept: KeptJournals) -> None:
        left, is_first = self.max_trials, True
        while left is None or left > 0:
            count = self.script.settings.count if left is None else min(left, self.script.settings.count)
            period = JournalPeriod(
                replace(with_settings(self.script, count=count), name="canary"),
                rooms,
                metrics,
                interval,
                is_first=is_first,
                verbose=self.verbose,
            )
            kept.add(self._session(period).run().parent)
            if period.crashed is not None:
                raise LkdiagError(period.crashed, f"please report it, with the run attached: {period.run_id}")
            if period.is_interrupted:
                return
            left, is_first = None if left is None else left - count, False

    def _session(self, period: JournalPeriod) -> Session:
        return Session(
            script=period.script,
            credentials=self.credentials,
            server_binary=self.server_binary,
            runs_dir=self.runs_dir,
            command=self.command,
            quiet=self.quiet,
            carry_out=period.carry_out,
            watchers=period.watchers,
        )


class JournalPeriod:
    """The trials between two rotations of the journal: a run that can be judged by itself."""

    def __init__(
        self,
        script: DispatchScript,
        rooms: OwnRooms,
        metrics: Metrics,
        interval: CanaryInterval,
        *,
        is_first: bool,
        verbose: bool,
    ) -> None:
        self.script = script
        self.run_id = ""
        self.is_interrupted = False
        self.crashed: str | None = None
        self._metrics = metrics
        self._judge = DispatchJudge(script.settings)
        self._shield = Shield()
        self._canary_run = CanaryRun(interval, rooms, self._shield.around(self._on_over))
        self.watchers = (self._note, rooms.note, metrics.note, self._judge.note)
        """Separate, so that one that crashes does not keep an event from the others."""
        self._is_first = is_first
        self._verbose = verbose

    async def carry_out(self, credentials: Credentials, recorder: Recorder, run_id: str, stop: asyncio.Event) -> None:
        """Run its trials. Raises ConnectionLostError or CredentialsError where the canary could not begin."""
        self._shield.recorder = recorder
        await self._canary_run.run(self.script, credentials, recorder, run_id, stop, must_answer=self._is_first)

    def _note(self, event: Event) -> None:
        row = event.row
        if isinstance(row, RunStarted):
            self.run_id = row.run_id
        elif isinstance(row, RunInterrupted):
            self.is_interrupted = True
        elif isinstance(row, RunCrashed):
            self.crashed = row.reason

    def _on_over(self, index: int) -> None:
        judged = self._judge.judge_or_crash(index)
        if judged is None or judged.warmup or judged.interrupted:
            return
        if judged.crash:
            self._shield.report(judged.crash)
        at_ns = time.time_ns()
        self._metrics.count(judged, at_ns / 1e9)
        if self._verbose or not judged.is_clean:
            say(as_line(judged, self.run_id, at_ns))


def as_line(judged: TrialVerdict, run_id: str, at_ns: int) -> str:
    """`2026-11-21T03:49:50.123Z trial run=… trial=17 role=subject outcome=dropped …`: an alert leads to it."""
    words = {
        "run": run_id,
        "trial": str(judged.index),
        "role": judged.role,
        "outcome": judged.outcome.value,
        "mismatch": judged.mismatch.value if judged.mismatch else "",
        "state": judged.state.value,
        "fallback": judged.fallback.value,
        "latency_ms": "" if judged.latency_ms is None else f"{judged.latency_ms:g}",
        "room": judged.room,
        "reason": judged.reason,
    }
    return " ".join([utc(at_ns), "trial", *(f"{key}={_quoted(visible(word))}" for key, word in words.items() if word)])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if " " in text or "=" in text or escaped != text else text
