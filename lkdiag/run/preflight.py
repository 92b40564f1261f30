"""Checks before the first trial: does the server answer, is it LiveKit, and does it accept the credentials?"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp

from lkdiag.client.api_client import ApiCallError
from lkdiag.contract import CallFailure
from lkdiag.errors import ConnectionLostError, CredentialsError
from lkdiag.journal.run_kinds import ClockOff
from lkdiag.settings import masked_key

if TYPE_CHECKING:
    from lkdiag.client.api_client import Control
    from lkdiag.journal.recorder import Recorder
    from lkdiag.settings import Credentials


CONNECT_TIMEOUT_S = 10.0
CLOCK_HINT = "set the clock (NTP): a token is valid only around the time at which it was made"
SKEW_MAX_S = 30.0
"""From here on a wrong clock is reported. Tokens are refused when it is 60 s ahead or more: lkdiag's tokens are valid
from when they are made, and livekit-server 1.13.5 allows a minute (go-jose jwt.DefaultLeeway)."""
BEHIND_MAX_S = 6 * 3600.0
"""A clock further behind makes tokens that have already expired (livekit-api access_token.py, DEFAULT_TTL)."""


async def check_project(credentials: Credentials, control: Control, recorder: Recorder) -> None:
    """List the server's rooms. Raises ConnectionLostError or CredentialsError, which say what is wrong."""
    skew_s = await _measure_skew_s(credentials)
    try:
        await control.list_rooms(recorder.for_trial(None), "lkdiag-")
    except ApiCallError as error:
        raise _explained(error, credentials, skew_s) from None
    if skew_s is not None and abs(skew_s) >= SKEW_MAX_S:
        if -skew_s >= BEHIND_MAX_S + SKEW_MAX_S:
            raise CredentialsError(_clock_off(skew_s), CLOCK_HINT)
        recorder.record(ClockOff(skew_s=round(skew_s), told=_clock_off(skew_s)))


def _explained(
    error: ApiCallError, credentials: Credentials, skew_s: float | None
) -> ConnectionLostError | CredentialsError:
    host, came_from = credentials.host, f"They came from: {credentials.source}"
    if error.failure is CallFailure.REFUSED and error.status == 401:
        if skew_s is not None and abs(skew_s) >= SKEW_MAX_S:
            return CredentialsError(f"{host} refused the token, and {_clock_off(skew_s)}", CLOCK_HINT)
        key = masked_key(credentials.api_key)
        if "invalid API key" in error.reason:
            return CredentialsError(f"{host} doesn't know the API key {key}", f"is it this project's key? {came_from}")
        if "signature" in error.reason:
            return CredentialsError(
                f"{host} refused the API secret: it is not that of the key {key}",
                f"do key and secret belong together? {came_from}",
            )
        detail = f": {error.reason}" if error.reason else " (HTTP 401)"
        return CredentialsError(
            f"{host} refused the credentials{detail}", f"do key and secret belong together, and to it? {came_from}"
        )
    if error.failure is CallFailure.REFUSED and error.status == 403:
        return CredentialsError(f"{host} refused to list its rooms: {error.reason}", "use an API key and secret")
    if error.failure is CallFailure.THROTTLED:
        return ConnectionLostError(f"{host} refuses lkdiag's calls as too many (HTTP 429)", "try again in a while")
    url_hint = f"the URL right? It came from: {credentials.source}"
    if error.failure is CallFailure.UNANSWERED:
        return ConnectionLostError(f"{host} can't be reached: {error.reason}", f"is the server up, and {url_hint}")
    detail = f"{error.reason} ({error.code}, HTTP {error.status})" if error.code else error.reason
    return ConnectionLostError(f"{host} does not answer as a LiveKit server does: {detail}", f"is {url_hint}")


async def _measure_skew_s(credentials: Credentials) -> float | None:
    """This machine's clock minus the server's, by the Date header (to the second); None without an answer."""
    try:
        async with _get_session() as session, session.get(credentials.http_url) as response:
            return time.time() - parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError, TypeError):
        return None


def _get_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CONNECT_TIMEOUT_S))


def _clock_off(skew_s: float) -> str:
    side = "ahead of" if skew_s > 0 else "behind"
    return f"this machine's clock is {_span(abs(skew_s))} {side} the server's"


def _span(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
