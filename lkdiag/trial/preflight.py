"""Before the first trial: is the server there, is it LiveKit, and does it take the credentials?"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp
from livekit import api

from lkdiag.control import ApiCallError
from lkdiag.errors import ConnectionLostError, CredentialsError
from lkdiag.secrecy.scrubber import scrub
from lkdiag.settings import masked_key

if TYPE_CHECKING:
    from lkdiag.control import Control
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder

CONNECT_TIMEOUT_S = 10.0
REFUSAL_MAX = 2000
CLOCK_HINT = "set the clock (NTP): a token is valid only around the time at which it was made"
SKEW_MAX_S = 30.0
"""From here on a clock is worth a word. Tokens are refused when it is 60 s ahead or more: lkdiag's begin to be valid
when they are made, and livekit-server 1.13.5 allows a minute (go-jose jwt.DefaultLeeway)."""
BEHIND_MAX_S = 6 * 3600.0
"""A clock that is further behind makes tokens that have expired already (livekit-api access_token.py, DEFAULT_TTL)."""


async def check_project(credentials: Credentials, control: Control, recorder: Recorder) -> None:
    """Ask the server for its rooms. Raises ConnectionLostError or CredentialsError with what is wrong."""
    skew_s = await _measure_skew_s(credentials)
    try:
        await control.list_rooms(recorder.for_trial(None), "lkdiag-")
    except ApiCallError as error:
        refusal = await _read_refusal(credentials) if error.status == 401 else ""
        raise _explained(error, credentials, skew_s, refusal) from None
    if skew_s is not None and abs(skew_s) >= SKEW_MAX_S:
        if -skew_s >= BEHIND_MAX_S + SKEW_MAX_S:
            raise CredentialsError(_clock_off(skew_s), CLOCK_HINT)
        recorder.record("clock.off", skew_s=round(skew_s), told=_clock_off(skew_s))


def _explained(
    error: ApiCallError, credentials: Credentials, skew_s: float | None, refusal: str
) -> ConnectionLostError | CredentialsError:
    host, came_from = credentials.host, f"They came from: {credentials.source}"
    if error.status == 401:
        if skew_s is not None and abs(skew_s) >= SKEW_MAX_S:
            return CredentialsError(f"{host} refused the token, and {_clock_off(skew_s)}", CLOCK_HINT)
        key = masked_key(credentials.api_key)
        if "invalid API key" in refusal:
            return CredentialsError(f"{host} doesn't know the API key {key}", f"is it this project's key? {came_from}")
        if "signature" in refusal:
            return CredentialsError(
                f"{host} refused the API secret: it is not that of the key {key}",
                f"do key and secret belong together? {came_from}",
            )
        said = f": {refusal or error.reason}" if refusal or error.reason else " (HTTP 401)"
        return CredentialsError(
            f"{host} refused the credentials{said}", f"do key and secret belong together, and to it? {came_from}"
        )
    if error.status == 403:
        return CredentialsError(f"{host} refused to list its rooms: {error.reason}", "use an API key and secret")
    if error.rate_limited:
        return ConnectionLostError(f"{host} refuses lkdiag's calls as too many (HTTP 429)", "try again in a while")
    url_hint = f"the URL right? It came from: {credentials.source}"
    if error.unreachable:
        return ConnectionLostError(f"{host} can't be reached: {error.reason}", f"is the server up, and {url_hint}")
    said = f"{error.reason} ({error.code}, HTTP {error.status})" if error.reason else f"HTTP {error.status}"
    return ConnectionLostError(f"{host} does not answer as a LiveKit server does: {said}", f"is {url_hint}")


async def _measure_skew_s(credentials: Credentials) -> float | None:
    """This machine's clock minus the server's, by the Date header (to the second); None without an answer."""
    try:
        async with _get_session() as session, session.get(credentials.http_url) as response:
            return time.time() - parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError, TypeError):
        return None


async def _read_refusal(credentials: Credentials) -> str:
    """Why the server refuses lkdiag's token, in its own words; empty when it does not say.

    livekit-server 1.13.5 answers in plain text (pkg/service/auth.go), of which the API client keeps nothing.
    """
    token = api.AccessToken(credentials.api_key, credentials.api_secret).with_grants(api.VideoGrants(room_list=True))
    try:
        async with (
            _get_session() as session,
            session.post(
                f"{credentials.http_url}/twirp/livekit.RoomService/ListRooms",
                json={},
                headers={"Authorization": f"Bearer {token.to_jwt()}"},
            ) as response,
        ):
            if response.status != 401 or response.content_type != "text/plain":
                return ""
            said = (await response.content.read(REFUSAL_MAX)).decode(errors="replace")
    except (aiohttp.ClientError, OSError, TimeoutError):
        return ""
    return scrub(said, [credentials.api_secret])


def _get_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CONNECT_TIMEOUT_S))


def _clock_off(skew_s: float) -> str:
    side = "ahead of" if skew_s > 0 else "behind"
    return f"this machine's clock is {_span(abs(skew_s))} {side} the server's"


def _span(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
