"""What a call of LiveKit's API that failed says: the word that journals keep, and that checks judge by."""

from __future__ import annotations

from enum import StrEnum


class CallFailure(StrEnum):
    """Only REFUSED is LiveKit's own word. The others say nothing of LiveKit, of a worker or of a room."""

    REFUSED = "refused"
    """LiveKit answered with an error of its own."""
    THROTTLED = "throttled"
    """HTTP 429, whoever says it: lkdiag, or others of the project, made too many calls."""
    UNANSWERED = "unanswered"
    """No answer: no connection, a lost one, or the time was up. The call may have been carried out."""
    GARBLED = "garbled"
    """An answer that is not LiveKit's own whole one: HTML, empty, cut, of another type. The call may have been carried
    out."""

    @property
    def may_be_done(self) -> bool:
        """Whether the call may have been carried out all the same."""
        return self in (CallFailure.UNANSWERED, CallFailure.GARBLED)
