"""A room of lkdiag's own is gone when two answers agree that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from livekit import api

from lkdiag.run import close
from lkdiag.run.close import close_leftovers, close_room
from tests.client.speaker import HTML, JSON, said, speaking

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
            ["DeleteRoom", "ListRooms", "ListRooms", "ListRooms"],
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


def listing(*answers: bytes | None) -> Callable[[str, int], bytes | None]:
    """A room that can't be deleted, and what ListRooms says, call by call; nobody is in it."""

    def script(method: str, number: int) -> bytes | None:
        if method == "ListRooms":
            return answers[min(number, len(answers)) - 1]
        return NOT_ALLOWED if method == "DeleteRoom" else EMPTY

    return script


@pytest.mark.parametrize(
    ("last", "left", "gone", "unseen"),
    [
        # it is there: the second list was a lie
        ([THERE], ["lkdiag-r"], [], []),
        # two lists agree
        ([EMPTY], [], ["lkdiag-r"], []),
        # nobody says
        ([BAD_GATEWAY], [], [], ["lkdiag-r"]),
        ([BAD_GATEWAY, THERE], ["lkdiag-r"], [], []),
    ],
)
async def test_a_room_that_was_not_seen_to_be_gone_is_asked_for_by_name(
    last: list[bytes], left: list[str], gone: list[str], unseen: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of all rooms alone does not say that it is gone: an empty one counts when another answer agrees."""
    monkeypatch.setattr(close, "GONE_TIMEOUT_S", 0.0)
    async with speaking(listing(THERE, BAD_GATEWAY, EMPTY, *last)) as (speaker, control):
        control.unseen_rooms["other"] = None
        why = await close_leftovers(control, speaker.recorder, "lkdiag-")
    assert [event.data["room"] for event in speaker.told("room.left_over")] == left
    assert [event.data["room"] for event in speaker.told("room.gone")] == gone
    assert [event.data["rooms"] for event in speaker.told("sweep.failed")] == ([unseen] if unseen else [])
    assert (why is not None) is bool(unseen)
    assert ("lkdiag-r" in control.unseen_rooms) is not bool(gone)


async def test_a_room_that_is_left_over_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close, "GONE_TIMEOUT_S", 0.0)
    async with speaking(listing(THERE)) as (speaker, control):
        assert await close_leftovers(control, speaker.recorder, "lkdiag-") is None
    assert [event.data["room"] for event in speaker.told("room.left_over")] == ["lkdiag-r"]
    assert speaker.asked.count("ListRooms") == 3, "it was listed at the end: there is nothing more to be asked"


async def test_a_room_that_was_made_after_all_is_closed() -> None:
    """By a CreateRoom without an answer; the two lists of all rooms were too early for it."""
    lists = [EMPTY, EMPTY, THERE]

    def script(method: str, number: int) -> bytes | None:
        return lists[number - 1] if method == "ListRooms" and number <= len(lists) else EMPTY

    async with speaking(script) as (speaker, control):
        control.unseen_rooms["lkdiag-r"] = None
        assert await close_leftovers(control, speaker.recorder, "lkdiag-") is None
    assert [event.data["room"] for event in speaker.told("room.gone")] == ["lkdiag-r"]
    assert speaker.told("room.left_over") == []
    assert control.unseen_rooms == {}


async def test_who_is_in_a_left_over_room_may_be_of_a_kind_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(close, "GONE_TIMEOUT_S", 0.0)
    one = b"\x0a\x04PA_1\x12\x03ann\x70\x63"  # of the kind 99
    someone = said(b"\x0a" + bytes([len(one)]) + one)
    script = listing(THERE)
    async with speaking(lambda method, number: someone if method == "ListParticipants" else script(method, number)) as (
        speaker,
        control,
    ):
        assert await close_leftovers(control, speaker.recorder, "lkdiag-") is None
    (left,) = speaker.told("room.left_over")
    assert left.data["participants"] == [{"identity": "ann", "kind": "unknown_99"}]


async def test_rooms_that_could_not_be_looked_for_are_named() -> None:
    async with speaking(lambda _method, _number: BAD_GATEWAY) as (speaker, control):
        control.unseen_rooms.update({"lkdiag-r": None, "other": None})
        why = await close_leftovers(control, speaker.recorder, "lkdiag-")
    assert why is not None
    assert "HTTP 502" in why
    (failed,) = speaker.told("sweep.failed")
    assert failed.data["rooms"] == ["lkdiag-r"]
    assert speaker.asked == ["ListRooms"] * close.ATTEMPTS
