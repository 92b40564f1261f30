"""The words for calls and their ends: what each cleanup is, what marks and merges mean, who survived and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lkdiag.checks.teardown.verdict import TeardownOutcome
from lkdiag.render.wording import NONE, seconds

if TYPE_CHECKING:
    from lkdiag.report.teardown_value import Survivor, TeardownTrial

SYMBOL = {
    TeardownOutcome.CLOSED: "✓",
    TeardownOutcome.SLOW: "!",
    TeardownOutcome.LEFTOVER: "✗",
    TeardownOutcome.ERROR: "error",
    TeardownOutcome.INCONCLUSIVE: "?",
}
"""What stands in a cell of the grid."""

WORST_FIRST = (
    TeardownOutcome.LEFTOVER,
    TeardownOutcome.SLOW,
    TeardownOutcome.ERROR,
    TeardownOutcome.INCONCLUSIVE,
    TeardownOutcome.CLOSED,
)

CLEANUP_MEANING = {
    "late-context": "looks the job context up when it is gone: the reported bug",
    "captured-context": "fix 1: the context is captured while it exists",
    "optional-context": "fix 2: a no-op when the context is gone",
    "off": "fix 3: nobody, the application owns teardown",
    "webhook-reaper": "on a participant_left webhook, deletes a lone side's room",
    "poll-reaper": "polls listParticipants, deletes a lone side's room",
    "subject": "your agent",
}

MERGE_MEANING = {
    "move-participant": "MoveParticipant",
    "rejoin": "rejoin (the human left one room and joined the other)",
}


def outcome(trial: TeardownTrial) -> str:
    """`✗ leftover`; an error needs no symbol."""
    symbol = SYMBOL[trial.outcome]
    return trial.outcome.value if symbol == trial.outcome.value else f"{symbol} {trial.outcome.value}"


def survived(found: Survivor | None) -> str:
    """`alone for 8.0 s`, or `disconnected after 0.02 s`."""
    if found is None:
        return NONE
    if found.disconnected:
        return "disconnected" + ("" if found.disconnected_ms is None else f" after {seconds(found.disconnected_ms)}")
    return "alone" + ("" if found.stranded_ms is None else f" for {seconds(found.stranded_ms)}")


def survivor(found: Survivor | None) -> str:
    """`human-agent-sip: alone for 8.0 s`, or when and why it was disconnected."""
    if found is None:
        return NONE
    reason = f" ({found.reason})" if found.disconnected and found.reason else ""
    return f"{found.identity}: {survived(found)}{reason}"


def company(trial: TeardownTrial) -> str:
    """Everybody who was left in the room, where that is not just the survivor; empty otherwise."""
    alone = trial.survivor is not None and trial.left_in_room == (trial.survivor.identity,)
    return "" if alone else ", ".join(trial.left_in_room)


def mark_meaning(kind: TeardownOutcome, options: dict[str, Any]) -> str:
    """What a mark in the grid says, with the run's own limit in it."""
    within = options.get("closed_within_s")
    limit = f" after more than {within:g} s" if isinstance(within, int | float) else " late"
    return {
        TeardownOutcome.CLOSED: "the room was closed, so long after the hang-up (median)",
        TeardownOutcome.SLOW: f"slow: closed{limit}",
        TeardownOutcome.LEFTOVER: "left over: the survivor was alone in the room for so long",
        TeardownOutcome.ERROR: "the call could not be played",
        TeardownOutcome.INCONCLUSIVE: "inconclusive: lkdiag was not fit to judge",
    }[kind]


def agent_exit(trial: TeardownTrial) -> str:
    """`left-room`, or of the user's own agent `stays, silent` and `left-room, put out by lkdiag`."""
    told = [trial.agent_exit]
    if trial.subject is not None:
        told += ["silent"] if trial.subject.silent else []
        told += ["put out by lkdiag"] if trial.subject.put_out else []
    return ", ".join(told)


def played(trial: TeardownTrial) -> str:
    """`late-context · agent session-closed · caller hung up`."""
    return f"{trial.cleanup} · agent {agent_exit(trial)} · {trial.hangup} hung up"
