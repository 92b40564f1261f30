"""Which answer of the API counts, and what it means when none does."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest
from livekit import api

from lkdiag.client import api_client
from lkdiag.client.api_client import ApiCallError, Control
from lkdiag.contract import CallFailure
from lkdiag.settings import Credentials

from .speaker import HTML, JSON, Speaker, said, speaking

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROOM = api.Room(sid="RM_1", name="r")
DISPATCH = api.AgentDispatch(id="AD_1", agent_name="a", room="r")
ANN = api.ParticipantInfo(sid="PA_1", identity="ann")
NOT_FOUND = said(b'{"code":"not_found","msg":"participant does not exist"}', 404, JSON)
EMPTY = said()


ASKED: dict[str, Callable[[Control, Speaker], Awaitable[object]]] = {
    "CreateRoom": lambda c, s: c.create_room(s.run, "r", empty_timeout_s=1, departure_timeout_s=1),
    "ListRooms": lambda c, s: c.list_rooms(s.run, ""),
    "DeleteRoom": lambda c, s: c.delete_room(s.run, "r"),
    "CreateDispatch": lambda c, s: c.create_dispatch(s.run, "r", "a", "", known=None),
    "ListDispatch": lambda c, s: c.list_dispatch(s.run, "r"),
    "ListParticipants": lambda c, s: c.list_participants(s.run, "r"),
}
WHOLE = {
    "CreateRoom": ROOM.SerializeToString(),
    "ListRooms": api.ListRoomsResponse(rooms=[ROOM]).SerializeToString(),
    "DeleteRoom": b"",
    "CreateDispatch": DISPATCH.SerializeToString(),
    "ListDispatch": api.ListAgentDispatchResponse(agent_dispatches=[DISPATCH]).SerializeToString(),
    "ListParticipants": api.ListParticipantsResponse(participants=[ANN]).SerializeToString(),
}
MAY_BE_EMPTY = ("ListRooms", "DeleteRoom", "ListDispatch", "ListParticipants")


@pytest.mark.parametrize("method", ASKED)
async def test_a_whole_answer_counts(method: str) -> None:
    for answer in (said(WHOLE[method]), *([EMPTY] if method in MAY_BE_EMPTY else [])):
        async with speaking(lambda _method, _number, answer=answer: answer) as (speaker, control):  # type: ignore[misc]
            await ASKED[method](control, speaker)
            assert speaker.asked == [method]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty, without a type": lambda _: said(content_type=None),
    "empty, as HTML": lambda _: said(content_type=HTML),
    "as another type": lambda whole: said(whole, content_type="application/octet-stream"),
    "until the connection ends": lambda whole: said(whole, length=None),
    "cut, with the length of the whole": lambda whole: said(whole, length=len(whole) + 5),
    "chunked, without an end": lambda whole: said(whole, chunked=True),
    "no message": lambda _: said(b"\xff\xff\xff"),
    "HTML": lambda _: said(b"<html>hello</html>", content_type=HTML),
    "502 as HTML": lambda _: said(b"<html>no</html>", 502, HTML),
    "503 as JSON of its own": lambda _: said(b'{"error":"upstream"}', 503, JSON),
    "503 with a code that is not Twirp's": lambda _: said(b'{"code":"E17","msg":"no"}', 503, JSON),
    "503 as JSON that is too deep": lambda _: said(b"[" * 100_000, 503, JSON),
    "503 as JSON that is cut": lambda _: said(b'{"code":"unavailable","msg":"no"', 503, JSON, length=99),
    "404 as HTML": lambda _: said(b"not found", 404, HTML),
    "401 as HTML": lambda _: said(b"log in", 401, HTML),
    "no HTTP": lambda _: b"SSH-2.0-OpenSSH_9.6\r\n",
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("method", ASKED)
async def test_anything_else_is_garbled(method: str, broken: str) -> None:
    answers = {method: BROKEN[broken](WHOLE[method])}
    async with speaking(lambda asked, _number: answers.get(asked, EMPTY)) as (speaker, control):
        with pytest.raises(ApiCallError) as failed:
            await ASKED[method](control, speaker)
    assert failed.value.failure is CallFailure.GARBLED, failed.value
    assert failed.value.code == ""
    (called, *_) = speaker.told("api.called")
    assert (called.data["ok"], called.data["failure"]) == (False, "garbled")
    assert "code" not in called.data


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("CreateRoom", api.Room(name="r")),
        ("CreateRoom", api.Room(sid="RM_1", name="another")),
        ("ListRooms", api.ListRoomsResponse(rooms=[ROOM, api.Room(name="x")])),
        ("ListRooms", api.ListRoomsResponse(rooms=[api.Room(sid="RM_1")])),
        ("CreateDispatch", api.AgentDispatch(agent_name="a", room="r")),
        ("CreateDispatch", api.AgentDispatch(id="AD_1", room="another")),
        ("ListDispatch", api.ListAgentDispatchResponse(agent_dispatches=[api.AgentDispatch(room="r")])),
        ("ListParticipants", api.ListParticipantsResponse(participants=[api.ParticipantInfo(sid="PA_1")])),
        ("ListParticipants", api.ListParticipantsResponse(participants=[api.ParticipantInfo(identity="ann")])),
    ],
)
async def test_a_message_that_lacks_what_it_must_have_is_garbled(method: str, message: api.Room) -> None:
    answers = {method: said(message.SerializeToString())}
    async with speaking(lambda asked, _number: answers.get(asked, EMPTY)) as (speaker, control):
        with pytest.raises(ApiCallError) as failed:
            await ASKED[method](control, speaker)
    assert failed.value.failure is CallFailure.GARBLED


@pytest.mark.parametrize("method", ASKED)
@pytest.mark.parametrize(
    ("answer", "failure", "code", "reason"),
    [
        (said(b'{"code":"unavailable","msg":"no response from servers"}', 503, JSON), "refused", "unavailable", "no r"),
        (said(b'{"code":"permission_denied","msg":"no"}', 403, JSON), "refused", "permission_denied", "no"),
        (said(b"invalid API key: x", 401, "text/plain; charset=utf-8"), "refused", "unauthenticated", "invalid API"),
        (said(b"<html>slow down</html>", 429, HTML), "throttled", "", "too many calls"),
        (said(b'{"code":"resource_exhausted","msg":"x"}', 429, JSON), "throttled", "", "too many calls"),
        (None, "unanswered", "", ""),
    ],
)
async def test_what_a_failed_call_says(
    method: str, answer: bytes | None, failure: str, code: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lkdiag.client.call_rate.BACKOFF_S", 0.0)
    async with speaking(lambda asked, _number: answer if asked == method else EMPTY) as (speaker, control):
        with pytest.raises(ApiCallError) as failed:
            await ASKED[method](control, speaker)
    assert (failed.value.failure, failed.value.code) == (failure, code)
    assert failed.value.reason.startswith(reason)
    assert failed.value.says_not_found is False


async def test_a_call_that_is_never_answered_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a network swallows everything: the library's own timeout does not end it."""
    monkeypatch.setattr(api_client, "CALL_TIMEOUT_S", 0.2)
    speaker = Speaker(lambda _method, _number: None)
    with socket.create_server(("127.0.0.1", 0)) as never_accepting:
        url = f"ws://127.0.0.1:{never_accepting.getsockname()[1]}"
        async with Control(Credentials(url, "key", "secret" * 8, "a test")) as calls:
            with pytest.raises(ApiCallError) as failed:
                await calls.list_rooms(speaker.run, "lkdiag-")
    assert failed.value.failure is CallFailure.UNANSWERED
    assert failed.value.reason == "no answer within 0.2 s"
    assert [(event.kind, event.data["failure"]) for event in speaker.events] == [("api.called", "unanswered")]


