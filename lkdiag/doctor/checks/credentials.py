"""Are the credentials well formed and taken, are their grants heeded, and what can this server do?"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from livekit import api

from lkdiag import settings
from lkdiag.client.api_client import ApiCallError
from lkdiag.doctor.check import NoAnswerError, failed, info, not_tried, ok, token, twirp, warning
from lkdiag.doctor.checks.server import IDENTITY
from lkdiag.errors import CredentialsError, LkdiagError
from lkdiag.run.preflight import CLOCK_HINT, check_project

if TYPE_CHECKING:
    from lkdiag.doctor.bench import Bench
    from lkdiag.doctor.check import Found
    from lkdiag.settings import CredentialFlags, Credentials


# Where the credentials come from, and what in them can only be a slip. Nothing is sent anywhere here.

STAND_IN = "lkdiag-stand-in"
"""In place of a key, a secret or a host of which only the others are looked at. Never sent."""
STAND_IN_URL = "wss://lkdiag.invalid"
LK_CONFIG = "cli-config.yaml"
DASHBOARD = "cloud.livekit.io"
SECRET_MIN = 32
"""livekit-server 1.13.5 calls shorter ones too short; LiveKit's own have 43 and more."""
DEV_KEY, DEV_SECRET = "devkey", "secret"
"""Those of `livekit-server --dev`, which everybody knows."""

_OF_FORM = re.compile(r" (?:has (?:an? |no |the |whitespace)|is still a placeholder|is not a URL)")


@dataclass(frozen=True)
class Search:
    """What the search for credentials gave: as a whole, for the URL alone, for key and secret alone."""

    whole: Credentials | CredentialsError
    url: Credentials | CredentialsError
    pair: Credentials | CredentialsError


def search(flags: CredentialFlags) -> Search:
    """Look for all three, and where that fails for each half, so that one slip does not hide the other half."""
    whole = _load(flags)
    if not isinstance(whole, CredentialsError):
        return Search(whole, whole, whole)
    url = _load(replace(flags, api_key=STAND_IN, api_secret=STAND_IN))
    default = not isinstance(url, CredentialsError) and LK_CONFIG in url.source and flags.project is None
    if default and "default project" not in whole.message:
        url = whole  # beside this key and secret lk's default project would not have been asked
    return Search(whole, url, _load(replace(flags, url=STAND_IN_URL)))


async def source(bench: Bench) -> Found:
    """Which place they were found in."""
    if bench.wanted.private is not None:
        return ok(bench.wanted.private.source)
    whole = search(bench.wanted.flags).whole
    if isinstance(whole, CredentialsError):
        if is_of_form(whole):
            return ok(f"something is there, but {whole.message.partition(' has ')[0].partition(' is ')[0]} is unusable")
        return failed(whole.message, whole.hint)
    if whole.warnings:
        return warning(whole.source, f"{'; '.join(whole.warnings)}.")
    return ok(whole.source)


async def url(bench: Bench) -> Found:
    """Whether the URL is one, and LiveKit's."""
    private = bench.wanted.private
    found = private or search(bench.wanted.flags).url
    if isinstance(found, CredentialsError):
        return failed(found.message, found.hint) if is_of_form(found) else not_tried("none was found")
    bench.address = found
    parts = urlsplit(found.url)
    if parts.hostname == DASHBOARD:
        bench.address = None
        return failed(
            f"{found.url} is LiveKit Cloud's dashboard, not a project",
            "Use the project's own URL, wss://NAME.livekit.cloud, which the dashboard shows under Settings.",
        )
    if parts.path:
        return warning(
            f"{found.url} has a path: {parts.path}",
            "Write the URL without its path, unless a proxy of yours has put LiveKit below it.",
        )
    return ok(found.url)


async def key(bench: Bench) -> Found:
    """Whether key and secret look like a key and a secret, in this order."""
    found = bench.wanted.private
    if found is None:
        searched = search(bench.wanted.flags)
        if isinstance(searched.pair, CredentialsError):
            told = searched.pair
            return failed(told.message, told.hint) if is_of_form(told) else not_tried("none were found")
        if (slip := _slip(searched.pair)) is not None:
            return slip
        if isinstance(searched.whole, CredentialsError):
            return ok(_shown(searched.pair))
        found = searched.whole
    await bench.take(found)
    if found.api_key == DEV_KEY and found.api_secret == DEV_SECRET and not found.is_loopback:
        return warning(
            f"{_shown(found)}: those of `livekit-server --dev`, which everybody knows",
            "Start the server with keys of your own: `livekit-server generate-keys` makes them.",
        )
    return ok(_shown(found))


def is_of_form(error: CredentialsError) -> bool:
    """Whether something is there that can only be a slip; otherwise something is missing, or can't be read."""
    return not error.message.startswith("no project") and _OF_FORM.search(error.message) is not None


def looks_swapped(api_key: str, api_secret: str) -> bool:
    """Whether the key is the secret and the other way round."""
    return settings.are_swapped(api_key, api_secret) or len(api_secret) < SECRET_MIN <= len(api_key)


def _slip(found: Credentials) -> Found | None:
    if found.api_key == found.api_secret:
        return failed("key and secret are the same", "Copy both again: a secret is the longer one.")
    if looks_swapped(found.api_key, found.api_secret):
        return failed(
            "key and secret look swapped: the key is as long as a secret, and the secret as short as a key",
            "Exchange LIVEKIT_API_KEY and LIVEKIT_API_SECRET (or api_key and api_secret), wherever they come from.",
        )
    return None


def _shown(found: Credentials) -> str:
    return f"key {settings.masked_key(found.api_key)}, secret of {len(found.api_secret)} characters"


def _load(flags: CredentialFlags) -> Credentials | CredentialsError:
    try:
        return settings.load(flags)
    except CredentialsError as error:
        return error


# The HTTP API: are the credentials taken, are grants heeded, and is everything there that lkdiag needs?

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


# What this server can beyond the rest: asked, not assumed, and only in rooms of the doctor's own.

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
