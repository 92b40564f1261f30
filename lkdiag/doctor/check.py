"""What a check of the doctor is and finds, and the requests that no client library makes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from livekit import api

from lkdiag.report.doctor_value import Mark

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from lkdiag.doctor.bench import Bench
    from lkdiag.settings import Credentials


# What a check is, and what it may answer.


@dataclass(frozen=True)
class Found:
    """A check's answer: `seen` in one line, and a `fix` in one sentence."""

    mark: Mark
    seen: str
    fix: str = ""
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One line of the doctor's table."""

    slug: str
    title: str
    group: str
    look: Callable[[Bench], Awaitable[Found]]
    """Looks at one thing; may leave on the bench what later checks build on. It raises nothing of its own."""
    needs: tuple[str, ...] = ()
    """Slugs of earlier checks; where one of them has failed or was not tried, neither is this one."""
    gate: bool = False
    """Where it fails the project can't be tested at all."""


def ok(seen: str, **details: str) -> Found:
    """As it should be."""
    return Found(Mark.OK, seen, details=_told(details))


def info(seen: str, fix: str = "", **details: str) -> Found:
    """Neither good nor bad."""
    return Found(Mark.INFO, seen, fix, _told(details))


def warning(seen: str, fix: str, **details: str) -> Found:
    """It works, but."""
    return Found(Mark.WARNING, seen, fix, _told(details))


def failed(seen: str, fix: str, **details: str) -> Found:
    """It does not work."""
    return Found(Mark.FAILED, seen, fix, _told(details))


def not_tried(why: str) -> Found:
    """It could not be looked at; `why` follows upon `not tried: `."""
    return Found(Mark.NOT_TRIED, f"not tried: {why}")


def _told(details: dict[str, str]) -> dict[str, str]:
    """Labels are written with blanks; what is empty is left out."""
    return {label.replace("_", " "): text for label, text in details.items() if text}


# Requests that no client library makes: without a grant, or of paths that are LiveKit's own business.

TIMEOUT_S = 10.0
BODY_MAX = 100_000


class NoAnswerError(Exception):
    """The server did not answer; the text says how."""


def session() -> aiohttp.ClientSession:
    """For one check."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S))


def reason_of(error: BaseException) -> str:
    """Why a connection failed, in the system's own words where it has some."""
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"HTTP {error.status}"
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


def token(
    credentials: Credentials,
    grants: api.VideoGrants | None = None,
    sip: api.SIPGrants | None = None,
    **about: str | api.RoomConfiguration,
) -> str:
    """A token with just these grants; `identity` and `room_config` where somebody is to join with it."""
    made = api.AccessToken(credentials.api_key, credentials.api_secret)
    made = made.with_grants(grants or api.VideoGrants())
    if sip is not None:
        made = made.with_sip_grants(sip)
    identity, config = about.get("identity"), about.get("room_config")
    if isinstance(identity, str):
        made = made.with_identity(identity)
    if isinstance(config, api.RoomConfiguration):
        made = made.with_room_config(config)
    return made.to_jwt()


async def twirp(credentials: Credentials, method: str, jwt: str) -> tuple[int, dict[str, Any]]:
    """Call `SERVICE/METHOD` with an empty request: HTTP status, and the JSON of its answer ({} where it is none).

    Raises NoAnswerError.
    """
    headers = {"Authorization": f"Bearer {jwt}"}
    try:
        async with (
            session() as client,
            client.post(f"{credentials.http_url}/twirp/livekit.{method}", json={}, headers=headers) as response,
        ):
            return response.status, _object(await response.content.read(BODY_MAX))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NoAnswerError(reason_of(error)) from None


async def get_json(credentials: Credentials, path: str, jwt: str) -> tuple[int, dict[str, Any]]:
    """GET a path with a token: HTTP status and JSON. Raises NoAnswerError."""
    headers = {"Authorization": f"Bearer {jwt}"}
    try:
        async with session() as client, client.get(f"{credentials.http_url}{path}", headers=headers) as response:
            return response.status, _object(await response.content.read(BODY_MAX))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise NoAnswerError(reason_of(error)) from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
