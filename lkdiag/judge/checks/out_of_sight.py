"""For a while the project did not answer, or lkdiag stood still: what happened meanwhile was not seen."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity
from lkdiag.journal.run_kinds import RunFinished, WatchBegan, WatchStopped
from lkdiag.journal.trial_kinds import ApiCalled
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lkdiag.facts.watched_call import WatchedCallFacts
    from lkdiag.journal.timeline import Timeline

SLUG = CheckSlug.OUT_OF_SIGHT
LONGEST_S = 10.0
"""Looks for rooms are less than a second apart, and an answer takes at most 10 s before it is given up."""


def gaps_s(run: Timeline) -> list[float]:
    """The times between two answered listRooms, from the watch's beginning to its end."""
    edges = [e.mono_ns for e in run.of(WatchBegan)]
    edges += [e.mono_ns for e in run.of(ApiCalled) if e.row.method == "ListRooms" and e.row.ok]
    edges += [e.mono_ns for e in run.of(WatchStopped, RunFinished)[:1]]
    return [(after - before) / 1e9 for before, after in pairwise(sorted(edges))]


def judge(run: Timeline) -> Finding | None:
    """lkdiag can't say that nothing was wrong then."""
    long = [gap for gap in gaps_s(run) if gap > LONGEST_S]
    if not long:
        return None
    failed = [e for e in run.of(ApiCalled) if e.row.method == "ListRooms" and not e.row.ok]
    why = f"; the last failure: {failed[-1].row.error} ({failed[-1].row.failure})" if failed else ""
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title="the project was out of sight for a while",
        fact=f"listRooms was not answered for {sum(long):.0f} s in all, {max(long):.0f} s at most{why}",
        hint="calls that came and went meanwhile are in no figure; look at the server, or at lkdiag's own connection",
        evidence=tuple(e.seq for e in failed),
    )


def judge_calls(calls: Iterable[WatchedCallFacts]) -> Finding | None:
    """Calls that were there long enough, and of which the server never said who is in them, or who was dispatched."""
    unseen = []
    for call in calls:
        answered = {e.row.method for e in call.story.of(ApiCalled) if e.row.ok}
        lasted_s = (call.last_ns - call.started.mono_ns) / 1e9
        if lasted_s > LONGEST_S and not {"ListDispatch", "ListParticipants"} <= answered:
            unseen.append(call)
    if not unseen:
        return None
    rooms = ", ".join(call.started.row.room for call in unseen)
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title="the server did not say what goes on in a room",
        fact=f"listDispatch or listParticipants was never answered for {rooms}",
        hint="what became of these calls is not known; the refusals stand in the journal (api.called)",
        evidence=tuple(call.started.seq for call in unseen),
    )
