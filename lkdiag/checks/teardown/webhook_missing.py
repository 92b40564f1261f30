"""F15: somebody left, and the webhook receiver never heard of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.checks.verdict import Finding, Severity

if TYPE_CHECKING:
    from lkdiag.checks.teardown.judged import JudgedCall

SLUG = "webhook-missing"
REFERENCE = "https://github.com/livekit/livekit/issues/2399"
LEFT = ("participant_left", "participant_connection_aborted")


def judge(call: JudgedCall) -> Finding | None:
    """A finding for a leftover room of the webhook reaper that was told of no departure."""
    facts = call.facts
    if facts.cleanup != "webhook-reaper" or call.outcome is not TeardownOutcome.LEFTOVER or facts.hung_up is None:
        return None
    identity = facts.hung_up.data["identity"]
    events = facts.seen("webhook.received")
    if any(e.data["event"] in LEFT and e.data.get("identity") == identity for e in events):
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="no webhook of the hang-up came",
        fact=f"{identity} left, and no participant_left for it came within {facts.scenario.window_s:g} s "
        f"({len(events)} other webhooks of the room did)",
        hint=(
            "a lost line is listed, and its webhook held back, for about 21 s: then a longer --window tells. Else "
            "compare the project's webhook URL with --webhook-listen, and let a periodic look back the webhooks up."
        ),
        trial=call.index,
        evidence=call.seqs("call.hung_up", "webhook.received"),
        reference=REFERENCE,
    )
