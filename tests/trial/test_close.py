"""A room of lkdiag's own is gone when two answers agree that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from livekit import api

from lkdiag.trial import close
from lkdiag.trial.close import close_leftovers, close_room
from tests.control.speaker import HTML, JSON, said, speaking

if TYPE_CHECKING:
    from collections.abc import Callable

THERE = said(api.ListRoomsResponse(rooms=[api.Room(sid="RM_1", name="lkdiag-r")]).SerializeToString())
EMPTY = said()
NOT_FOUND = said(b'{"code":"not_found","msg":"requested room does not exist"}', 404, JSON)
NOT_ALLOWED = said(b'{"code":"permission_denied","msg":"no"}', 403, JSON)
BAD_GATEWAY = said(b"<html>no</html>", 502, HTML)


@pytest.fixture(autouse=True)
def in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close, "AGAIN_S", 0.0)
    monkeypatch.setattr(close, "LOOK_INTERVAL_S", 0.0)


@pytest.mark.parametrize(
    ("script", "asked"),
    [
        (lambda _method, _number: EMPTY, ["DeleteRoom", "ListRooms"]),
        # it was carried out, and its answer lost
        (
            lambda method, number: [None, NOT_FOUND][number - 1] if method == "DeleteRoom" else EMPTY,
            ["DeleteRoom", "DeleteRoom", "ListRooms"],
        ),
        (
            lambda method, number: [BAD_GATEWAY, EMPTY][number - 1] if method == "DeleteRoom" else EMPTY,
            ["DeleteRoom", "DeleteRoom", "ListRooms"],
        ),
        # nobody says that it was deleted
        (
            lambda method, _number: NOT_ALLOWED if method == "DeleteRoom" else EMPTY,
            ["DeleteRoom", "ListRooms", "ListRooms"],
        ),
        (
            lambda method, number: [said(content_type=None), THERE, EMPTY][number - 1] if method[0] == "L" else EMPTY,
            ["DeleteRoom", "ListRooms", "ListRooms", "ListRooms", "ListRooms"][:4],
        ),
    ],
)
async def test_two_answers_agree(script: Callable[[str, int], bytes | None], asked: list[str]) -> None:
    async with speaking(lambda method, number: script(method, min(number, 3))) as (speaker, control):
        closed = await close_room(control, speaker.run, "lkdiag-r")
        assert closed, speaker.asked
    assert speaker.asked[: len(asked)] == asked
    assert control.unseen_rooms == {}
    assert len(speaker.told("room.gone")) == 1


async def test_a_room_that_is_listed_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close, "GONE_TIMEOUT_S", 0.0)
    async with speaking(lambda method, _number: THERE if method == "ListRooms" else EMPTY) as (speaker, control):
        assert not await close_room(control, speaker.run, "lkdiag-r")
    assert list(control.unseen_rooms) == ["lkdiag-r"]
    assert len(speaker.told("room.still_there")) == 1


async def test_the_last_look_for_rooms_is_two() -> None:
    """The first answer is a lie."""
    lists = [EMPTY, THERE]

    def script(method: str, number: int) -> bytes | None:
        return lists[number - 1] if method == "ListRooms" and number <= len(lists) else EMPTY

    async with speaking(script) as (speaker, control):
        assert await close_leftovers(control, speaker.recorder, "lkdiag-") is None
    assert speaker.asked == ["ListRooms", "ListRooms", "DeleteRoom", "ListRooms"]
    assert [event.data["room"] for event in speaker.told("room.gone")] == ["lkdiag-r"]


async def test_rooms_that_could_not_be_looked_for_are_named() -> None:
    async with speaking(lambda _method, _number: BAD_GATEWAY) as (speaker, control):
        control.unseen_rooms.update({"lkdiag-r": None, "other": None})
        why = await close_leftovers(control, speaker.recorder, "lkdiag-")
    assert why is not None
    assert "HTTP 502" in why
    (failed,) = speaker.told("sweep.failed")
    assert failed.data["rooms"] == ["lkdiag-r"]
    assert speaker.asked == ["ListRooms"] * close.ATTEMPTS
