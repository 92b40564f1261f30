"""`lkdiag sweep` on a real server: it finds and deletes what is lkdiag's, and keeps its hands off everything else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from livekit import api

from tests.cli.sweep.conftest import in_between
from tests.deadline import DEADLINE_S

if TYPE_CHECKING:
    from tests.cli.sweep.conftest import Project

pytestmark = pytest.mark.server

RUN_A, RUN_B = "20260101-120000-ab12", "20260102-120000-00ff"
A1, A2, B1 = f"lkdiag-{RUN_A}-001", f"lkdiag-{RUN_A}-w1", f"lkdiag-{RUN_B}-002-human"
NOT_OURS = {
    "lkdiag",
    "lkdiag-",
    "lkdiag-demo",
    "lkdiag-20200101",
    "lkdiag-20200101-000000-zzzz-1",
    f"my-lkdiag-{RUN_A}-001",
    f"lkdiag-{RUN_A}",
    f"LKDIAG-{RUN_A}-001",
    f"lkdiag-{RUN_A}-001 copy",
}


async def test_nothing_left(project: Project) -> None:
    await project.create(*NOT_OURS)
    for arguments in ([], ["--delete"], ["--lone-sip"], ["--lone-sip", "--delete", "--yes", "--older-than", "0s"]):
        swept = await project.sweep(*arguments)
        assert (swept.code, swept.rooms) == (0, {})
    assert set(await project.rooms()) == NOT_OURS
    told = await project.sweep(json_=False)
    assert (told.code, told.stdout) == (0, f"No such room on {project.server.url.rpartition('/')[2]}.\n")


async def test_two_runs_beside_rooms_of_others(project: Project) -> None:
    await project.create(A1, A2, B1, *NOT_OURS)

    listed = await project.sweep()
    assert listed.code == 1
    assert listed.actions == {A1: "listed", A2: "listed", B1: "listed"}
    there = await project.rooms()
    for name, run in ((A1, RUN_A), (A2, RUN_A), (B1, RUN_B)):
        assert listed.rooms[name]["run"] == run
        assert listed.rooms[name]["room_sid"] == there[name].sid
        assert listed.rooms[name]["participants"] == []
        assert listed.rooms[name]["closes"].startswith("empty: closes by itself within ")
    assert set((await project.sweep("--run", RUN_B)).rooms) == {B1}

    young = await project.sweep("--delete")
    assert (young.code, set(young.actions.values())) == (1, {"skipped"})
    too_young = await project.sweep("--delete", "--older-than", "1h")
    assert (too_young.code, too_young.rooms) == (0, {})
    assert set(await project.rooms()) == {A1, A2, B1, *NOT_OURS}

    one_run = await project.sweep("--delete", "--run", RUN_A)
    assert (one_run.code, one_run.actions) == (0, {A1: "deleted", A2: "deleted"})
    assert set(await project.rooms()) == {B1, *NOT_OURS}

    any_age = await project.sweep("--delete", "--older-than", "0s")
    assert (any_age.code, any_age.actions) == (0, {B1: "deleted"})
    assert set(await project.rooms()) == NOT_OURS


async def test_table_in_a_pipe(project: Project) -> None:
    await project.create(A1, "theirs")
    await project.join(A1, "sip_+15550100", "sip")
    await project.join("theirs", "[red]\x1b[31msip\u202e", "sip")
    there = await project.rooms()

    swept = await project.sweep("--lone-sip", json_=False, COLUMNS="40")
    (own,) = [line for line in swept.stdout.splitlines() if A1 in line]
    for text in (there[A1].sid, RUN_A, "sip_+15550100 (sip)", "one SIP participant holds it"):
        assert text in own
    (foreign,) = [line for line in swept.stdout.splitlines() if line.startswith("theirs")]
    assert r"[red]\x1b[31msip\u202e (sip)" in foreign
    assert there["theirs"].sid in foreign
    assert swept.stdout.replace("\n", "").isprintable()
    assert swept.stderr.replace("\n", "").isprintable()
    assert "Project 127.0.0.1:" in swept.stderr
    assert "--delete" in swept.stderr

    as_json = await project.sweep("--lone-sip")
    assert as_json.stdout.replace("\n", "").isprintable()
    assert as_json.rooms["theirs"]["participants"][0]["identity"] == "[red]\x1b[31msip\u202e"


async def test_lone_callers(project: Project) -> None:
    caller = await project.join("alone", "sip_1", "sip")
    await project.join("attended", "sip_2", "sip")
    await project.join("attended", "agent-1", "agent")
    await project.join("overheard", "sip_0", "sip")
    await project.join("overheard", "supervisor", "standard", hidden=True)
    await project.join("bridged", "sip_3", "sip")
    await project.join("bridged", "sip_4", "sip")
    await project.join("web", "visitor", "standard")
    await project.join("talk", "sip_5", "sip")
    await project.join("talk", "visitor", "standard")
    await project.join(A1, "sip_6", "sip")
    everything = {"alone", "attended", "overheard", "bridged", "web", "talk", A1}

    assert set((await project.sweep()).rooms) == {A1}
    listed = await project.sweep("--lone-sip")
    assert listed.code == 1
    assert set(listed.rooms) == {A1, "alone", "attended", "overheard"}
    assert listed.rooms["alone"]["run"] is None
    assert listed.rooms["alone"]["closes"] == "one SIP participant holds it"
    assert [one["hidden"] for one in listed.rooms["overheard"]["participants"]].count(True) == 1
    assert listed.rooms["attended"]["closes"] == "one SIP participant holds it, with agent-1 beside it"
    kinds = {one["identity"]: one["kind"] for one in listed.rooms["attended"]["participants"]}
    assert kinds == {"sip_2": "sip", "agent-1": "agent"}

    without_yes = await project.sweep("--lone-sip", "--delete", "--older-than", "0s")
    assert without_yes.code == 1
    assert without_yes.actions == {A1: "deleted", "alone": "skipped", "attended": "skipped", "overheard": "skipped"}
    just_come = await project.sweep("--lone-sip", "--delete", "--yes")
    assert (just_come.code, set(just_come.actions.values())) == (1, {"skipped"})
    assert set(await project.rooms()) == everything - {A1}

    hung_up = asyncio.Event()
    caller.on("disconnected", lambda _reason: hung_up.set())
    swept = await project.sweep("--lone-sip", "--delete", "--yes", "--older-than", "0s")
    assert swept.code == 1
    assert swept.actions == {"alone": "deleted", "attended": "skipped", "overheard": "skipped"}
    assert "an agent is with the caller" in swept.rooms["attended"]["reason"]
    assert set(await project.rooms()) == everything - {A1, "alone"}
    async with asyncio.timeout(DEADLINE_S):
        await hung_up.wait()


@pytest.mark.parametrize("kind", ["agent", "standard"])
async def test_looks_again_before_it_deletes(project: Project, kind: api.AccessToken.ParticipantKind) -> None:
    await project.join("call", "sip_1", "sip")

    async def intercept(method: str, body: bytes) -> web.Response | None:
        if (
            method == "ListRooms"
            and api.ListRoomsRequest.FromString(body).names
            and len(await project.people("call")) == 1
        ):
            await project.join("call", "helper", kind)
        return None

    async with in_between(project.server, intercept) as url:
        swept = await project.sweep("--lone-sip", "--delete", "--yes", "--older-than", "0s", LIVEKIT_URL=url)
    assert (swept.code, swept.actions) == (1, {"call": "skipped"})
    assert sorted(await project.people("call")) == ["helper", "sip_1"]


async def test_a_room_of_the_same_name_that_came_meanwhile_is_spared(project: Project) -> None:
    await project.create(A1)
    first = (await project.rooms())[A1].sid

    async def intercept(method: str, body: bytes) -> web.Response | None:
        if method == "ListRooms" and api.ListRoomsRequest.FromString(body).names:
            await project.renew(A1)
        return None

    async with in_between(project.server, intercept) as url:
        swept = await project.sweep("--delete", "--run", RUN_A, LIVEKIT_URL=url)
    assert (swept.code, swept.actions) == (1, {A1: "skipped"})
    assert (await project.rooms())[A1].sid != first


async def test_a_room_that_can_not_be_deleted(project: Project) -> None:
    await project.create(A1, A2)

    async def intercept(method: str, body: bytes) -> web.Response | None:
        if method == "DeleteRoom" and api.DeleteRoomRequest.FromString(body).room == A1:
            return web.json_response({"code": "unavailable", "msg": "no \x1b[1m node"}, status=503)
        return None

    async with in_between(project.server, intercept) as url:
        swept = await project.sweep("--delete", "--run", RUN_A, LIVEKIT_URL=url)
        table = await project.sweep("--delete", "--run", RUN_A, json_=False, LIVEKIT_URL=url)
    assert (swept.code, swept.actions) == (5, {A1: "failed", A2: "deleted"})
    assert "unavailable" in swept.rooms[A1]["reason"]
    assert table.code == 5
    assert r"not deleted: DeleteRoom failed: no \x1b[1m node" in table.stdout
    assert set(await project.rooms()) == {A1}


async def test_a_room_that_can_not_be_looked_into(project: Project) -> None:
    """As one on a node that has died: it is lkdiag's all the same, but nobody else's is touched."""
    await project.create(A1, "theirs")

    async def intercept(method: str, _body: bytes) -> web.Response | None:
        if method == "ListParticipants":
            return web.json_response({"code": "unavailable", "msg": "no response from servers"}, status=503)
        return None

    async with in_between(project.server, intercept) as url:
        everything = ["--lone-sip", "--delete", "--yes", "--older-than", "0s"]
        swept = await project.sweep(*everything, LIVEKIT_URL=url)
    assert (swept.code, swept.actions) == (3, {A1: "deleted"})
    assert swept.rooms[A1]["participants"] is None
    assert "did not say who is in them: 1" in swept.stderr
    assert set(await project.rooms()) == {"theirs"}


async def test_an_empty_list_of_a_room_that_is_not_empty(project: Project) -> None:
    """listRooms counts somebody in it: who that is was not said, and nobody is told that no caller is alone."""
    await project.create(A1, "theirs")

    async def intercept(method: str, body: bytes) -> web.Response | None:
        answer: api.ListRoomsResponse | None = None
        if method == "ListParticipants":
            answer = api.ListRoomsResponse()
        elif method == "ListRooms" and not api.ListRoomsRequest.FromString(body).names:
            answer = api.ListRoomsResponse(rooms=(await project.rooms()).values())
            for room in answer.rooms:
                room.num_participants = 1
        if answer is None:
            return None
        return web.Response(body=answer.SerializeToString(), content_type="application/protobuf")

    async with in_between(project.server, intercept) as url:
        listed = await project.sweep("--lone-sip", LIVEKIT_URL=url)
        swept = await project.sweep("--lone-sip", "--delete", "--older-than", "0s", LIVEKIT_URL=url)
        nothing = await project.sweep("--lone-sip", LIVEKIT_URL=url)
    assert (listed.code, listed.actions) == (1, {A1: "listed"})
    assert listed.rooms[A1]["participants"] is None
    assert listed.rooms[A1]["closes"] == "unknown: listRooms counts 1 in it, and listParticipants shows nobody"
    assert (swept.code, swept.actions) == (3, {A1: "deleted"})
    assert (nothing.code, nothing.rooms) == (3, {})
    for done in (listed, swept, nothing):
        assert "did not say who is in them: 1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--run", "yesterday"], "not the id of a run"),
        (["--run", "20261341-250000-19f5"], "not the id of a run"),
        (["--older-than", "long"], "not a duration"),
        (["--yes"], "--yes goes with --lone-sip --delete"),
        (["--delete", "--yes"], "--yes goes with --lone-sip --delete"),
        (["--format", "markdown"], "markdown"),
    ],
)
async def test_usage(project: Project, arguments: list[str], said: str) -> None:
    await project.create(A1)
    swept = await project.sweep(*arguments, json_=False)
    assert (swept.code, swept.stdout) == (2, "")
    assert said in swept.stderr
    assert set(await project.rooms()) == {A1}


async def test_credentials_and_connection(project: Project) -> None:
    refused = await project.sweep(LIVEKIT_API_SECRET="another-secret-of-more-than-32-characters")
    assert (refused.code, refused.stdout) == (4, "")
    assert "another-secret" not in refused.stderr
    away = await project.sweep(LIVEKIT_URL="ws://127.0.0.1:9")
    assert (away.code, away.stdout) == (4, "")
    assert "can't be reached" in away.stderr
