"""The canary's life: one journal after another, each trial judged and counted, until it is told to end."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lkdiag.canary.metrics import Metrics, exposed
from lkdiag.canary.run import Course, Kept, OwnRooms, Pace
from lkdiag.cli.messages import say
from lkdiag.cli.recording import Shield
from lkdiag.cli.session import SERVER_LOG, Session
from lkdiag.errors import ExitCode, LkdiagError
from lkdiag.journal.run_kinds import RunCrashed, RunInterrupted, RunStarted
from lkdiag.judge.live import DispatchJudge
from lkdiag.scenario.script import with_settings
from lkdiag.text import visible

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
    """What it was asked for. The script's `count` is one journal's."""

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
        """Live. Raises LkdiagError when it could not begin, or can't write its journal any further."""
        rooms = OwnRooms()
        metrics = Metrics(self.script.settings, self.every_s, rooms)
        pace = Pace(self.every_s, time.monotonic_ns, metrics.skipped)
        kept = Kept(self.keep, SERVER_LOG)
        with exposed(metrics.registry, self.address) as url:
            if not self.quiet:
                say(f"Metrics at {url}")
            with contextlib.suppress(KeyboardInterrupt):  # between two journals: there is nothing to end
                self._live(rooms, metrics, pace, kept)
        if rooms.left:
            say(f"rooms may be left, and close by themselves when their timeouts have passed: {', '.join(rooms.left)}")
            return ExitCode.ROOMS_LEFT
        return ExitCode.OK

    def _live(self, rooms: OwnRooms, metrics: Metrics, pace: Pace, kept: Kept) -> None:
        left, is_first = self.max_trials, True
        while left is None or left > 0:
            count = self.script.settings.count if left is None else min(left, self.script.settings.count)
            chapter = Chapter(
                replace(with_settings(self.script, count=count), name="canary"),
                rooms,
                metrics,
                pace,
                is_first=is_first,
                verbose=self.verbose,
            )
            kept.add(self._session(chapter).run().parent)
            if chapter.crashed is not None:
                raise LkdiagError(chapter.crashed, f"please report it, with the run attached: {chapter.run_id}")
            if chapter.is_interrupted:
                return
            left, is_first = None if left is None else left - count, False

    def _session(self, chapter: Chapter) -> Session:
        return Session(
            script=chapter.script,
            credentials=self.credentials,
            server_binary=self.server_binary,
            runs_dir=self.runs_dir,
            command=self.command,
            quiet=self.quiet,
            carry_out=chapter.carry_out,
            watchers=chapter.watchers,
        )


class Chapter:
    """One journal: a run that can be judged by itself."""

    def __init__(
        self,
        script: DispatchScript,
        rooms: OwnRooms,
        metrics: Metrics,
        pace: Pace,
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
        self._course = Course(pace, rooms, self._shield.around(self._on_over))
        self.watchers = (self._note, rooms.note, metrics.note, self._judge.note)
        """Each by itself: none that crashes keeps an event from the others."""
        self._is_first = is_first
        self._verbose = verbose

    async def carry_out(self, credentials: Credentials, recorder: Recorder, run_id: str, stop: asyncio.Event) -> None:
        """Play its trials. Raises ConnectionLostError or CredentialsError where the canary could not begin."""
        self._shield.recorder = recorder
        await self._course.run(self.script, credentials, recorder, run_id, stop, must_answer=self._is_first)

    def _note(self, event: Event) -> None:
        row = event.row
        if isinstance(row, RunStarted):
            self.run_id = row.run_id
        elif isinstance(row, RunInterrupted):
            self.is_interrupted = True
        elif isinstance(row, RunCrashed):
            self.crashed = row.reason

    def _on_over(self, index: int) -> None:
        judged = self._judge.judge(index)
        if judged is None or judged.warmup or judged.interrupted:
            return
        if judged.crash:
            self._shield.tell(judged.crash)
        at_s = time.time()
        self._metrics.count(judged, at_s)
        if self._verbose or not judged.is_clean:
            say(as_line(judged, self.run_id, at_s))


def as_line(judged: TrialVerdict, run_id: str, at_s: float) -> str:
    """`2026-11-21T03:49:50.123Z trial run=… trial=17 role=subject outcome=dropped …`: what an alert leads to."""
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
    at = datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return " ".join([at, "trial", *(f"{key}={_quoted(visible(word))}" for key, word in words.items() if word)])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if " " in text or "=" in text or escaped != text else text
