"""The HTTP API: are the credentials taken, are grants heeded, and is everything there that lkdiag needs?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.control import ApiCallError
from lkdiag.doctor.ask import NoAnswerError, token, twirp
from lkdiag.doctor.check import failed, info, ok, warning
from lkdiag.errors import LkdiagError
from lkdiag.trial.preflight import CLOCK_HINT, check_project

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found

PAIR_FIX = "Copy key and secret of this project again, as a pair, to where they came from: {source}."
FIXES = (
    ("doesn't know the API key", PAIR_FIX),
    ("refused the API secret", PAIR_FIX),
    ("clock is", f"{CLOCK_HINT[0].upper()}{CLOCK_HINT[1:]}."),
    ("does not answer as a LiveKit server", "Write the URL of the LiveKit server itself: it came from {source}."),
    ("can't be reached", "See whether the server stays up, and whether something between cuts connections off."),
    ("refused to list its rooms", "Use a key and a secret, not a token, and one that may do everything."),
    ("refused the credentials", PAIR_FIX),
)
"""What to do, by what `check_project` says."""


async def accepted(bench: Bench) -> Found:
    """Is it LiveKit, and does it take key and secret?"""
    try:
        await check_project(bench.known, bench.control, bench.recorder)
    except LkdiagError as error:
        fix = next((fix for words, fix in FIXES if words in error.message), "See what the server's own log says.")
        return failed(error.message, fix.format(source=bench.known.source))
    return ok("key and secret are taken, rooms can be listed")


async def grants(bench: Bench) -> Found:
    """Is a token refused that does not allow what it is used for?"""
    try:
        status, said = await twirp(bench.known, "RoomService/ListRooms", token(bench.known))
    except NoAnswerError as error:
        return warning(f"could not be seen: {error}", "Run the doctor again.")
    if status in (401, 403):
        return ok(f"a token without roomList is refused (HTTP {status})")
    if status == 200:
        return warning(
            "rooms were listed with a token that does not allow it",
            "See what stands before the server and puts in credentials of its own.",
        )
    return info(f"a token without roomList is answered by HTTP {status} {said.get('code', '')}".rstrip())


async def rooms(bench: Bench) -> Found:
    """Can a room be created?"""
    try:
        sid = await bench.make_room(bench.room, bench.nobody)
        if await bench.control.find_room(bench.run, bench.room, known=True) is None:
            return warning(
                f"{sid} was created, but is not listed",
                "Look at the Redis of the server's nodes: they don't see each other's rooms.",
            )
    except ApiCallError as error:
        return failed(error.message, _let_through("RoomService"))
    return ok("one was created and found", room=f"{bench.room} ({sid})")


async def dispatches(bench: Bench) -> Found:
    """Can an agent be dispatched?"""
    try:
        made, _ = await bench.control.create_dispatch(bench.run, bench.room, bench.nobody, "", known=None)
        listed = await bench.control.list_dispatch(bench.run, bench.room, known=True)
    except ApiCallError as error:
        return failed(error.message, _let_through("AgentDispatchService"))
    if made.id not in [dispatch.id for dispatch in listed]:
        return warning(f"{made.id} was created, but is not listed", "Run lkdiag dispatch-trial, which looks longer.")
    return ok("one was created and listed", dispatch=made.id)


def _let_through(service: str) -> str:
    return (
        f"Let /twirp/livekit.{service}/ through what stands before the server, or update a server that lacks it: "
        f"its log says which."
    )
