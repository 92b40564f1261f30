"""Media: does a participant's peer connection come about, and by which path?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from livekit import api, rtc

from lkdiag.doctor.ask import token
from lkdiag.doctor.check import failed, ok, warning
from lkdiag.doctor.media_path import MediaPath, winner

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

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
