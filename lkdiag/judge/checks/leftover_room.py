"""Rooms of lkdiag's own that were still there when it had finished, or not seen to be gone: told, never hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.run_kinds import RoomLeftOver, SweepFailed
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.journal.timeline import Timeline

SLUG = CheckSlug.LEFTOVER_ROOM
NAMED_MAX = 20
"""Rooms that the finding names; the journal has all (`sweep.failed`)."""


def judge(run: Timeline) -> Finding | None:
    """A finding about rooms that lkdiag could not remove, or of which it was not told whether they are gone."""
    left = run.of(RoomLeftOver)
    if not left:
        return _unseen(run)
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title=f"lkdiag left {len(left)} room{'s' if len(left) > 1 else ''} behind",
        fact="still there at the end: " + ", ".join(event.row.room for event in left),
        hint="they close by themselves when their timeouts have passed; `lk room delete NAME` closes them now",
        evidence=tuple(event.seq for event in left),
    )


def _unseen(run: Timeline) -> Finding | None:
    failed = run.of(SweepFailed)  # each of several processes has its own
    if not failed:
        return None
    rooms = [room for event in failed for room in event.row.rooms or ()]
    named = ", ".join(rooms[:NAMED_MAX]) + (f" and {len(rooms) - NAMED_MAX} more" if len(rooms) > NAMED_MAX else "")
    what = f"what became of {named}" if rooms else "which rooms are left"
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title=f"lkdiag did not see {len(rooms)} of its rooms closed"
        if rooms
        else "lkdiag could not look for its rooms",
        fact=f"the server did not tell {what}: {failed[-1].row.error}",
        hint=(
            "they close by themselves when their timeouts have passed. `lkdiag sweep` lists those that are there, also "
            "one that an agent has made anew by joining late."
        ),
        evidence=tuple(event.seq for event in failed),
    )
