"""The end of an issue: where the logs are, and the smallest example that does what the run did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.document.blocks import Code, Listing, Paragraph
from lkdiag.document.selection import trials_of
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.document.blocks import Line
    from lkdiag.report.value import Report

OWN_WORKER = (
    "The command below is the smallest example: it needs no code of anybody's, for lkdiag brings the worker along"
)
OWN_AGENT = "The same without lkdiag, with the agent's worker running:"
CALLERS = ("join", "publish")
METHODS = ("create-room", "create-dispatch", "token")


def logs(report: Report) -> Iterator[Line]:
    """Where the logs are."""
    run_id = report.run.id
    if any(line.lane == "log" for trial in trials_of(report) for line in trial.timeline):
        yield "What the worker logged stands in the timelines of the failing trials, in the lane ", Code("log"), "."
    elif isinstance(report.run.options.get("agent_name"), str):
        again = Code(f"lkdiag report {run_id} --format markdown --worker-log FILE")
        yield "The worker's log was not given. ", again, " joins it by job and room, and puts it into the timelines."
    elif isinstance(report, WatchReport):
        yield "A worker's log was not given. ", Code(f"lkdiag report {run_id} --worker-log FILE"), " joins it."
    else:
        yield "The worker is lkdiag's own: what it did is in the journal, and in the timelines of failing trials."
    server = ", the log of the private livekit-server" if "--local" in report.run.command else ""
    bundle = Code(f"lkdiag bundle {run_id}")
    yield f"Everything that was seen{server} and the reports, as one file to attach: ", bundle


def example(report: Report) -> Paragraph | Listing | None:
    """Code where the subject is the user's own agent; else the command is the example, and that is said."""
    options = report.run.options
    agent_name = options.get("agent_name")
    if report.run.kind == "watch":
        return None  # life is no example
    if not isinstance(agent_name, str):
        server = ", and with --local the server too" if "--local" in report.run.command else ""
        return Paragraph(f"{OWN_WORKER}{server}.")
    if report.run.scenario == "dispatch-trial" and options.get("method", "create-room") in METHODS:
        return Listing(OWN_AGENT, tuple(_lines(agent_name, options)), "python")
    return None


def _lines(agent_name: str, options: dict[str, Any]) -> Iterator[str]:
    """A Python program, line by line."""
    method = options.get("method", "create-room")
    caller = options.get("caller", "none")
    joins = caller in CALLERS or method == "token"
    metadata = ", metadata=METADATA" if options.get("metadata") else ""
    dispatch = f"api.RoomAgentDispatch(agent_name=AGENT{metadata})"
    name = '"lkdiag-example"' if options.get("reuse_room_name") else 'f"lkdiag-example-{number}"'
    packages = "livekit-api livekit" if joins else "livekit-api"
    yield f"# pip install {packages}; with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET in the environment"
    yield "import asyncio"
    if joins:
        yield "import os"
    yield ""
    yield f"from livekit import api{', rtc' if joins else ''}"
    yield ""
    numbers = f"{_number(options, 'count', 10)}, {_number(options, 'timeout_s', 20)}"
    yield f"AGENT = {_literal(agent_name)}"
    if metadata:
        yield f"METADATA = {_literal(str(options['metadata']))}"
    yield f"TRIALS, TIMEOUT_S = {numbers}"
    yield ""
    yield ""
    yield "async def trial(lk: api.LiveKitAPI, number: int) -> None:"
    yield f"    name = {name}"
    if method == "create-room":
        yield f"    request = api.CreateRoomRequest(name=name, agents=[{dispatch}])"
        yield "    room = await lk.room.create_room(request)"
    elif method == "create-dispatch":
        yield "    room = await lk.room.create_room(api.CreateRoomRequest(name=name))"
        yield f"    request = api.CreateAgentDispatchRequest(agent_name=AGENT, room=name{metadata})"
        yield "    await lk.agent_dispatch.create_dispatch(request)"
    if joins:
        yield "    grants = api.VideoGrants(room_join=True, room=name)"
        yield '    token = api.AccessToken().with_identity("caller").with_grants(grants)'
        if method == "token":
            yield f"    token = token.with_room_config(api.RoomConfiguration(agents=[{dispatch}]))"
        yield "    caller = rtc.Room()"
        yield '    await caller.connect(os.environ["LIVEKIT_URL"], token.to_jwt())'
    if caller == "publish":
        yield '    track = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(48_000, 1))'
        yield "    await caller.local_participant.publish_track(track)"
    yield "    await asyncio.sleep(TIMEOUT_S)"
    yield "    people = (await lk.room.list_participants(api.ListParticipantsRequest(room=name))).participants"
    yield "    came = [person.identity for person in people if person.kind == api.ParticipantInfo.Kind.AGENT]"
    yield "    dispatches = await lk.agent_dispatch.list_dispatch(name)"
    shown = "room.sid" if method != "token" else "await caller.sid"
    yield f'    print(number, {shown}, came or "NO AGENT", dispatches)'
    if joins:
        yield "    await caller.disconnect()"
    yield "    await lk.room.delete_room(api.DeleteRoomRequest(room=name))"
    yield ""
    yield ""
    yield "async def main() -> None:"
    yield "    async with api.LiveKitAPI() as lk:"
    yield "        for number in range(TRIALS):"
    yield "            await trial(lk, number)"
    yield ""
    yield ""
    yield "asyncio.run(main())"


def _literal(text: str) -> str:
    """The text in Python, in ASCII; with the quotes that its formatters want."""
    return ascii(text) if '"' in text else f'"{ascii(text)[1:-1]}"'


def _number(options: dict[str, Any], name: str, otherwise: float) -> str:
    value = options.get(name)
    return f"{value if isinstance(value, int | float) else otherwise:g}"
