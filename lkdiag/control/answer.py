"""What an answer of LiveKit's API means, and which one counts: only a whole, well-formed one to that very question."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lkdiag.timeline.call_failure import CallFailure

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import aiohttp
    from livekit import api

PROTOBUF = "application/protobuf"
TWIRP_CODES = frozenset(
    (
        "canceled",
        "unknown",
        "invalid_argument",
        "malformed",
        "deadline_exceeded",
        "not_found",
        "bad_route",
        "already_exists",
        "permission_denied",
        "unauthenticated",
        "resource_exhausted",
        "failed_precondition",
        "aborted",
        "out_of_range",
        "unimplemented",
        "internal",
        "unavailable",
        "dataloss",
    )
)
"""Twirp's error codes (twitchtv.github.io/twirp/docs/spec_v7.html)."""
SAID_MAX = 500
"""Characters that are kept of a text."""


class AnswerError(Exception):
    """The answer is no success. `code` is Twirp's, and empty where LiveKit has not spoken."""

    def __init__(
        self, failure: CallFailure, status: int, reason: str, *, code: str = "", retry_after: str | None = None
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.status = status
        self.reason = reason
        self.code = code
        self.retry_after = retry_after
        """That header, as it came; None without one."""


async def examine(response: aiohttp.ClientResponse) -> None:
    """Raise AnswerError unless the answer is whole, and a message of LiveKit's. Given to aiohttp as `raise_for_status`.

    livekit-api 1.2.2 hides the HTTP answer (twirp_client.py): it takes any body of a 200 for the message, and an empty
    one is a valid message. Reading the body here keeps it for the library.
    """
    status = response.status
    if status == 429:
        retry_after = response.headers.get("Retry-After")
        response.close()
        raise AnswerError(CallFailure.THROTTLED, status, "too many calls", retry_after=retry_after)
    if not _end_is_proven(response):
        response.close()
        raise AnswerError(CallFailure.GARBLED, status, "the answer says nowhere how long it is")
    body = await response.read()
    if status == 200:
        if response.content_type != PROTOBUF:
            what = "an empty answer" if not body else "an answer"
            said = f"{what} of type {response.content_type}" if "Content-Type" in response.headers else what
            raise AnswerError(CallFailure.GARBLED, status, f"{said}, which is not LiveKit's")
        return
    code, reason = _twirp_error(response.content_type, body)
    if code:
        raise AnswerError(CallFailure.REFUSED, status, reason, code=code)
    if status == 401 and response.content_type == "text/plain":
        # livekit-server 1.13.5 refuses a token in plain text (pkg/service/auth.go)
        said = body[:SAID_MAX].decode(errors="replace").strip()
        raise AnswerError(CallFailure.REFUSED, status, said, code="unauthenticated")
    raise AnswerError(CallFailure.GARBLED, status, f"HTTP {status}, and not in LiveKit's words")


def _end_is_proven(response: aiohttp.ClientResponse) -> bool:
    """Whether a body that was cut is noticed: aiohttp holds it to its length, or to its last chunk."""
    coding = response.headers.get("Transfer-Encoding", "").lower()
    return "Content-Length" in response.headers or "chunked" in coding


def _twirp_error(content_type: str, body: bytes) -> tuple[str, str]:
    """Code and message of a Twirp error; empty where the answer is none."""
    try:
        found = json.loads(body) if content_type == "application/json" else None
    except (ValueError, RecursionError):  # the latter where it is nested too deeply
        found = None
    code, said = (found.get("code"), found.get("msg")) if isinstance(found, dict) else (None, None)
    if isinstance(code, str) and isinstance(said, str) and code in TWIRP_CODES:
        return code, said
    return "", ""


# -- what a message has to have: each says what it lacks, or nothing ---------------------------------------------------


def lacks_of_room(room: api.Room, name: str) -> str:
    """Of CreateRoom's answer."""
    return "" if room.sid and room.name == name else "the answer is not the room that was asked for"


def lacks_of_rooms(rooms: Iterable[api.Room], names: Collection[str] | None) -> str:
    """Of ListRooms'; `names` are those that were asked for, None: all."""
    for room in rooms:
        if not (room.sid and room.name):
            return "the answer has a room without SID or name"
        if names is not None and room.name not in names:
            return "the answer has a room that was not asked for"
    return ""


def lacks_of_dispatches(dispatches: Iterable[api.AgentDispatch], room: str) -> str:
    """Of CreateDispatch's and ListDispatch's."""
    if all(dispatch.id and dispatch.room == room for dispatch in dispatches):
        return ""
    return "the answer has a dispatch without an id, or of another room"


def lacks_of_participants(participants: Iterable[api.ParticipantInfo], identity: str | None = None) -> str:
    """Of ListParticipants' and GetParticipant's; `identity` is the one that was asked for, None: all."""
    for one in participants:
        if not (one.sid and one.identity):
            return "the answer has a participant without SID or identity"
        if identity is not None and one.identity != identity:
            return "the answer has a participant who was not asked for"
    return ""