# -- an empty list that takes something away ---------------------------------------------------------------------------


async def test_who_was_there_has_left_only_if_get_participant_says_so() -> None:
    answers = {"ListParticipants": EMPTY, "GetParticipant": NOT_FOUND}
    async with speaking(lambda method, _number: answers[method]) as (speaker, control):
        assert await control.list_participants(speaker.run, "r") == []
        assert speaker.asked == ["ListParticipants"], "nobody was known: there is nothing to be confirmed"
        assert await control.list_participants(speaker.run, "r", known=["ann"]) == []
        assert speaker.asked[1:] == ["ListParticipants", "GetParticipant"]


@pytest.mark.parametrize(
    "answer",
    [
        said(ANN.SerializeToString()),
        EMPTY,
        said(api.ParticipantInfo(sid="PA_2", identity="bob").SerializeToString()),
        said(b"", 404, HTML),
        said(b'{"code":"unavailable","msg":"no"}', 503, JSON),
        None,
    ],
)
async def test_else_the_empty_list_does_not_count(answer: bytes | None) -> None:
    async with speaking(lambda method, _number: EMPTY if method == "ListParticipants" else answer) as (
        speaker,
        control,
    ):
        with pytest.raises(ApiCallError) as failed:
            await control.list_participants(speaker.run, "r", known=["ann"])
    assert (failed.value.method, failed.value.failure) == ("ListParticipants", "garbled")
    looks = [e.data["ok"] for e in speaker.told("api.called") if e.data["method"] == "ListParticipants"]
    assert looks == [False], "a look that does not count stands in the journal as one that failed"


