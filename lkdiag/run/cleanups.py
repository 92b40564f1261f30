"""Who deletes the room after a call: the reported bug and its fixes, in two tables.

INSIDE: listeners in the agent's own process, which end with it. OUTSIDE: a service that watches the project."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit import api

from lkdiag.client.api_client import ApiCallError
from lkdiag.journal.call_kinds import CleanupCalled, CleanupDeletedRoom, CleanupLooked, CleanupLookFailed, CleanupRaised

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.client.api_client import Control
    from lkdiag.client.webhooks import WebhookListener
    from lkdiag.journal.recorder import TrialRecorder
    from lkdiag.run.call_session import AgentSession


@dataclass(frozen=True)
class WatchedCall:
    """A merged call, as seen from outside the agent: two people in one room, and perhaps an agent."""

    room: str
    people: tuple[str, ...]
    """Their identities. An empty list of participants counts only when GetParticipant finds neither of them."""
    control: Control
    recorder: TrialRecorder
    webhooks: WebhookListener | None


async def reap_if_lone(call: WatchedCall) -> bool:
    """Delete the room if one person is left in it. Returns whether that was done.

    Agents are not counted: they do not keep a room open, and a crashed one stays listed for 21 s. A reaper that counts
    agents waits for that, which may be how the reporter's webhook reaper failed.
    """
    try:
        listed = await call.control.list_participants(call.recorder, call.room, known=call.people)
    except ApiCallError as error:
        call.recorder.record(CleanupLookFailed(error=error.message, failure=error.failure))
        return False
    people = sorted(one.identity for one in listed if one.kind != api.ParticipantInfo.Kind.AGENT)
    call.recorder.record(CleanupLooked(people=people))
    if len(people) != 1:
        return False
    call.recorder.record(CleanupCalled(identity=people[0]))
    try:
        await call.control.delete_room(call.recorder, call.room)
    except ApiCallError as error:
        if not error.says_not_found:
            call.recorder.record(CleanupRaised(error=error.message, failure=error.failure))
            return False
    call.recorder.record(CleanupDeletedRoom(room=call.room))
    return True


def late_context(session: AgentSession) -> None:
    """Delete the room when somebody leaves.

    https://github.com/livekit/agents-js/issues/1895. Measured: @livekit/agents (Node) 1.4.5 to 1.4.11 have the bug
    where rtc-node was used in `prewarm`; 1.5.0 captures the context, and closes the room. livekit-agents (Python) looks
    it up late too (beta/workflows/warm_transfer.py, _on_caller_participant_disconnected), and that works: its listener
    still runs in the job's context. 1.3.12, 1.5.17 and 1.8.9 closed the room in 0.1 s.
    """

    async def on_disconnected(_identity: str) -> None:
        context = session.job_context()  # raises: the session was closed after the merge
        await context.delete_room()

    session.on_participant_disconnected(on_disconnected)


def captured_context(session: AgentSession) -> None:
    """Fix 1 of agents-js#1895: capture the context while it exists; delete the room with it when somebody leaves."""
    context = session.job_context()

    async def on_disconnected(_identity: str) -> None:
        await context.delete_room()

    session.on_participant_disconnected(on_disconnected)


def optional_context(session: AgentSession) -> None:
    """Fix 2 of agents-js#1895: delete the room when somebody leaves, or log that the context is gone."""

    async def on_disconnected(identity: str) -> None:
        context = session.job_context_or_none()
        if context is None:
            session.log(f"{identity} left, and there is no job context any more: the room is not deleted")
            return
        await context.delete_room()

    session.on_participant_disconnected(on_disconnected)


def off(session: AgentSession) -> None:
    """Fix 3 of agents-js#1895: turn the built-in cleanup off; the application has to close the room."""
    del session


POLL_INTERVAL_S = 1.0


async def poll_reaper(call: WatchedCall) -> None:
    """Ask for the room's participants every second, and delete the room when one person is left in it."""
    while True:
        if await reap_if_lone(call):
            return
        await asyncio.sleep(POLL_INTERVAL_S)


LEFT = ("participant_left", "participant_connection_aborted")


async def webhook_reaper(call: WatchedCall) -> None:
    """agents-js#1895's workaround: at each `participant_left` webhook, delete the room if one person is left in it."""
    assert call.webhooks is not None, "the webhook reaper runs only where webhooks arrive"
    async for event in call.webhooks.of_room(call.room):
        if event.event in LEFT and await reap_if_lone(call):
            return


INSIDE: dict[str, Callable[[AgentSession], None]] = {
    "late-context": late_context,
    "captured-context": captured_context,
    "optional-context": optional_context,
    "off": off,
}
"""Each is called after the merge, while the session is still open, and registers its listener."""

OUTSIDE: dict[str, Callable[[WatchedCall], Awaitable[None]]] = {
    "webhook-reaper": webhook_reaper,
    "poll-reaper": poll_reaper,
}
"""Each watches a merged call until it is cancelled."""
