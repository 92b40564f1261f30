"""Rooms of lkdiag's own that were still there when it had finished: its own fault to report, never to hide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.timeline import Timeline

SLUG = "leftover-room"


def judge(run: Timeline) -> Finding | None:
    """A finding about rooms that lkdiag could not remove."""
    left = run.of("room.left_over")
    if not left:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title=f"lkdiag left {len(left)} room{'s' if len(left) > 1 else ''} behind",
        fact="still there at the end: " + ", ".join(event.data["room"] for event in left),
        hint="they close by themselves when their timeouts have passed; `lk room delete NAME` closes them now",
        evidence=tuple(event.seq for event in left),
    )
