"""The server's own work: its version, one dispatch, leftover rooms, signalling, and media."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
from google.protobuf.message import DecodeError
from livekit import api, rtc

from lkdiag.client.api_client import ApiCallError
from lkdiag.client.signal import CONNECT_TIMEOUT_S, describe_server, join_by_signal
from lkdiag.doctor.bench import MediaPath, winner
from lkdiag.doctor.check import NoAnswerError, failed, get_json, info, not_tried, ok, reason_of, token, warning
from lkdiag.journal.attribution import agents_of_dispatch, dispatch_under_test, identities_of, jobs_of
from lkdiag.journal.room_name import run_of_room
from lkdiag.journal.trial_kinds import RoomCreated
from lkdiag.run.room_watcher import RoomView, RoomWatcher

if TYPE_CHECKING:
    from livekit.protocol.rtc import JoinResponse

    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found


# What the server says of itself, and, on LiveKit Cloud, which regions there are.

SINCE: tuple[tuple[tuple[int, int, int], str], ...] = (
    ((1, 8, 4), "creation times to the millisecond"),
    ((1, 9, 1), "agents' ids in the dispatch list"),
    ((1, 9, 2), "agents' names in the participant list"),
)
"""What lkdiag's figures rest on, and since when livekit-server has it (its CHANGELOG: #3362, #3786, #3914)."""
CLOUD_SUFFIX = ".livekit.cloud"


async def server(bench: Bench) -> Found:
    """Version, edition, region and node."""
    about = bench.server
    if not about:
        return not_tried("it needs “Signalling /rtc” or “Registration”")
    seen = " · ".join(
        text
        for text in (
            f"LiveKit {about.get('version') or '(version unknown)'}",
            about.get("edition", ""),
            f"region {about['region']}" if about.get("region") else "",
            f"node {about['node_id']}" if about.get("node_id") else "",
        )
        if text
    )
    details = {label: about.get(label, "") for label in ("protocol", "agent_protocol")}
    lacking = missing(about.get("version", "")) if about.get("edition") != "cloud" else []
    if lacking:
        return warning(
            f"{seen}: too old to have {', '.join(lacking)}",
            f"Update livekit-server to {'.'.join(map(str, SINCE[-1][0]))} or newer.",
            **details,
        )
    return ok(seen, **details)


def missing(version: str) -> list[str]:
    """What a server of that version does not have yet; nothing where the version can't be read."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    if found is None:
        return []
    own = tuple(map(int, found.groups()))
    return [what for since, what in SINCE if own < since]


async def regions(bench: Bench) -> Found:
    """LiveKit Cloud lists its regions, the nearest first; the open-source server has none."""
    host = urlsplit(bench.known.url).hostname or ""
    cloud = host.endswith(CLOUD_SUFFIX) or bench.server.get("edition") == "cloud"
    jwt = token(bench.known, api.VideoGrants(room_join=True, room=bench.room), identity="lkdiag-doctor")
    try:
        status, said = await get_json(bench.known, "/settings/regions", jwt)
    except NoAnswerError as error:
        status, said = 0, {"error": str(error)}
    listed = said.get("regions")
    if status == 200 and isinstance(listed, list):
        names = [str(one.get("region", "?")) for one in listed if isinstance(one, dict)]
        return ok(f"{len(names)}, the nearest is {names[0]}" if names else "none is listed", regions=", ".join(names))
    if not cloud:
        return info("none: not LiveKit Cloud")
    problem = f"HTTP {status}" if status else str(said.get("error"))
    return warning(
        f"LiveKit Cloud's regions are not listed: {problem}",
        "Let /settings/regions through: without it clients can't change over to another region.",
    )


# One dispatch to a room of the doctor's own, and whether its agent comes.

DELAYED_AFTER_MS = 2000.0
"""As `delayed` in a dispatch trial."""
LISTED_WITHIN_S = 6.0
"""In steady state a job is listed with its agent, after workers have changed 5 s later (livekit-server 1.13.5)."""


@dataclass(frozen=True)
class Arrival:
    """What became of a dispatch."""

    room: str
    sid: str
    latency_ms: float | None
    """From the room's creation to the agent's joining, both by the server's clock; None: it did not come."""
    dispatch: dict[str, Any] | None
    job: dict[str, Any] | None

    @property
    def ids(self) -> dict[str, str]:
        """Every id that is known, by label."""
        job, dispatch = self.job or {}, self.dispatch or {}
        found = {
            "room": f"{self.room} ({self.sid})",
            "dispatch": dispatch.get("dispatch_id", ""),
            "job": job.get("job_id", ""),
            "job_status": job.get("status", ""),
            "worker": job.get("worker_id", ""),
        }
        return {label: text for label, text in found.items() if text}


