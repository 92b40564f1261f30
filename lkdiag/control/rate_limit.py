"""A server's limit on the rate of API calls (HTTP 429): what was refused, and how long lkdiag then keeps quiet."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lkdiag.scenario.number import parse_number

BACKOFF_S = 1.0
"""Without a Retry-After: that long, and twice as long with each further refusal."""
BACKOFF_MAX_S = 30.0
RETRY_AFTER_MAX_S = 60.0
"""A server that wants longer is asked again after that: the rooms of the run have to be closed some time."""


def parse_retry_after_s(text: str | None, now: datetime | None = None) -> float | None:
    """Seconds, or a date (RFC 9110); None for anything else. A date without a time zone is one in UTC."""
    if text is None:
        return None
    try:
        return max(0.0, parse_number(text.strip()))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return max(0.0, (until - (now or datetime.now(UTC))).total_seconds())


class RateLimit:
    """One for all calls of a run: what one of them was refused for, the others would be too."""

    def __init__(self) -> None:
        self._quiet_until_ns = 0
        self._refused = 0

    def note_refusal(self, began_ns: int, now_ns: int, retry_after_s: float | None) -> None:
        """A call that began then was refused. Those that were under way side by side count as one."""
        if began_ns >= self._quiet_until_ns:
            self._refused += 1
        backoff_s: float = min(BACKOFF_S * 2 ** (self._refused - 1), BACKOFF_MAX_S)
        wait_s = backoff_s if retry_after_s is None else min(retry_after_s, RETRY_AFTER_MAX_S)
        self._quiet_until_ns = max(self._quiet_until_ns, now_ns + int(wait_s * 1e9))

    def note_answer(self, began_ns: int) -> None:
        """A call that began then was taken."""
        if began_ns >= self._quiet_until_ns:
            self._refused = 0

    def wait_s(self, now_ns: int) -> float:
        """How long a call has to wait now."""
        return max(0.0, (self._quiet_until_ns - now_ns) / 1e9)
