"""What this server can beyond the rest: asked, not assumed, and only in rooms of the doctor's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.doctor.ask import NoAnswerError, token, twirp
from lkdiag.doctor.check import info, ok, warning
from lkdiag.doctor.checks.media import IDENTITY

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

NO_SIP = "sip not connected"
"""livekit-server 1.13.5 says `sip not connected (redis required)` where it has no SIP service."""


async def move(bench: Bench) -> Found:
    """Can a participant be moved to another room? The doctor's own is."""
    destination = f"{bench.prefix}-moved"
    try:
        await bench.make_room(destination, bench.nobody)
        await bench.control.move_participant(bench.run, bench.room, IDENTITY, destination)
    except ApiCallError as error:
        if "not implemented" in error.reason or error.code in ("unimplemented", "bad_route"):
            # livekit-server 1.13.5 answers 500 `unknown`, 'not implemented'
            return info("not on this server: in trials a merged call leaves one room for the other")
        return warning(error.message, "See whether `lkdiag transfer-teardown` can merge calls here: it names the way.")
    return ok("a participant was moved")


async def sip(bench: Bench) -> Found:
    """Is there a SIP service? Only asked for its trunks, of which nothing is shown but their number."""
    jwt = token(bench.known, api.VideoGrants(), api.SIPGrants(admin=True))
    try:
        status, said = await twirp(bench.known, "SIP/ListSIPInboundTrunk", jwt)
    except NoAnswerError as error:
        return warning(f"could not be seen: {error}", "Run the doctor again.")
    if status == 200:
        count = len(said.get("items") or ())
        return ok(f"there, with {count} inbound trunk{'' if count == 1 else 's'}")
    reason = str(said.get("msg") or f"HTTP {status}")
    if NO_SIP in reason:
        return info(
            f"none: {reason.rpartition('unknown: ')[2]}",
            "For phone calls run livekit-sip and Redis beside the server; lkdiag's trials don't need them.",
        )
    return warning(reason, "Let /twirp/livekit.SIP/ through, if you need phone calls.")
