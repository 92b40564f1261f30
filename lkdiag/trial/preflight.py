"""Before the first trial: is the server there, is it LiveKit, and does it take the credentials?"""

from __future__ import annotations

import asyncio
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import aiohttp

from lkdiag.control import ApiCallError
from lkdiag.errors import ConnectionLostError, CredentialsError

if TYPE_CHECKING:
    from lkdiag.control import Control
    from lkdiag.settings import Credentials
    from lkdiag.timeline import Recorder

CONNECT_TIMEOUT_S = 10.0
SKEW_MAX_S = 30.0
"""From here on a clock is worth a word. Tokens begin to be refused when it is 60 s behind: the server allows a
minute (go-jose jwt.DefaultLeeway), and lkdiag's tokens begin to be valid when they are made."""


async def check_project(credentials: Credentials, control: Control, recorder: Recorder) -> None:
    """Ask the server for its rooms. Raises ConnectionLostError or CredentialsError with what is wrong."""
    skew_s = await _measure_skew_s(credentials)
    try:
        await control.list_rooms(recorder.for_trial(None), "lkdiag-")
    except ApiCallError as error:
        raise _explained(error, credentials, skew_s) from None


def _explained(
    error: ApiCallError, credentials: Credentials, skew_s: float | None
) -> ConnectionLostError | CredentialsError:
    host = credentials.host
    if error.status == 401:
        if skew_s is not None and abs(skew_s) >= SKEW_MAX_S:
            side = "ahead of" if skew_s > 0 else "behind"
            return CredentialsError(
                f"{host} refused the token, and this machine's clock is {_span(abs(skew_s))} {side} the server's",
                "set the clock (NTP): a token is valid only around the time at which it was made",
            )
        return CredentialsError(
            f"{host} refused the credentials: {error.reason}",
            f"do key and secret belong together, and to this project? They came from: {credentials.source}",
        )
    if error.status == 403:
        return CredentialsError(f"{host} refused to list its rooms: {error.reason}", "use an API key and secret")
    if error.unreachable:
        return ConnectionLostError(
            f"{host} can't be reached: {error.reason}",
            f"is the server up, and the URL right? It came from: {credentials.source}",
        )
    return ConnectionLostError(
        f"{host} does not answer as a LiveKit server does: {error.reason} ({error.code}, HTTP {error.status})",
        f"is the URL right? It came from: {credentials.source}",
    )


async def _measure_skew_s(credentials: Credentials) -> float | None:
    """This machine's clock minus the server's, by the Date header (to the second); None without an answer."""
    try:
        async with (
            asyncio.timeout(CONNECT_TIMEOUT_S),
            aiohttp.ClientSession() as session,
            session.get(credentials.http_url) as response,
        ):
            return time.time() - parsedate_to_datetime(response.headers["Date"]).timestamp()
    except (aiohttp.ClientError, OSError, TimeoutError, KeyError, ValueError, TypeError):
        return None


def _span(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"
