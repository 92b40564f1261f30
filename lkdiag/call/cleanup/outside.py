"""What somebody outside the agent knows of a call, and the one thing that he does about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from livekit import api

from lkdiag.control import ApiCallError

if TYPE_CHECKING:
    from lkdiag.call.webhooks import WebhookListener
    from lkdiag.control import Control
    from lkdiag.timeline import TrialRecorder


@dataclass(frozen=True)
class WatchedCall:
    """A merged call: two people in one room, and perhaps an agent."""

    room: str
    people: tuple[str, ...]
    """Identities of the two. An empty list of participants counts only when GetParticipant finds neither of them."""
    control: Control
    recorder: TrialRecorder
    webhooks: WebhookListener | None


async def reap_if_lone(call: WatchedCall) -> bool:
    """Delete the room if one person is left in it; whether that was done.

    Agents are not counted: they do not hold a room, and one that has crashed stays listed for 21 s. A reaper that
    counts them waits for it, which is one way in which the reporter's webhook reaper can have failed.
    """
    try:
        listed = await call.control.list_participants(call.recorder, call.room, known=call.people)
    except ApiCallError as error:
        call.recorder.record("cleanup.look_failed", error=error.message, failure=error.failure)
        return False
    people = sorted(one.identity for one in listed if one.kind != api.ParticipantInfo.Kind.AGENT)
    call.recorder.record("cleanup.looked", people=people)
    if len(people) != 1:
        return False
    call.recorder.record("cleanup.called", identity=people[0])
    try:
        await call.control.delete_room(call.recorder, call.room)
    except ApiCallError as error:
        if not error.says_not_found:
            call.recorder.record("cleanup.raised", error=error.message, failure=error.failure)
            return False
    call.recorder.record("cleanup.deleted_room", room=call.room)
    return True
