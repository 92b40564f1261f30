"""What is said of a call, and what must not be said: each rule with its near misses."""

from __future__ import annotations

import pytest

from .story import Call


def test_a_room_that_is_deleted_at_once_is_closed() -> None:
    call = Call("captured-context").merged().at(1).hung_up().told("cleanup.called", identity="x")
    call.at(1.02).survivor_out().at(1.1).room_closed().closing()
    judged = call.judged()
    assert judged.outcome == "closed"
    assert judged.facts.closed_ms == 100
    assert judged.facts.survivor_out_ms == 20
    assert call.findings() == set()


@pytest.mark.parametrize(("gone_s", "outcome"), [(5.0, "closed"), (5.001, "slow"), (7.9, "slow")])
def test_slow_begins_above_the_limit(gone_s: float, outcome: str) -> None:
    call = Call("poll-reaper").merged().hung_up().at(gone_s).survivor_out().room_closed().closing()
    assert call.judged().outcome == outcome
    assert call.findings() == ({"slow-close"} if outcome == "slow" else set())


def test_a_survivor_that_is_told_late_makes_it_slow() -> None:
    call = Call("poll-reaper").merged().hung_up().at(1).room_closed().at(6).survivor_out().closing()
    assert call.judged().outcome == "slow"


def test_the_reported_bug() -> None:
    call = Call().merged().told("agent.session_closed", reason="transfer_completed").hung_up()
    call.told("cleanup.called", identity="sip_+15550100").told("cleanup.raised", error="NoJobContextError: gone")
    call.told("error.unhandled", error="NoJobContextError: gone", message="Task exception was never retrieved")
    call.at(8).room_occupied().closing()
    judged = call.judged()
    assert judged.outcome == "leftover"
    assert judged.facts.stranded_ms == 8000
    assert call.findings() == {"unhandled-error", "cleanup-raised", "survivor-stranded"}


def test_what_happens_while_lkdiag_closes_the_room_does_not_count() -> None:
    call = Call("optional-context").merged().hung_up().told("cleanup.called", identity="x").at(8).room_occupied()
    assert call.closing().findings() == {"survivor-stranded"}


@pytest.mark.parametrize("agent_exit", ["left-room", "crashed"])
def test_a_cleanup_that_went_with_its_agent(agent_exit: str) -> None:
    call = Call("captured-context", agent_exit).merged().hung_up().at(8).room_occupied().closing()
    assert call.judged().outcome == "leftover"
    assert call.findings() == {"cleanup-never-ran", "survivor-stranded"}


def test_a_survivor_that_lost_its_line_proves_nothing() -> None:
    """Its client's trouble empties the room, which closes by itself: nobody cleaned up, and nobody is to blame."""
    gone = Call("off").merged().hung_up().at(3).survivor_out("SIGNAL_CLOSE").at(7).room_closed().closing()
    assert gone.judged().outcome == "inconclusive"
    there = Call("off").merged().hung_up().at(3).survivor_out("SIGNAL_CLOSE").at(8).room_occupied().closing()
    assert there.judged().outcome == "inconclusive"


def test_a_room_that_is_gone_while_the_survivor_was_never_told_is_not_judged() -> None:
    assert Call("off").merged().hung_up().at(1).room_closed().closing().judged().outcome == "inconclusive"


def test_the_humans_way_from_room_to_room_is_no_disconnection() -> None:
    """Without MoveParticipant the human leaves one room for the other: that is not the end of the survivor."""
    call = Call("off").merged().hung_up().at(8).room_occupied().closing()
    assert call.judged().facts.survivor_out is None


def test_no_look_at_the_end_is_no_verdict() -> None:
    assert Call("off").merged().hung_up().closing().judged().outcome == "inconclusive"


def test_a_call_that_could_not_be_played_is_an_error_and_one_out_of_sight_is_not_judged() -> None:
    failed = Call("off").told("trial.failed", step="bring the agent into the caller room", error="not within 20 s")
    assert failed.closing().judged().outcome == "error"
    blind = Call("off").merged().hung_up().told("trial.failed", step="watch the room", error="unreachable")
    assert blind.closing().judged().outcome == "inconclusive"
    assert Call("off").merged().judged().outcome == "inconclusive"  # killed
    crashed = Call("off").told("trial.crashed", error="ValueError: ours")
    assert crashed.closing().judged().outcome == "inconclusive"


def test_a_missing_webhook_is_told_from_one_that_came() -> None:
    call = Call("webhook-reaper").merged().hung_up()
    call.told("webhook.received", event="participant_left", identity="somebody-else")
    assert "webhook-missing" in call.at(8).room_occupied().closing().findings()
    heard = Call("webhook-reaper").merged().hung_up()
    heard.told("webhook.received", event="participant_left", identity="sip_+15550100")
    assert "webhook-missing" not in heard.at(8).room_occupied().closing().findings()
    other = Call("off").merged().hung_up().at(8).room_occupied().closing()
    assert "webhook-missing" not in other.findings()


def test_a_call_that_was_cut_before_anybody_hung_up_is_a_note() -> None:
    call = Call("subject", "own").merged().told("subject.left").survivor_out().at(1).hung_up().at(1.1).room_closed()
    call.closing()
    assert call.judged().outcome == "closed"
    assert call.judged().facts.survivor_out_ms == 0
    assert call.findings() == {"cut-short"}
