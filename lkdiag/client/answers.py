"""Which answers of LiveKit's API count, and how long a server has not answered."""

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
REASON_MAX = 500
"""How many characters of a reason are kept."""


class AnswerError(Exception):
    """The answer is a failure. `code` is the Twirp code; empty if the answer is not LiveKit's."""

    def __init__(
        self, failure: CallFailure, status: int, reason: str, *, code: str = "", retry_after: str | None = None
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.status = status
        self.reason = reason
        self.code = code
        self.retry_after = retry_after
        """The header Retry-After as received; None without one."""


async def examine(response: aiohttp.ClientResponse) -> None:
    """Raise AnswerError unless the answer is whole and LiveKit's. Passed to aiohttp as `raise_for_status`.

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
        said = body[:REASON_MAX].decode(errors="replace").strip()
        raise AnswerError(CallFailure.REFUSED, status, said, code="unauthenticated")
    raise AnswerError(CallFailure.GARBLED, status, f"HTTP {status}, and not in LiveKit's words")


def _end_is_proven(response: aiohttp.ClientResponse) -> bool:
    """Whether aiohttp notices a truncated body: it checks the length, or waits for the last chunk."""
    coding = response.headers.get("Transfer-Encoding", "").lower()
    return "Content-Length" in response.headers or "chunked" in coding


def _twirp_error(content_type: str, body: bytes) -> tuple[str, str]:
    """Code and message of a Twirp error; both empty if the answer is none."""
    try:
        found = json.loads(body) if content_type == "application/json" else None
    except (ValueError, RecursionError):  # RecursionError: nested too deeply
        found = None
    code, text = (found.get("code"), found.get("msg")) if isinstance(found, dict) else (None, None)
    if isinstance(code, str) and isinstance(text, str) and code in TWIRP_CODES:
        return code, text
    return "", ""


# -- what a complete answer contains: each function returns what is missing, or "" -----------------------------------


def lacks_of_room(room: api.Room, name: str) -> str:
    """What CreateRoom's answer lacks."""
    return "" if room.sid and room.name == name else "the answer is not the room that was asked for"


def lacks_of_rooms(rooms: Iterable[api.Room], names: Collection[str] | None) -> str:
    """What ListRooms' answer lacks. `names` are the requested ones; None: all."""
    for room in rooms:
        if not (room.sid and room.name):
            return "the answer has a room without SID or name"
        if names is not None and room.name not in names:
            return "the answer has a room that was not asked for"
    return ""


def lacks_of_dispatches(dispatches: Iterable[api.AgentDispatch], room: str) -> str:
    """What CreateDispatch's or ListDispatch's answer lacks."""
    if all(dispatch.id and dispatch.room == room for dispatch in dispatches):
        return ""
    return "the answer has a dispatch without an id, or of another room"


def lacks_of_participants(participants: Iterable[api.ParticipantInfo], identity: str | None = None) -> str:
    """What ListParticipants' or GetParticipant's answer lacks. `identity` is the requested one; None: all."""
    for one in participants:
        if not (one.sid and one.identity):
            return "the answer has a participant without SID or identity"
        if identity is not None and one.identity != identity:
            return "the answer has a participant who was not asked for"
    return ""


SILENT_MAX_S = 5.0
"""A server that answers no call for this long is gone; a restarting one is not judged either. The time starts again
after a longer period in which no call was made, in progress or held back."""
AWAY_MAX_S = 60.0
"""A server is also gone if for this long all answers are HTTP 429, or not LiveKit's."""
REPORT_AFTER_S = 4.0
"""A shorter absence is not reported."""
REPORT_HELD_S = 0.5
"""A shorter wait is not reported."""
REPORT_EVERY_S = 10.0
"""While an absence lasts, it is reported again at this interval."""


class ServerAbsence:
    """How long the server has given no answer, or none of LiveKit's; shared by all calls of a run.

    Times are monotonic nanoseconds. An absence is reported to the user as `server.missed` and `server.heard`.
    """

    def __init__(self) -> None:
        self._since_ns: int | None = None
        """Since when no call has had an answer of LiveKit's; None while the server answers."""
        self._silent_since_ns: int | None = None
        """Since when no call was answered at all."""
        self._asked_until_ns = 0
        """When the last failed call ended, or when held-back calls may be sent."""
        self._failure, self._reason = CallFailure.UNANSWERED, ""
        self._heard_ns = 0
        self._reported_ns: int | None = None
        self._reported_since_ns = 0

    @property
    def until_ns(self) -> int | None:
        """When the server is given up at the latest; None while it answers."""
        return None if self._since_ns is None else self._since_ns + int(AWAY_MAX_S * 1e9)

    def note_heard(self, recorder: TrialRecorder) -> None:
        """Note an answer of LiveKit's."""
        now_ns = self._heard_ns = recorder.run.now_mono_ns()
        if self._reported_ns is not None:
            recorder.run.record(ServerHeard(for_s=round((now_ns - self._reported_since_ns) / 1e9, 1)))
        self._since_ns = self._silent_since_ns = self._reported_ns = None

    def note_missed(self, recorder: TrialRecorder, failure: CallFailure, reason: str, began_ns: int) -> None:
        """Note that a call that began at `began_ns` had no answer of LiveKit's."""
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
        if failure is not CallFailure.THROTTLED:  # the next call reports how long it waits
            self._report(recorder, self._since_ns, failure, reason)

    def note_waiting(self, recorder: TrialRecorder, began_ns: int) -> None:
        """Note that a call that began at `began_ns` has no answer yet."""
        if self._heard_ns < began_ns:
            since_ns = began_ns if self._since_ns is None else self._since_ns
            self._report(recorder, since_ns, CallFailure.UNANSWERED, "a call is still waiting")

    def note_held(self, recorder: TrialRecorder, wait_s: float) -> None:
        """Note that no call is sent for `wait_s`, because the server has refused some as too many."""
        now_ns = recorder.run.now_mono_ns()
        self._asked_until_ns = max(self._asked_until_ns, now_ns + int(wait_s * 1e9))
        since_ns = now_ns if self._since_ns is None else self._since_ns
        self._report(recorder, since_ns, CallFailure.THROTTLED, "too many calls", wait_s)

    def _report(
        self, recorder: TrialRecorder, since_ns: int, failure: CallFailure, reason: str, wait_s: float = 0.0
    ) -> None:
        """Record the absence if it is long enough and was not reported just before."""
        now_ns = recorder.run.now_mono_ns()
        if self._reported_ns is None:
            due = wait_s >= REPORT_HELD_S or now_ns - since_ns >= REPORT_AFTER_S * 1e9
        else:
            due = now_ns - self._reported_ns >= REPORT_EVERY_S * 1e9
        if not due:
            return
        if self._reported_ns is None:
            self._reported_since_ns = since_ns
        self._reported_ns = now_ns
        recorder.run.record(
            ServerMissed(failure=failure, error=reason, for_s=round((now_ns - self._reported_since_ns) / 1e9, 1),
            wait_s=round(wait_s, 1) or None,))  # fmt: skip

    def given_up(self, now_ns: int) -> str:
        """Why the server counts as gone; empty while it may come back.

        The time since the last failed call does not count: there was no call.
        """
        asked_ns = min(now_ns, self._asked_until_ns)
        if self._silent_since_ns is not None and asked_ns - self._silent_since_ns > SILENT_MAX_S * 1e9:
            return f"no answer from the server for {SILENT_MAX_S:g} s"
        if self.until_ns is None or asked_ns < self.until_ns:
            return ""
        if self._failure is CallFailure.THROTTLED:
            return f"the server refused every call as too many (HTTP 429) for {AWAY_MAX_S:g} s"
        return f"the server gave no answer of LiveKit's own for {AWAY_MAX_S:g} s: {self._reason}"
