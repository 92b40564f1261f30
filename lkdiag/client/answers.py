"""What an answer of LiveKit's API means, and for how long a server has been away."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lkdiag.contract import CallFailure
from lkdiag.journal.run_kinds import ServerHeard, ServerMissed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    import aiohttp
    from livekit import api

    from lkdiag.journal.recorder import TrialRecorder


# What an answer of LiveKit's API means, and which one counts: only a whole, well-formed one to that very question.

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


# How long a server has been away: it answers nothing, or nothing that is LiveKit's own. The user is told.

SILENT_MAX_S = 5.0
"""A server that has not answered a single call for so long is gone; a restarting one is not judged either. The count
begins anew after a longer time in which no call was made, under way or held back."""
AWAY_MAX_S = 60.0
"""A server is also gone that has answered for so long with nothing but HTTP 429, or with what is not LiveKit's."""
TOLD_AFTER_S = 4.0
"""An absence that is over sooner is not told."""
HELD_TOLD_S = 0.5
"""A wait that is shorter is not told."""
TOLD_EVERY_S = 10.0
"""While an absence lasts, it is told again after so long."""


class Away:
    """One for all calls of a run. Times are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        """Since when no call has brought a word of LiveKit's; None while it is there."""
        self._silent_since_ns: int | None = None
        """Since when none was answered at all."""
        self._asked_until_ns = 0
        """When the last failed call ended, or when the calls that are held back may be sent."""
        self._failure, self._reason = CallFailure.UNANSWERED, ""
        self._heard_ns = 0
        self._told_ns: int | None = None
        self._told_since_ns = 0

    @property
    def until_ns(self) -> int | None:
        """When the server is given up at the latest; None while it is there."""
        return None if self._since_ns is None else self._since_ns + int(AWAY_MAX_S * 1e9)

    def note_heard(self, recorder: TrialRecorder) -> None:
        """LiveKit has spoken."""
        now_ns = self._heard_ns = recorder.run.now_mono_ns()
        if self._told_ns is not None:
            recorder.run.record(ServerHeard(for_s=round((now_ns - self._told_since_ns) / 1e9, 1)))
        self._since_ns = self._silent_since_ns = self._told_ns = None

    def note_missed(self, recorder: TrialRecorder, failure: CallFailure, reason: str, began_ns: int) -> None:
        """A call that began then has failed without a word of LiveKit's."""
        now_ns = recorder.run.now_mono_ns()
        if began_ns - self._asked_until_ns > SILENT_MAX_S * 1e9:
            self._since_ns = self._silent_since_ns = None
        self._asked_until_ns = now_ns
        self._since_ns = now_ns if self._since_ns is None else self._since_ns
        if failure is not CallFailure.UNANSWERED:
            self._silent_since_ns = None
        elif self._silent_since_ns is None:
            self._silent_since_ns = now_ns
        self._failure, self._reason = failure, reason
        if failure is not CallFailure.THROTTLED:  # whoever calls next tells how long it waits
            self._tell(recorder, self._since_ns, failure, reason)

    def note_waiting(self, recorder: TrialRecorder, began_ns: int) -> None:
        """A call that began then has no answer yet."""
        if self._heard_ns < began_ns:
            since_ns = began_ns if self._since_ns is None else self._since_ns
            self._tell(recorder, since_ns, CallFailure.UNANSWERED, "a call is still waiting")

    def note_held(self, recorder: TrialRecorder, wait_s: float) -> None:
        """No call is sent for so long: the server has refused some as too many."""
        now_ns = recorder.run.now_mono_ns()
        self._asked_until_ns = max(self._asked_until_ns, now_ns + int(wait_s * 1e9))
        since_ns = now_ns if self._since_ns is None else self._since_ns
        self._tell(recorder, since_ns, CallFailure.THROTTLED, "too many calls", wait_s)

    def _tell(
        self, recorder: TrialRecorder, since_ns: int, failure: CallFailure, reason: str, wait_s: float = 0.0
    ) -> None:
        """Record it when it is worth a word, and was not told just before."""
        now_ns = recorder.run.now_mono_ns()
        if self._told_ns is None:
            due = wait_s >= HELD_TOLD_S or now_ns - since_ns >= TOLD_AFTER_S * 1e9
        else:
            due = now_ns - self._told_ns >= TOLD_EVERY_S * 1e9
        if not due:
            return
        if self._told_ns is None:
            self._told_since_ns = since_ns
        self._told_ns = now_ns
        recorder.run.record(
            ServerMissed(failure=failure, error=reason, for_s=round((now_ns - self._told_since_ns) / 1e9, 1),
            wait_s=round(wait_s, 1) or None,))  # fmt: skip

    def given_up(self, now_ns: int) -> str:
        """Why nobody waits for the server any more; empty while it may come back.

        The time since the last failed call does not count: nobody has asked.
        """
        asked_ns = min(now_ns, self._asked_until_ns)
        if self._silent_since_ns is not None and asked_ns - self._silent_since_ns > SILENT_MAX_S * 1e9:
            return f"no answer from the server for {SILENT_MAX_S:g} s"
        if self.until_ns is None or asked_ns < self.until_ns:
            return ""
        if self._failure is CallFailure.THROTTLED:
            return f"the server refused every call as too many (HTTP 429) for {AWAY_MAX_S:g} s"
        return f"the server gave no answer of LiveKit's own for {AWAY_MAX_S:g} s: {self._reason}"
