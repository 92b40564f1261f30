"""F15: something happened in the room, or somebody left it, and the webhook that says so did not come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import CheckSlug, Severity, TeardownOutcome
from lkdiag.facts.webhooks import PATIENCE_S, missing, received
from lkdiag.journal.call_kinds import CallHungUp
from lkdiag.journal.participant_kinds import AgentJoined, WebhookReceived
from lkdiag.journal.trial_kinds import RoomCreated, RoomDeleted
from lkdiag.judge.finding import Finding
from lkdiag.judge.wording import seqs

if TYPE_CHECKING:
    from lkdiag.judge.call import JudgedCall
    from lkdiag.judge.trial import JudgedTrial

SLUG = CheckSlug.WEBHOOK_MISSING
REFERENCE = "https://github.com/livekit/livekit/issues/2399"
LEFT = ("participant_left", "participant_connection_aborted")


def judge(trial: JudgedTrial) -> Finding | None:
    """A finding that names every webhook that was waited for in vain."""
    if not trial.judges_webhooks:
        return None
    absent = missing(trial.facts)
    if not absent:
        return None
    came = len(received(trial.facts))
    hint = "a webhook is sent a few times and then given up: back whatever rests on it up with a look at the API"
    if not came:
        hint = (
            "none came at all: compare the project's webhook URL with where lkdiag listens, and whether it can be "
            f"reached from the server; else {hint}"
        )
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="a webhook did not come",
        fact=(
            f"{', '.join(expected.words for expected in absent)} did not come within {PATIENCE_S:g} s and more; "
            f"{came} other webhook{'' if came == 1 else 's'} of the room did"
        ),
        hint=hint,
        trial=trial.index,
        evidence=seqs(trial.facts, RoomCreated, AgentJoined, RoomDeleted, WebhookReceived),
        reference=REFERENCE,
    )


def judge_call(call: JudgedCall) -> Finding | None:
    """A finding for a leftover room of the webhook reaper that was told of no departure."""
    facts = call.facts
    if facts.cleanup != "webhook-reaper" or call.outcome is not TeardownOutcome.LEFTOVER or facts.hung_up is None:
        return None
    identity = facts.hung_up.row.identity
    events = facts.seen(WebhookReceived)
    if any(e.row.event in LEFT and e.row.identity == identity for e in events):
        return None
    return Finding(
        check=SLUG,
        severity=Severity.FAIL,
        title="no webhook of the hang-up came",
        fact=f"{identity} left, and no participant_left for it came within {facts.settings.window_s:g} s "
        f"({len(events)} other webhooks of the room did)",
        hint=(
            "a lost line is listed, and its webhook held back, for about 21 s: then a longer --window tells. Else "
            "compare the project's webhook URL with --webhook-listen, and let a periodic look back the webhooks up."
        ),
        trial=call.index,
        evidence=call.seqs(CallHungUp, WebhookReceived),
        reference=REFERENCE,
    )
