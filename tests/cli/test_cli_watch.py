"""`lkdiag watch` beside calls that others make on a real server: what it says of them, and that it touches nothing."""

from __future__ import annotations

import asyncio
import contextlib
import io
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
from livekit import api, rtc

from lkdiag.client.workers import SimulatedWorker, any_room
from lkdiag.journal.file import read_journal
from lkdiag.journal.recorder import Recorder
from lkdiag.render import FORMATS
from lkdiag.report.build import build_report
from lkdiag.report.redact import redact
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.fault import parse_behaviour
from lkdiag.settings import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from lkdiag.journal.event import Event
    from lkdiag.server.private import PrivateServer

    from .user import Running, User

TERMS = ("--timeout", "3s", "--settle", "1s", "--alone-for", "3s")
LOOKS = {"ListRooms", "ListDispatch", "ListParticipants"}


class Callers:
    """Somebody else's application: it makes rooms, and people come and go."""

    def __init__(self, server: PrivateServer, client: api.LiveKitAPI) -> None:
        self._server = server
        self._client = client
        self._joined: list[rtc.Room] = []

    async def room(self, name: str, *agents: str, departure_timeout: int = 20) -> None:
        """A room with these agents dispatched."""
        called = [api.RoomAgentDispatch(agent_name=agent) for agent in agents]
        await self._client.room.create_room(
            api.CreateRoomRequest(name=name, agents=called, departure_timeout=departure_timeout)
        )

    async def dispatch(self, room: str, agent: str) -> None:
        """An agent is called into a room that is there."""
        await self._client.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(room=room, agent_name=agent))

    async def join(self, room: str, identity: str, kind: api.AccessToken.ParticipantKind = "standard") -> rtc.Room:
        """Somebody comes."""
        token = (
            api.AccessToken(self._server.api_key, self._server.api_secret)
            .with_identity(identity)
            .with_kind(kind)
            .with_grants(api.VideoGrants(room_join=True, room=room))
        )
        found = rtc.Room()
        await found.connect(self._server.url, token.to_jwt(), rtc.RoomOptions(auto_subscribe=False))
        self._joined.append(found)
        return found

    async def delete(self, room: str) -> None:
        """The room is closed."""
        await self._client.room.delete_room(api.DeleteRoomRequest(room=room))

    async def rooms(self) -> set[str]:
        """Those that are there."""
        return {room.name for room in (await self._client.room.list_rooms(api.ListRoomsRequest())).rooms}

    async def part(self) -> None:
        """Whoever is still there leaves."""
        for room in self._joined:
            await room.disconnect()


@pytest.fixture
async def callers(private_server: PrivateServer) -> AsyncIterator[Callers]:
    """An application of somebody else's on the server."""
    async with api.LiveKitAPI(private_server.url, private_server.api_key, private_server.api_secret) as client:
        found = Callers(private_server, client)
        try:
            yield found
        finally:
            await found.part()


@contextlib.asynccontextmanager
async def workers(server: PrivateServer, behaviours: Mapping[str, str]) -> AsyncIterator[None]:
    """Workers of somebody else's, by their names."""
    credentials = Credentials(server.url, server.api_key, server.api_secret, "the tests")
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=time.time_ns, mono_ns=time.monotonic_ns).for_trial(1)
    found = [
        SimulatedWorker(credentials, recorder, name, JobType.ROOM, parse_behaviour(behaviour), rooms=any_room)
        for name, behaviour in behaviours.items()
    ]
    try:
        await asyncio.gather(*(worker.open() for worker in found))
        yield
    finally:
        await asyncio.gather(*(worker.close() for worker in found))


async def number_of(watch: Running, room: str) -> int:
    """Under which number the watch follows that room; waits until it does."""
    began = await watch.wait_event("trial.started", room=room)
    return int(began["trial"])