async def dispatch_once(bench: Bench, name: str, agent_name: str, wait_s: float, *, wait_listed: bool) -> Arrival:
    """Create a room that asks for the agent, and wait so long for it. Raises ApiCallError and RoomWatchError.

    `wait_listed`: also until listDispatch has had the time to name its job, so that the worker is known.
    """
    sid = await bench.make_room(name, agent_name)
    created_ms = next(row for e in reversed(bench.events) if isinstance(row := e.row, RoomCreated)).creation_time_ms
    watcher = RoomWatcher(bench.control, bench.run, name)

    def of(view: RoomView) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        dispatch = dispatch_under_test(view.dispatches, agent_name, None)
        own = identities_of(jobs_of(dispatch))
        return dispatch, agents_of_dispatch(view.participants.values(), agent_name, own, set())

    def deadline_ns(after_s: float) -> int:
        return bench.recorder.now_mono_ns() + int(after_s * 1e9)

    last_listed_ns = deadline_ns(max(wait_s, LISTED_WITHIN_S))
    came = await watcher.wait_until(lambda view: bool(of(view)[1]), deadline_ns(wait_s))
    if not came and wait_listed:  # perhaps a worker has taken it, and is only listed late
        await watcher.wait_until(lambda view: bool(jobs_of(of(view)[0]) or of(view)[1]), last_listed_ns)
    elif wait_listed:
        await watcher.wait_until(lambda view: bool(jobs_of(of(view)[0])), deadline_ns(LISTED_WITHIN_S))
    dispatch, agents = of(watcher.view)
    jobs = jobs_of(dispatch)
    joined_ms = min((agent["joined_at_ms"] for agent in agents), default=None)
    latency_ms = None if joined_ms is None else max(0.0, float(joined_ms - created_ms))
    return Arrival(name, sid, latency_ms, dispatch, jobs[0] if jobs else None)


# Rooms that earlier runs of lkdiag have left.


async def leftovers(bench: Bench) -> Found:
    """Are there any?"""
    try:
        rooms = await bench.control.list_rooms(bench.run, "")
    except ApiCallError as error:
        return warning(error.message, "Run the doctor again.")
    runs = [run for room in rooms if (run := run_of_room(room.name)) not in (None, bench.wanted.run_id)]
    if not runs:
        return ok("no room of an earlier run is there")
    count, of = len(runs), len(set(runs))
    return warning(
        f"{count} room{'s' if count > 1 else ''} of {of} other run{'s' if of > 1 else ''} of lkdiag "
        f"{'are' if count > 1 else 'is'} there",
        "See what they are with `lkdiag sweep`, and remove them with `lkdiag sweep --delete`.",
        runs=", ".join(sorted({run for run in runs if run})),
    )


# Signalling: does a client get its websocket, and what does the server answer to it?

FIX = (
    "Let websockets on /rtc through what stands before the server: a proxy has to pass on the headers Upgrade and "
    "Connection, and the query."
)


async def signalling(bench: Bench) -> Found:
    """Join the doctor's room by the websocket alone, unseen."""
    room = api.RoomConfiguration(
        empty_timeout=10, departure_timeout=1, agents=[api.RoomAgentDispatch(agent_name=bench.nobody)]
    )
    bench.rooms_made.append(bench.room)  # the join makes it, where it is not there
    jwt = token(
        bench.known,
        api.VideoGrants(room_join=True, room=bench.room, hidden=True),
        identity="lkdiag-doctor-signal",
        room_config=room,
    )
    try:
        joined = await join_by_signal(bench.known, jwt)
    except TimeoutError:
        return failed(f"no answer on the websocket within {CONNECT_TIMEOUT_S:g} s", FIX)
    except (aiohttp.ClientError, OSError, TypeError, DecodeError) as error:
        closed = isinstance(error, TypeError | DecodeError)
        seen = "the websocket was closed instead of answered" if closed else f"no websocket: {reason_of(error)}"
        return failed(bench.clean(seen, jwt), FIX)
    bench.joined = joined
    note_server(bench, joined)
    turn = [url for server in joined.ice_servers for url in server.urls]
    return ok("joined by the websocket", TURN_and_STUN=", ".join(turn))