async def test_what_was_there_is_gone_only_if_two_calls_say_so() -> None:
    rooms, dispatches = said(WHOLE["ListRooms"]), said(WHOLE["ListDispatch"])
    back = {"ListRooms": rooms, "ListDispatch": dispatches}
    async with speaking(lambda method, number: EMPTY if number == 1 else back[method]) as (speaker, control):
        assert await control.find_room(speaker.run, "r", known=True) == ROOM
        assert await control.list_dispatch(speaker.run, "r", known=True) == [DISPATCH]
    async with speaking(lambda _method, _number: EMPTY) as (speaker, control):
        assert await control.find_room(speaker.run, "r", known=True) is None
        assert await control.list_dispatch(speaker.run, "r", known=True) == []
        assert speaker.asked == ["ListRooms"] * 2 + ["ListDispatch"] * 2


# -- what a call without an answer may have made -----------------------------------------------------------------------


async def test_a_room_that_was_made_without_an_answer_is_found() -> None:
    answers = {"CreateRoom": None, "ListRooms": said(WHOLE["ListRooms"])}
    async with speaking(lambda method, _number: answers[method]) as (speaker, control):
        room = await control.create_room(speaker.run, "r", empty_timeout_s=1, departure_timeout_s=1)
    assert room == ROOM
    assert speaker.asked == ["CreateRoom", "ListRooms"]
    (made,) = speaker.told("room.created")
    assert made.data == {"room": "r", "sid": "RM_1", "creation_time_ms": 0, "by": "look"}
    assert list(control.unseen_rooms) == ["r"]


async def test_the_second_look_for_it_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server shows the room only some time after the first look, which may fail too."""
    monkeypatch.setattr(api_client, "LOOK_AGAIN_S", 0.3)
    for first in (EMPTY, None):
        looked_s: list[float] = []

        def script(
            method: str, number: int, looked_s: list[float] = looked_s, first: bytes | None = first
        ) -> bytes | None:
            if method == "CreateRoom":
                return None
            looked_s.append(time.monotonic())
            if number == 1:
                return first
            return said(WHOLE["ListRooms"]) if looked_s[-1] - looked_s[0] > 0.2 else EMPTY

        async with speaking(script) as (speaker, control):
            assert await control.create_room(speaker.run, "r", empty_timeout_s=1, departure_timeout_s=1) == ROOM
        assert speaker.asked == ["CreateRoom", "ListRooms", "ListRooms"]


async def test_one_that_is_not_seen_is_an_unanswered_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "LOOK_AGAIN_S", 0.0)
    async with speaking(lambda method, _number: None if method == "CreateRoom" else EMPTY) as (speaker, control):
        with pytest.raises(ApiCallError) as failed:
            await control.create_room(speaker.run, "r", empty_timeout_s=1, departure_timeout_s=1)
    assert failed.value.method == "CreateRoom"
    assert failed.value.failure is CallFailure.UNANSWERED
    assert speaker.asked.count("CreateRoom") == 1
    assert list(control.unseen_rooms) == ["r"], "it may be made still"


async def test_one_that_was_refused_is_not_there() -> None:
    refused = said(b'{"code":"permission_denied","msg":"no"}', 403, JSON)
    async with speaking(lambda _method, _number: refused) as (speaker, control):
        with pytest.raises(ApiCallError):
            await control.create_room(speaker.run, "r", empty_timeout_s=1, departure_timeout_s=1)
    assert speaker.asked == ["CreateRoom"]
    assert list(control.unseen_rooms) == []


@pytest.mark.parametrize(
    ("listed", "known", "found", "looks"),
    [
        (["AD_1"], [], "AD_1", 1),
        (["AD_0", "AD_1"], ["AD_0"], "AD_1", 1),
        ([], [], None, 2),
        (["AD_0"], ["AD_0"], None, 2),
        (["AD_1", "AD_2"], [], None, 1),
        (["AD_1"], None, None, 0),
    ],
)
async def test_a_dispatch_that_was_made_without_an_answer_is_found_where_it_can_be_told(
    listed: list[str], known: list[str] | None, found: str | None, looks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_client, "LOOK_AGAIN_S", 0.0)
    dispatches = [api.AgentDispatch(id=one, agent_name="a", room="r") for one in listed]
    others = [api.AgentDispatch(id="AD_9", agent_name="another", room="r")]
    shown = said(api.ListAgentDispatchResponse(agent_dispatches=[*dispatches, *others]).SerializeToString())
    async with speaking(lambda method, _number: None if method == "CreateDispatch" else shown) as (speaker, control):
        if found is None:
            with pytest.raises(ApiCallError) as failed:
                await control.create_dispatch(speaker.run, "r", "a", "", known=known)
            assert failed.value.method == "CreateDispatch"
        else:
            made, answered = await control.create_dispatch(speaker.run, "r", "a", "", known=known)
            assert (made.id, answered) == (found, False)
    assert speaker.asked == ["CreateDispatch"] + ["ListDispatch"] * looks
