"""Joins and leaves soon after: the dispatch stays JS_RUNNING, and nobody is there any more.

livekit-server does note JS_FAILED, 'agent worker left the room', but where listDispatch does not look: the room has a
copy of the job's state, made when the job was assigned (v1.13.5 pkg/agent/worker.go, AssignJob; measured).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from lkdiag.scenario.duration import parse_duration_s
from lkdiag.worker.behaviour.honest import Honest

if TYPE_CHECKING:
    from lkdiag.worker.behaviour.base import Assignment


class JoinThenLeave(Honest):
    """Joins, and leaves after 1 s, or after the time given."""

    arguments: ClassVar[str] = "[:1s]"

    def __init__(self, stay: str = "1s") -> None:
        self._stay_s = parse_duration_s(stay)

    async def on_assignment(self, assignment: Assignment) -> None:
        """Come and go."""
        await assignment.join()
        await asyncio.sleep(self._stay_s)
        await assignment.leave()
