"""The probe: lkdiag's own worker. It meets each offer with the behaviour that its trial drew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lkdiag import __version__
from lkdiag.worker import protocol
from lkdiag.worker.connection import PING_TIMEOUT_S, WorkerConnection
from lkdiag.worker.engagement import Engagement

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.participant.joining import Joiner
    from lkdiag.scenario.dispatch import JobType
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder, TrialRecorder
    from lkdiag.worker.behaviour.base import JobTreatment


@dataclass
class _Room:
    engagement: Engagement
    behaviour: Callable[[str], JobTreatment]


class Probe:
    """A worker registered under `agent_name`; empty for automatic dispatch."""

    def __init__(self, credentials: Credentials, recorder: Recorder, agent_name: str, job_type: JobType) -> None:
        self.agent_name = agent_name
        self._credentials = credentials
        self._recorder = recorder
        self._rooms: dict[str, _Room] = {}
        self._stray: set[asyncio.Task[bool]] = set()
        registration = protocol.Registration(agent_name, job_type, __version__)
        self._connection = WorkerConnection(credentials, recorder.for_trial(None), registration, self._on_message)

    async def open(self) -> None:
        """Register. Raises ConnectionLostError."""
        await self._connection.open()

    async def wait_registered(self, timeout_s: float) -> bool:
        """Whether it is registered, now or within `timeout_s`, and can be found by now."""
        if await self._connection.wait_registered(0):
            return True
        if not await self._connection.wait_registered(timeout_s):
            return False
        await self._connection.ping(PING_TIMEOUT_S)
        return True

    async def ping(self, timeout_s: float = PING_TIMEOUT_S) -> bool:
        """Whether the server answers on the worker's socket, within `timeout_s`."""
        return await self._connection.ping(timeout_s)

    async def close(self) -> None:
        """Leave every room and the server."""
        for room in list(self._rooms):
            await self.disengage(room)
        await self._connection.close()
        await asyncio.gather(*self._stray, return_exceptions=True)

    def engage(
        self,
        room: str,
        recorder: TrialRecorder,
        behaviour: Callable[[str], JobTreatment],
        *,
        publish: bool,
        joiner: Joiner | None = None,
        on_joined: Callable[[], None] | None = None,
    ) -> None:
        """Take offers for this room from now on; offers for any other room are declined.

        `behaviour` goes from a job's metadata to how it is met: the dispatch under test and the fallback may differ.
        `joiner` makes the agents (None: with media), `on_joined` is told of each that is in.
        """
        engagement = Engagement(
            recorder, self._connection, self._credentials.ws_url, self._on_failed, publish=publish, joiner=joiner,
            on_joined=on_joined,
        )  # fmt: skip
        self._rooms[room] = _Room(engagement, behaviour)

    async def wait_joined(self, room: str, timeout_s: float) -> None:
        """Wait until the agents that are on their way into this room are in, or could not get in."""
        engaged = self._rooms.get(room)
        if engaged is not None:
            await engaged.engagement.wait_joined(timeout_s)

    async def disengage(self, room: str) -> None:
        """Stop whatever it does for this room; its agents leave."""
        engaged = self._rooms.pop(room, None)
        if engaged is not None:
            await engaged.engagement.end()

    def _on_message(self, message: protocol.Offered | protocol.Assigned | protocol.Terminated) -> None:
        if isinstance(message, protocol.Offered):
            self._on_offered(message)
            return
        job_id = message.job_id
        engagement = next((room.engagement for room in self._rooms.values() if room.engagement.has(job_id)), None)
        if isinstance(message, protocol.Assigned):
            if engagement is None:
                self._recorder.record("job.assigned_late", job_id=job_id)
            else:
                engagement.assign(message)
        elif engagement is not None:
            engagement.recorder.record("job.terminated", job_id=job_id)

    def _on_offered(self, offered: protocol.Offered) -> None:
        engaged = self._rooms.get(offered.room)
        if engaged is not None:
            engaged.engagement.offer(offered, engaged.behaviour(offered.metadata))
            return
        # not ours, or a trial that is over: declined, so that the server asks the next worker at once
        self._recorder.record("job.declined", job_id=offered.job_id, reason="not a room of this run's trials")
        declining = asyncio.create_task(self._connection.send(protocol.answer(offered.job_id, available=False)))
        self._stray.add(declining)
        declining.add_done_callback(self._stray.discard)

    def _on_failed(self, error: BaseException) -> None:
        self._recorder.record("probe.crashed", error=f"{type(error).__name__}: {error}")