@pytest.mark.server
async def test_watch_says_what_became_of_every_call_and_touches_none(
    owner: User, private_server: PrivateServer, callers: Callers
) -> None:
    await callers.room("elsewhere", "honest")
    await callers.room("call-before", "nobody")
    names = {"honest": "honest", "ghost": "ghost", "leaver": "join-then-leave:4s"}
    async with (
        workers(private_server, names),
        owner.running("watch", "--prefix", "call-", *TERMS, "--format", "json") as watch,
    ):
        assert await number_of(watch, "call-before") == 1
        for name, agent in (("call-honest", "honest"), ("call-ghost", "ghost")):
            await callers.room(name, agent)
        await callers.room("call-left")
        await callers.join("call-left", "sip_+15550100", "sip")
        await callers.dispatch("call-left", "leaver")
        await callers.room("call-people", departure_timeout=1)
        people = [await callers.join("call-people", who) for who in ("ann", "bob")]
        honest, ghost, left, talk = [
            await number_of(watch, name) for name in ("call-honest", "call-ghost", "call-left", "call-people")
        ]
        for who in ("ann", "bob"):
            await watch.wait_event("participant.joined", identity=who, trial=talk)
        for one in people:
            await one.disconnect()
        await watch.wait_event("observation.ended", trial=honest, agent_came=True)
        await callers.delete("call-honest")
        await watch.wait_event("room.closed", trial=honest)
        await watch.wait_event("room.closed", trial=talk)
        await watch.wait_event("observation.ended", trial=ghost, agent_came=False)
        await watch.wait_event("call.left_over", trial=left)
        watch.signal(signal.SIGINT)
        done = await watch.wait()
    owner.assert_silent(done)
    assert done.code == 1, done.stderr
    report = done.report
    assert report["schema"] == "lkdiag.report/1"
    assert report["run"]["kind"] == "watch"
    assert report["run"]["interrupted"] is False
    assert report["verdict"] == "fail"
    by_name = {trial["agent_name"]: trial for trial in report["trials"]}
    calls = {call["room"]: call for call in report["calls"]}
    assert set(calls) == {"call-before", "call-honest", "call-ghost", "call-left", "call-people"}

    assert by_name["honest"]["outcome"] == "delivered"
    assert by_name["honest"]["mismatch"] is None  # its job may be listed 5 s late, as the workers have just registered
    # on a busy machine the room may have been out of sight, or the looks too far apart for an agent that stays briefly
    seen = not any("may have come and gone" in found["fact"] for found in by_name["ghost"]["findings"])
    assert fate(by_name["ghost"]) == (
        ("dropped", "running", "false-running") if seen else ("inconclusive", "running", None)
    )
    assert by_name["leaver"]["outcome"] == "delivered"
    assert fate(by_name["nobody"])[0] == "inconclusive"
    assert [found["check"] for found in by_name["nobody"]["findings"]] == ["seen-in-part"]
    assert by_name["honest"]["dispatch_id"].startswith("AD_")
    assert by_name["ghost"]["job_id"].startswith("AJ_")
    assert by_name["honest"]["room_sid"] == calls["call-honest"]["room_sid"]
    assert by_name["honest"]["latency_ms"] > 0

    ended = {name: call["ended"] for name, call in calls.items()}
    assert ended == {
        "call-before": "open", "call-honest": "closed", "call-ghost": "open", "call-left": "left-over",
        "call-people": "closed",
    }  # fmt: skip
    assert calls["call-before"]["existed"] is True
    assert calls["call-people"]["trials"] == []
    assert {one["identity"] for one in calls["call-people"]["people"]} == {"ann", "bob"}
    (room,) = report["leftover_rooms"]
    assert (room["name"], room["participants"]) == ("call-left", ["sip_+15550100"])
    assert room["closes"] == "one SIP participant holds it"
    occupied = {e["data"]["room"]: e["data"] for e in owner.events() if e["kind"] == "room.occupied"}
    assert occupied["call-left"]["participants"] == [{"identity": "sip_+15550100", "kind": "sip"}]
    failed = {found["check"] for found in report["findings"] if found["severity"] == "fail"}
    assert failed == {"left-alone", *(["false-running"] if seen else [])}

    methods = {event["data"]["method"] for event in owner.events() if event["kind"] == "api.called"}
    assert methods - {"GetParticipant"} == LOOKS  # who is asked for by name is asked for where a list is doubted
    assert await callers.rooms() == {"elsewhere", "call-before", "call-ghost", "call-left"}
    await judged_again(owner, report)


def fate(trial: dict[str, Any]) -> tuple[str, str, str | None]:
    """Outcome, state and mismatch."""
    return trial["outcome"], trial["state"], trial["mismatch"]


async def judged_again(owner: User, report: dict[str, Any]) -> None:
    """The journal gives the same report, every format can be written, and thresholds work on it."""
    again = await owner.run("report", "--last", "--format", "json", "--fail-if", "dropped>0")
    assert again.code == 1
    assert again.report["thresholds"][0]["value"] == report["summary"]["outcomes"]["dropped"]
    assert again.report["calls"] == report["calls"]
    assert again.report["trials"] == report["trials"]
    (journal,) = owner.runs.glob("*/journal.jsonl")
    judged = redact(build_report(read_journal(journal).events))
    for format_, write in FORMATS.items():
        text = io.StringIO()
        write(judged, text, verbose=True)
        assert "call-left" in text.getvalue(), format_
        for wrong in ("lkdiag has deleted", "sweep --delete", "15550100"):
            assert wrong not in text.getvalue(), format_


@pytest.mark.server
async def test_one_call_to_its_end_passes(owner: User, private_server: PrivateServer, callers: Callers) -> None:
    """Nobody holds the room open: it closes by its own timeout as if nobody watched."""
    async with (
        workers(private_server, {"honest": "honest"}),
        owner.running("watch", "--room", "talk", "--calls", "1", "--format", "json") as watch,
    ):
        await watch.wait_event("api.called", method="ListRooms", room="talk")
        await callers.room("talk", "honest", departure_timeout=3)
        caller = await callers.join("talk", "sip_+15550100", "sip")
        await watch.wait_event("participant.joined", identity="sip_+15550100")
        await watch.wait_event("observation.ended", agent_came=True)
        await caller.disconnect()
        done = await watch.wait()
    owner.assert_silent(done)
    assert done.code == 0, done.stderr
    (trial,), (call,) = done.report["trials"], done.report["calls"]
    assert (fate(trial), trial["method"]) == (("delivered", "running", None), "observed")
    assert (call["ended"], call["trials"], call["alone"]) == ("closed", [1], None)
    assert call["closed_ms"] is not None
    assert done.report["leftover_rooms"] == []
    for words in ("appeared", "'sip_+15550100' (sip) is in the room", "agent 'honest' joined after", "is closed"):
        assert words in done.stderr


@pytest.mark.server
async def test_without_a_call_nothing_is_known(owner: User) -> None:
    done = await owner.run("watch", "--prefix", "call-", "--for", "1s", "--quiet", "--format", "json")
    assert (done.code, done.stderr) == (3, "")
    assert done.report["headline"] == "No call was seen, so there is nothing to judge."


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--room", "a", "--prefix", "b"),
        ("--room", ""),
        ("--prefix", "a", "--calls", "0"),
        ("--prefix", "a", "--api-rate", "0"),
        ("--prefix", "a", "--timeout", "1s"),
        ("--prefix", "a", "--fail-if", "closed_p50_ms>1"),
    ],
    ids=" ".join,
)
async def test_what_makes_no_sense_is_refused(user: User, words: tuple[str, ...]) -> None:
    done = await user.run("watch", *words)
    done.refusal(2)
