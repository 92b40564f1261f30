"""Is the room still the one that was made? By its SID, and where listRooms does not know it by its dispatches."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from livekit import api

from lkdiag.run import dispatch_state as stage_module
from lkdiag.run.dispatch_state import DispatchState, TrialContext
from lkdiag.run.plan import PlannedTrial, Role, TrialWorkers
from lkdiag.scenario.dispatch import DispatchScenario
from tests.client.speaker import JSON, said, speaking

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.client.participant import Joiner

ROOM = "lkdiag-20261127-120000-abcd-001"
NONE = api.ListRoomsResponse().SerializeToString()
GARBLED = said(b"<html>", 502, "text/html")


def rooms(sid: str) -> bytes:
    return api.ListRoomsResponse(rooms=[api.Room(name=ROOM, sid=sid)]).SerializeToString()


def dispatches(dispatch_id: str) -> bytes:
    dispatch = api.AgentDispatch(id=dispatch_id, room=ROOM, state=api.AgentDispatchState())
    return api.ListAgentDispatchResponse(agent_dispatches=[dispatch]).SerializeToString()


GONE = said(b'{"code": "unavailable", "msg": "no response from servers"}', 503, JSON)


@pytest.mark.parametrize(
    ("list_rooms", "list_dispatch", "event"),
    [
        ([said(rooms("RM_1"))], GONE, None),
        ([said(NONE), said(rooms("RM_1"))], GONE, None),
        ([GARBLED, said(rooms("RM_1"))], GONE, None),
        ([said(rooms("RM_2"))], GONE, ("room.replaced", "RM_2")),
        ([said(NONE)], GONE, ("room.replaced", None)),
        ([said(NONE)], said(dispatches("AD_other")), ("room.replaced", None)),
        ([said(NONE)], said(dispatches("AD_1")), None),  # listRooms lags behind
        ([GARBLED], GONE, ("room.unconfirmed", None)),
        ([said(NONE), GARBLED, GARBLED], GONE, ("room.unconfirmed", None)),
    ],
    ids=["same", "missing-once", "garbled-once", "another", "gone", "remade", "lags", "garbled", "unclear"],
)
async def test_what_is_recorded(
    monkeypatch: pytest.MonkeyPatch, list_rooms: list[bytes], list_dispatch: bytes, event: tuple[str, str | None] | None
) -> None:
    monkeypatch.setattr(stage_module, "CONFIRM_INTERVAL_S", 0.0)

    def answer(method: str, number: int) -> bytes:
        return list_dispatch if method == "ListDispatch" else list_rooms[min(number, len(list_rooms)) - 1]

    script: Callable[[str, int], bytes | None] = answer
    async with speaking(script) as (speaker, control):
        context = TrialContext(
            control._credentials, control, speaker.recorder, "20261127-120000-abcd", None, None, lambda: None,
            joiner=cast("Joiner", None),
        )  # fmt: skip
        planned = PlannedTrial(1, Role.SUBJECT)
        state = DispatchState(
            context, DispatchScenario(), planned, TrialWorkers("mine", on_probe=False), empty_timeout_s=60
        )
        state.room_sid = "RM_1"
        state.watcher.view.dispatches = [{"dispatch_id": "AD_1", "jobs": []}]
        await state.confirm_room()
    told = [(one.kind, one.data.get("now_sid")) for one in speaker.events if one.kind.startswith("room.")]
    assert told == ([] if event is None else [event])
    assert state.room_replaced is (event is not None and event[0] == "room.replaced")
