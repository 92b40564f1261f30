"""What the server says of itself, and, on LiveKit Cloud, which regions there are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from livekit import api

from lkdiag.doctor.ask import NoAnswerError, get_json, token
from lkdiag.doctor.check import info, not_tried, ok, warning

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

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
