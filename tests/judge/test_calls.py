"""What is said of a call, and what must not be said: each rule with its near misses."""

from __future__ import annotations

import pytest

from lkdiag.journal.event import Event

from .call_story import Call, Subject


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
    call = Call("poll-reaper").merged().hung_up().at(gone_s).called().survivor_out().room_closed().closing()
    assert call.judged().outcome == outcome
    assert call.findings() == ({"slow-close"} if outcome == "slow" else set())


def test_a_survivor_that_is_told_late_makes_it_slow() -> None:
    call = Call("poll-reaper").merged().hung_up().at(1).called().room_closed().at(6).survivor_out().closing()
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
    blind = Call("off").merged().hung_up().told("trial.failed", step="watch the room", error="unreachable", own=True)
    assert blind.closing().judged().outcome == "inconclusive"
    assert Call("off").merged().judged().outcome == "inconclusive"  # killed
    crashed = Call("off").told("trial.crashed", error="ValueError: ours")
    assert crashed.closing().judged().outcome == "inconclusive"


@pytest.mark.parametrize(
    ("failure", "outcome"),
    [
        ("refused", "error"),
        ("throttled", "inconclusive"),
        ("unanswered", "inconclusive"),
        ("garbled", "inconclusive"),
    ],
)
def test_only_what_livekit_itself_refuses_is_an_error(failure: str, outcome: str) -> None:
    call = Call("off").told("trial.failed", step="play the call", error="no", failure=failure)
    assert call.closing().judged().outcome == outcome


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
    call = Subject().merged().told("subject.left").survivor_out().at(1).hung_up().at(1.1).room_closed()
    call.closing()
    assert call.judged().outcome == "closed"
    assert call.judged().facts.survivor_out_ms == 0
    assert call.findings() == {"cut-short"}


def test_somebody_elses_deletion_is_not_credited_to_the_cleanup() -> None:
    """A reaper of the project's own makes every row of the grid look well."""
    for cleanup in ("off", "late-context", "captured-context", "poll-reaper"):
        call = Call(cleanup).merged().hung_up().at(0.3).survivor_out().room_closed().closing()
        assert call.judged().outcome == "inconclusive", cleanup
    own = Subject().merged().hung_up().at(0.3).survivor_out().room_closed().closing()
    assert own.judged().outcome == "closed"


def test_lkdiags_own_stall_is_nobody_elses_leftover() -> None:
    stood = Event(0, "lkdiag.stalled", 0, int(8.4e9), None, {"began_mono_ns": int(0.1e9), "late_ms": 8300.0})
    left = Call("poll-reaper").merged().hung_up().at(8.5).room_occupied().closing()
    assert left.judged().outcome == "leftover"
    assert left.judged(stalls=(stood,)).outcome == "inconclusive"
    for late_ms, outcome in ((2900.0, "leftover"), (3100.0, "inconclusive")):  # of 8 s, in which 5 s are enough
        some = Event(0, "lkdiag.stalled", 0, int(5e9), None, {"began_mono_ns": int(1e9), "late_ms": late_ms})
        assert left.judged(stalls=(some,)).outcome == outcome
    slow = Call("poll-reaper").merged().hung_up().at(7).called().survivor_out().room_closed().closing()
    assert slow.judged().outcome == "slow"
    short = Event(0, "lkdiag.stalled", 0, int(3e9), None, {"began_mono_ns": int(0.5e9), "late_ms": 2500.0})
    assert slow.judged(stalls=(short,)).outcome == "inconclusive"
    before = Event(0, "lkdiag.stalled", 0, -1, None, {"began_mono_ns": -5, "late_ms": 9000.0})
    assert left.judged(stalls=(before,)).outcome == "leftover"


def test_a_side_that_is_still_listed_has_not_hung_up_for_the_server() -> None:
    call = Call("captured-context").merged().hung_up().at(8)
    call.listed("human-agent-sip", "sip_+15550100").closing()
    assert call.judged().outcome == "inconclusive"


@pytest.mark.parametrize("gone", ["a", "a (b", "human-agent-sip (sip)", "human"])
def test_an_identity_that_is_part_of_another_is_not_listed_with_it(gone: str) -> None:
    """The side that hung up is `gone`, and the survivor's identity begins with it, or looks like it."""
    survivor = {"a": "a (b", "a (b": "a", "human": "human (sip)"}.get(gone, "human-agent-sip")
    call = Call("off").told("caller.joined", identity=gone, sid="PA_1", by="media").merged()
    call.told("human.joined", identity=survivor, sid="PA_2", by="media")
    call.told("call.hung_up", side="caller", identity=gone).at(8).listed(survivor).closing()
    judged = call.judged()
    assert judged.outcome == "leftover", judged.reason
    assert not judged.facts.still_listed(gone)


