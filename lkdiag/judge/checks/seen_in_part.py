"""A dispatch of which too little was to be seen for a verdict, and through no fault of lkdiag's.

It was made before the watch began; or its call, or the watch, was over before the agent had to be there. Calls are like
that: so this is a note, and no verdict rests on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Outcome, Severity
from lkdiag.facts.observation import polled_since
from lkdiag.facts.watched_call import WatchedDispatchFacts
from lkdiag.judge.finding import Finding

if TYPE_CHECKING:
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.SEEN_IN_PART
LAST_LOOK_NS = 2_000_000_000
"""The last look may be so much older than the end of a call."""


def judge(trial: JudgedTrial) -> Finding | None:
    """A note for such a dispatch."""
    facts = trial.facts
    if trial.outcome is not Outcome.INCONCLUSIVE or not isinstance(facts, WatchedDispatchFacts):
        return None
    if (reason := part_of(facts)) is None:
        return None
    return Finding(
        check=SLUG,
        severity=Severity.NOTE,
        title="seen in part",
        fact=reason,
        hint="nothing is wrong by that, and nothing is known: it is left out of every figure",
        trial=trial.index,
        evidence=(facts.first_listing.seq,),
    )


def part_of(facts: WatchedDispatchFacts) -> str | None:
    """Why there can't be a verdict; None where there can be one."""
    if facts.failure is not None:
        return None
    return _without_agent(facts) if facts.agent is None else _with_agent(facts)


def _with_agent(facts: WatchedDispatchFacts) -> str | None:
    latency_ms = facts.latency_ms
    late = latency_ms is None or latency_ms > facts.run.settings.delayed_after_s * 1000
    if not late:
        return None
    if facts.before_watch:
        return (
            "the dispatch was made before the watch began: the agent that is there may have come earlier, left and "
            "come back"
        )
    if "JT_PUBLISHER" in facts.types:
        return "the agent serves publishers, and when somebody published is not known exactly enough to call it late"
    return None


def _without_agent(facts: WatchedDispatchFacts) -> str | None:
    if facts.before_watch:
        return "the dispatch was made before the watch began: whether its agent has come and gone was not seen"
    if facts.dispatch_vanished:
        return "the dispatch was gone from listDispatch before the end: somebody deleted it"
    since_ns, timeout_s = facts.expected_ns, facts.run.settings.timeout_s
    if since_ns is None:
        served = "was in the room" if "JT_PARTICIPANT" in facts.types else "published anything in the room"
        return f"nobody {served}, and a worker may wait for that: no job was due"
    due_ns = since_ns + int(timeout_s * 1e9)
    if all(polled_since(facts, what, due_ns) for what in ("participants", "dispatches")):
        return None
    if facts.closing_began_ns >= due_ns + LAST_LOOK_NS:
        return None  # it was lkdiag that did not look
    lasted_s = max(0.0, (facts.closing_began_ns - since_ns) / 1e9)
    return f"{_end_of(facts)} {lasted_s:.1f} s after the dispatch was first seen, before the {timeout_s:g} s were over"


def _end_of(facts: WatchedDispatchFacts) -> str:
    call = facts.call
    if call.closed_ns is not None and call.closed_ns <= call.ended_ns:
        return "the room was closed"
    return "everybody had left" if call.emptied_ns is not None else "the watch ended"
