"""The steps of a call, one file a concern: how it comes about, how the agent goes, who hangs up, and what is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.scenario import step as words
from lkdiag.trial.call_step import agent, hang_up, merge, person, watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.trial.call_stage import CallStage

CALL_STEPS: dict[type, Callable[[CallStage, Any], Awaitable[None]]] = {
    words.CreateRoom: agent.create_room,
    words.CallJoin: person.join,
    words.CallWaitFor: agent.wait_for,
    words.Merge: merge.merge,
    words.AgentLeaves: agent.leaves,
    words.HangUp: hang_up.hang_up,
    words.Watch: watch.watch,
}
