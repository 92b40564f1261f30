"""A staged worker: lkdiag plays somebody else's, good or bad. What it does is ground truth: no check sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from lkdiag import __version__
from lkdiag.worker import protocol
from lkdiag.worker.behaviour import make_behaviour
from lkdiag.worker.connection import PING_TIMEOUT_S, WorkerConnection
from lkdiag.worker.engagement import Engagement

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.participant.joining import Joiner
    from lkdiag.scenario.dispatch import JobType
    from lkdiag.scenario.fault import BehaviourSpec
    from lkdiag.settings import Credentials
    from lkdiag.timeline import TrialRecorder
    from lkdiag.worker.behaviour.base import Behaviour


def any_room(_room: str) -> bool:
    """Every room of the project."""
    return True


class StagedWorker:
    """A worker with a connection of its own, registered under `agent_name` (empty: for automatic dispatch).

    It takes the offers of the rooms for whose name `rooms` is true, and declines the others, so that the server asks
    the next worker. With `publish` its agents publish a quiet tone; `joiner` makes them (None: with media). Raises
    UsageError for a behaviour that there is not.
    """

    def __init__(
        self,
        credentials: Credentials,
        recorder: TrialRecorder,
        agent_name: str,
        job_type: JobType,
        behaviour: BehaviourSpec,
        *,
        rooms: Callable[[str], bool] = any_room,
        publish: bool = False,
        joiner: Joiner | None = None,
    ) -> None:
        self._recorder = recorder
        self._rooms = rooms
        self._spec = behaviour
        self._behaviour: Behaviour = make_behaviour(behaviour)
        self._declining: set[asyncio.Task[bool]] = set()
        self._connection = WorkerConnection(
            credentials,
            recorder,
            protocol.Registration(agent_name, job_type, __version__, self._behaviour.hidden),
            self._on_message,
            staged=True,
            on_registered=self._on_registered,
        )
        self._engagement = Engagement(
            recorder, self._connection, credentials.ws_url, self._on_failed, publish=publish, staged=True, joiner=joiner
        )

    @property
    def worker_id(self) -> str:
        """That the server gave to it last: a new one with each registration; empty before the first."""
        return self._connection.worker_id

    async def open(self) -> None:
        """Register. Raises ConnectionLostError."""
        await self._connection.open()

    async def change(self, behaviour: BehaviourSpec) -> None:
        """Behave in another way from the next offer on; jobs that were offered before go on as they began.

        It registers again if it hangs or is gone, or if its agents are no longer hidden, or are to be. Raises
        UsageError for a behaviour that there is not, ConnectionLostError when it could not register again.
        """
        self._behaviour = make_behaviour(behaviour)
        self._spec = behaviour
        await self._connection.become(hidden=self._behaviour.hidden)

    async def ping(self, timeout_s: float = PING_TIMEOUT_S) -> bool:
        """Whether the server answers on its socket within `timeout_s`; False at once where it hangs."""
        return await self._connection.ping(timeout_s)

    async def wait_registered(self, timeout_s: float) -> bool:
        """Whether it is registered, now or within `timeout_s`."""
        return await self._connection.wait_registered(timeout_s)

    async def wait_joined(self, timeout_s: float) -> None:
        """Wait until the agents that are on their way are in, or could not get in."""
        await self._engagement.wait_joined(timeout_s)

    async def wait_gone(self) -> None:
        """Wait until its behaviour has ended it for good (crash-after-accept); for ever, if that never happens."""
        await self._connection.gone.wait()

    async def close(self) -> None:
        """Its agents leave their rooms, and it leaves the server."""
        await self._engagement.end()
        await self._connection.close()
        await asyncio.gather(*self._declining, return_exceptions=True)
        if self.worker_id:
            self._recorder.record("staged.closed", worker_id=self.worker_id)

    async def _on_registered(self) -> None:
        self._recorder.record("staged.behaving", behaviour=str(self._spec), worker_id=self.worker_id)
        await self._behaviour.on_registered(self._connection)

    def _on_message(self, message: protocol.Offered | protocol.Assigned | protocol.Terminated) -> None:
        if isinstance(message, protocol.Offered):
            if self._engagement.closing or not self._rooms(message.room):
                self._decline(message)
            else:
                self._engagement.offer(message, self._behaviour)
        elif not self._engagement.has(message.job_id):
            return  # offered to it before it closed
        elif isinstance(message, protocol.Assigned):
            self._engagement.assign(message)
        else:
            self._engagement.dismiss(message.job_id)

    def _decline(self, offered: protocol.Offered) -> None:
        about = {"job_id": offered.job_id, "room": offered.room, "worker_id": self.worker_id}
        self._recorder.record("staged.declined", **about, reason="not one of its rooms")
        task = asyncio.create_task(self._connection.send(protocol.answer(offered.job_id, available=False)))
        self._declining.add(task)
        task.add_done_callback(self._declining.discard)

    def _on_failed(self, error: BaseException) -> None:
        self._recorder.record("staged.crashed", error=f"{type(error).__name__}: {error}")
