"""A worker of somebody else's, by lkdiag's own protocol code but in the test's process, so that lkdiag knows nothing of
it but what the server says."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from lkdiag.client.signal import SignalJoiner
from lkdiag.client.workers import SimulatedWorker
from lkdiag.journal.recorder import Recorder
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.fault import BehaviourSpec
from lkdiag.settings import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.journal.event import Event
    from lkdiag.server.private import PrivateServer

NAME = "foreign"


@contextlib.asynccontextmanager
async def foreign_worker(
    server: PrivateServer, behaviour: str, *arguments: str, agent_name: str = NAME
) -> AsyncIterator[list[Event]]:
    """One that is registered while the block lasts, and what it did; its agents join by signalling alone."""
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(None)
    credentials = Credentials(server.url, server.api_key, server.api_secret, "the test")
    async with SignalJoiner() as joiner:
        worker = SimulatedWorker(
            credentials, recorder, agent_name, JobType.ROOM, BehaviourSpec(behaviour, arguments), joiner=joiner
        )
        await worker.open()
        await worker.ping()
        try:
            yield events
        finally:
            await worker.close()
