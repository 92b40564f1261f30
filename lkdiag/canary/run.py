"""The canary's run: one trial at each interval, the journals it keeps, and the rooms it closes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag.client.api_client import Control
from lkdiag.errors import ConnectionLostError
from lkdiag.journal.file import FILE_NAME
from lkdiag.journal.trial_kinds import RoomGone, RoomOpened, TrialFinished
from lkdiag.run.call_session import UnhandledErrors
from lkdiag.run.close import close_room
from lkdiag.run.dispatch import DispatchTrial
from lkdiag.run.dispatch_state import TrialContext
from lkdiag.run.engine import Engine
from lkdiag.run.plan import PlannedTrial, plan_trials
from lkdiag.run.preflight import check_project
from lkdiag.run.trials import describe_server, probe_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lkdiag.client.workers import Probe
    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import Recorder
    from lkdiag.scenario.script import DispatchScript
    from lkdiag.settings import Credentials


BACK_OFF_S = 5.0
"""The least time between two trials while the server does not answer."""
LATE_SHARE = 0.1
"""A trial that is late by at most this share of the interval is not skipped."""
ROOM_TO_JUDGE = 0.8


class CanaryInterval:
    """When the next trial is due: on a fixed grid, never two at once, less often while the server does not answer.

    Trials that were due while another was running are skipped; `on_skipped` gets their number.
    """

    def __init__(self, every_s: float, mono_ns: Callable[[], int], on_skipped: Callable[[int], object]) -> None:
        self._every_ns = int(every_s * 1e9)
        self._mono_ns = mono_ns
        self._on_skipped = on_skipped
        self._due_ns: int | None = None
        self._not_before_ns = 0

    def back_off(self) -> None:
        """Delay the next trial: the server did not answer."""
        self._not_before_ns = self._mono_ns() + int(BACK_OFF_S * 1e9)

    async def wait(self) -> None:
        """Wait until a trial is due; the first is due at once."""
        now_ns = self._mono_ns()
        due_ns = now_ns if self._due_ns is None else self._due_ns
        behind_ns = max(now_ns, self._not_before_ns) - due_ns
        if behind_ns > self._every_ns * LATE_SHARE:
            skipped = math.ceil(behind_ns / self._every_ns)
            self._on_skipped(skipped)
            due_ns += skipped * self._every_ns
        # set before the wait: a trial whose wait is cancelled is not due again
        self._due_ns = due_ns + self._every_ns
        await asyncio.sleep(max(0, due_ns - now_ns) / 1e9)

    def spare_s(self) -> float:
        """Seconds until the next trial, minus a reserve to begin it in time."""
        return 0.0 if self._due_ns is None else max(0.0, (self._due_ns - self._mono_ns()) / 1e9 * ROOM_TO_JUDGE)


class KeptJournals:
    """Keeps the newest `keep` journals that this canary has finished, and deletes older ones."""

    def __init__(self, keep: int, *also: str) -> None:
        self._keep = keep
        self._files = (FILE_NAME, *also)
        """The files that lkdiag writes into a run's folder. It deletes no others."""
        self._folders: list[Path] = []

    def add(self, folder: Path) -> None:
        """Add a finished journal and delete those that are too old. A folder with other files in it stays."""
        self._folders.append(folder)
        while len(self._folders) > self._keep:
            oldest = self._folders.pop(0)
            with contextlib.suppress(OSError):  # already gone, or not deletable: the canary goes on
                for name in self._files:
                    (oldest / name).unlink(missing_ok=True)
                oldest.rmdir()


class OwnRooms:
    """The canary's own rooms not yet seen to be gone, over all its journals: a room may outlive its journal."""

    def __init__(self) -> None:
        self._made: dict[str, int | None] = {}

    def note(self, event: Event) -> None:
        """Take an event, as a sink of the recorder."""
        row = event.row
        if isinstance(row, RoomOpened):
            self._made[row.room] = event.trial
        elif isinstance(row, RoomGone):
            self._made.pop(row.room, None)
        elif isinstance(row, TrialFinished):
            # its trial did not see it gone: from now on it is a leftover
            self._made = {room: None if trial == event.trial else trial for room, trial in self._made.items()}

    @property
    def left(self) -> tuple[str, ...]:
        """Rooms whose trials have ended, the oldest first."""
        return tuple(room for room, trial in self._made.items() if trial is None)


SETTLED_S = 3.0
"""Between a trial's end and its judgement: the proof that the probe's socket was alive may come with the next ping,
2.5 s later (worker_socket.py, BEAT_INTERVAL_S)."""
REOPEN_INTERVAL_S = 5.0


@dataclass(frozen=True)
class CanaryRun:
    """Runs the trials of one journal at the canary's interval, whatever the server does."""

    interval: CanaryInterval
    rooms: OwnRooms
    on_over: Callable[[int], object]
    """Called with the number of each trial that has ended, after its last event."""

    async def run(
        self,
        script: DispatchScript,
        credentials: Credentials,
        recorder: Recorder,
        run_id: str,
        stop: asyncio.Event,
        *,
        must_answer: bool,
    ) -> None:
        """Run the script's trials until they are done or stopped.

        With `must_answer` (the first time), raises ConnectionLostError or CredentialsError if the server can't be used.
        Later it waits for a server that does not answer.
        """
        prefix = f"lkdiag-{run_id}"
        gc.collect()
        gc.freeze()  # objects that stay are not collected after each trial
        async with Control(credentials) as control, contextlib.AsyncExitStack() as stack:
            stack.enter_context(UnhandledErrors().caught())
            if must_answer:
                await check_project(credentials, control, recorder)
            probe = probe_of(script, credentials, recorder, prefix)
            if probe is None:
                await describe_server(credentials, control, recorder, f"{prefix}-server")
            else:
                await self._open(probe, stack, must_answer=must_answer)
            context = TrialContext(credentials, control, recorder, run_id, probe, None, self.interval.back_off)

            async def run_trial(planned: PlannedTrial) -> None:
                await self._run_trial(context, script, planned)

            await Engine(control, recorder, f"{prefix}-").run(
                plan_trials(script.settings, script.cases), run_trial, stop
            )

    async def _open(self, probe: Probe, stack: contextlib.AsyncExitStack, *, must_answer: bool) -> None:
        stack.push_async_callback(probe.close)
        if must_answer:
            await probe.open()
            await probe.ping()
            return
        opening = asyncio.create_task(_keep_opening(probe), name="probe")
        stack.push_async_callback(_end, opening)

    async def _run_trial(self, context: TrialContext, script: DispatchScript, planned: PlannedTrial) -> None:
        if not planned.warmup:
            await self.interval.wait()
        for room in self.rooms.left:  # left by a trial that could not reach the server
            if not await close_room(context.control, context.recorder.for_trial(None), room):
                break
        probe = context.probe
        if probe is not None and await probe.wait_registered(0):
            await probe.ping()
        try:
            await DispatchTrial(context, script, planned).run()
            await asyncio.sleep(min(SETTLED_S, self.interval.spare_s()))
        finally:
            self.on_over(planned.index)
            gc.collect()  # a room of livekit.rtc (1.1.21) keeps its sockets until it is collected: 280 in 60 trials


async def _keep_opening(probe: Probe) -> None:
    """Register the probe, however long that takes. Trials wait for it, and say so if it takes too long."""
    while True:
        try:
            await probe.open()
        except ConnectionLostError:
            await asyncio.sleep(REOPEN_INTERVAL_S)
        else:
            return


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