def test_a_room_without_the_survivor_is_not_its_leftover() -> None:
    call = Call("off").merged().hung_up().at(8).listed().closing()
    assert call.judged().outcome == "inconclusive"


def test_a_survivor_that_is_put_out_was_not_left_alone() -> None:
    there = Subject().merged().hung_up().at(1).survivor_out("PARTICIPANT_REMOVED").at(8).room_occupied()
    assert there.closing().judged().outcome == "inconclusive"
    gone = Subject().merged().hung_up().at(1).survivor_out("PARTICIPANT_REMOVED").room_closed().closing()
    assert gone.judged().outcome == "closed"


def test_a_failed_look_of_a_reaper_that_then_closed_the_room_is_no_failure() -> None:
    call = Call("poll-reaper").merged().hung_up().told("cleanup.look_failed", error="503")
    call.at(1).called().survivor_out().room_closed().closing()
    assert call.findings() == set()


def test_a_webhook_that_came_before_the_list_knew_is_told_as_that() -> None:
    call = Call("webhook-reaper").merged().hung_up()
    call.told("webhook.received", event="participant_left", identity="sip_+15550100")
    call.told("cleanup.looked", people=["human-agent-sip", "sip_+15550100"]).at(8).room_occupied().closing()
    finding = call.finding("cleanup-never-ran")
    assert "it looked 1 times, and last saw human-agent-sip, sip_+15550100" in finding.fact


@pytest.mark.parametrize(
    ("agents", "agent_exit", "said"),
    [
        ([], "left-room", "your agent had left the call before"),
        ([("agent-AJ_1", 1, 0)], "stays", "your agent was still in the room, with a track"),
        ([("agent-AJ_1", 0, 0)], "stays", "your agent was still in the room, with no track, or muted ones only"),
        ([("agent-AJ_1", 2, 2), ("agent-AJ_2", 1, 1)], "stays", "with no track, or muted ones only"),
        ([("agent-AJ_1", 0, 0), ("agent-AJ_2", 1, 0)], "stays", "with a track"),
        (None, "unknown", "nothing is known of your agent"),
    ],
)
def test_the_users_agent_is_called_what_was_seen_of_it(
    agents: list[tuple[str, int, int]] | None, agent_exit: str, said: str
) -> None:
    call = Subject().merged()
    if agents is not None:
        call.seen_before_hang_up(*agents)
    call.hung_up().at(8).room_occupied().closing()
    judged = call.judged()
    assert (judged.outcome, judged.facts.agent_exit) == ("leftover", agent_exit)
    assert said in call.finding("cleanup-never-ran").fact


def test_an_agent_that_left_before_the_merge_is_said_to_have() -> None:
    call = Subject().told("agent.joined", identity="agent-AJ_1", sid="PA_1")
    call.told("agent.left", identity="agent-AJ_1", sid="PA_1").merged().seen_before_hang_up()
    call.hung_up().at(8).room_occupied().closing()
    assert "had left before the calls were merged" in call.finding("cleanup-never-ran").fact


def test_an_agent_that_lkdiag_put_out_did_not_leave() -> None:
    """So nothing that it left undone is its own cleanup's."""
    call = Subject().merged().told("subject.removed", identity="a").seen_before_hang_up()
    call.hung_up().at(8).room_occupied().closing()
    assert call.judged().outcome == "leftover"
    assert call.judged().facts.subject_put_out
    assert call.findings() == {"survivor-stranded"}
    assert "lkdiag had put your agent out before (--remove-agent)" in call.finding("survivor-stranded").hint


@pytest.mark.parametrize(
    ("failure", "outcome"), [("garbled", "inconclusive"), ("unanswered", "inconclusive"), ("refused", "leftover")]
)
@pytest.mark.parametrize("cleanup", ["captured-context", "webhook-reaper"])
def test_a_call_of_the_cleanup_s_own_that_nobody_answered_is_not_its_fault(
    cleanup: str, failure: str, outcome: str
) -> None:
    call = Call(cleanup).merged().hung_up().told("cleanup.called", identity="sip_+15550100")
    if cleanup == "webhook-reaper":
        call.told("cleanup.look_failed", error="ListParticipants failed", failure=failure)
    else:
        error = "ApiCallError: DeleteRoom failed"
        call.told("cleanup.raised", error=error, failure=failure)
        call.told("error.unhandled", error=error, message="nobody awaited it")
    call.at(8).room_occupied().closing()
    assert call.judged().outcome == outcome
    if outcome == "inconclusive":
        assert call.findings() == {"not-fit"}