def note_server(bench: Bench, joined: JoinResponse) -> None:
    """Keep what the server says of itself."""
    about = joined.server_info
    bench.server = {
        **describe_server(joined),
        "protocol": str(about.protocol or ""),
        "agent_protocol": str(about.agent_protocol or ""),
    }


# Media: does a participant's peer connection come about, and by which path?

SIGNAL_WITHIN_S = 10.0
CONNECT_WITHIN_S = 20.0
"""livekit waits 15 s for the peer connection, and tries it four times: one of them tells enough."""
PATH_WITHIN_S = 10.0
LOOK_INTERVAL_S = 0.05
IDENTITY = "lkdiag-doctor"

CLOUD_PORTS = "UDP 50000 to 60000 and UDP 3478"
OWN_PORTS = "UDP ports (rtc.udp_port, else 50000 to 60000)"
NO_PATH_FIX = (
    "Open the server's UDP ports (rtc.udp_port, else 50000 to 60000) and TCP 7881 to this machine, and have the server "
    "announce an address that can be reached from here (rtc.node_ip or rtc.use_external_ip)."
)


async def media(bench: Bench) -> Found:
    """Join with media; the participant stays until the examination is over."""
    jwt = token(bench.known, api.VideoGrants(room_join=True, room=bench.room), identity=IDENTITY)
    bench.media = room = rtc.Room()
    options = rtc.RoomOptions(auto_subscribe=False, connect_timeout=SIGNAL_WITHIN_S)
    bench.connecting = asyncio.create_task(room.connect(bench.known.ws_url, jwt, options), name="the doctor connects")
    await asyncio.wait({bench.connecting}, timeout=CONNECT_WITHIN_S)  # not cancelled by that: see Bench.close
    if not bench.connecting.done():
        return failed(f"no connection within {CONNECT_WITHIN_S:g} s", NO_PATH_FIX)
    error = bench.connecting.exception()
    if isinstance(error, rtc.ConnectError):
        return failed(f"no connection: {bench.clean(str(error), jwt) or 'no answer'}", NO_PATH_FIX)
    if error is not None:
        raise error
    path = await _wait_path(room)
    if path is None:
        return failed(f"no path for media was found within {PATH_WITHIN_S:g} s", NO_PATH_FIX)
    return judged(path, cloud=bench.server.get("edition") == "cloud")


async def _wait_path(room: rtc.Room) -> MediaPath | None:
    try:
        async with asyncio.timeout(PATH_WITHIN_S):
            while True:
                stats = await room.get_rtc_stats()
                if (path := winner([*stats.publisher_stats, *stats.subscriber_stats])) is not None:
                    return path
                await asyncio.sleep(LOOK_INTERVAL_S)
    except (TimeoutError, RuntimeError):  # get_rtc_stats raises the latter
        return None


def judged(path: MediaPath, *, cloud: bool) -> Found:
    """UDP is right; by TCP a lost packet holds up all that follow it, by TURN media takes a detour."""
    details = {"local": path.local, "remote": path.remote, "round_trip": path.round_trip, "relay": path.relay_url}
    if path.relay:
        seen = f"TURN over {path.relay.upper()}: neither UDP nor TCP got through directly"
    elif path.transport == "udp":
        return ok(f"UDP to {path.remote}", **details)
    else:
        seen = f"{path.transport.upper()} to {path.remote}: UDP did not get through"
    fix = (
        f"Let {CLOUD_PORTS} through this network's firewall, out to LiveKit Cloud."
        if cloud
        else f"Let the server's {OWN_PORTS} through the firewalls between it and this machine."
    )
    return warning(seen, fix, **details)
