"""Which rooms are lkdiag's, what would close one, and which --delete leaves alone, whatever their age."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lkdiag.cli.recording import new_run_id
from lkdiag.journal.room_name import is_run_id, run_of_room
from lkdiag.report.sweep import Occupant, SweptRoom, is_wanted, objection, what_closes
from lkdiag.scenario.sweep import SweepScenario

RUN = "20261121-034950-19f5"
DELETE = SweepScenario(delete=True)
CALLER = Occupant("sip_1", "PA_1", "sip", hidden=False, present_s=3600)
BOT = Occupant("agent-1", "PA_2", "agent", hidden=False, present_s=3600)
WEB = Occupant("visitor", "PA_3", "standard", hidden=False, present_s=3600)
EGRESS = Occupant("EG_1", "PA_4", "egress", hidden=False, present_s=3600)
OBSERVER = replace(WEB, sid="PA_5", hidden=True)
OWN = SweptRoom(f"lkdiag-{RUN}-001", "RM_1", RUN, None, 3600, 72, 20, 0, (), "")
THEIRS = replace(OWN, room="call", run=None, participants=(CALLER,))


@pytest.mark.parametrize("suffix", ["001", "w1", "reused", "server", "012-human", "A_b"])
def test_own_rooms(suffix: str) -> None:
    assert run_of_room(f"lkdiag-{RUN}-{suffix}") == RUN


@pytest.mark.parametrize(
    "name",
    [
        "",
        "lkdiag",
        "lkdiag-",
        "lkdiag-demo",
        "lkdiag-20200101",
        "lkdiag-20200101-000000-zzzz-1",
        "lkdiag-20200101-000000-ABCD-1",
        "lkdiag-20201301-000000-abcd-1",
        "lkdiag-20200101-240000-abcd-1",
        f"my-lkdiag-{RUN}-001",
        f"lkdiag-{RUN}",
        f"lkdiag-{RUN}-",
        f"lkdiag-{RUN}0-001",
        f"lkdiag-{RUN}-001\n",
        f"lkdiag-{RUN}-0 1",
        f"lkdiag_{RUN}-001",
        f"Lkdiag-{RUN}-001",
        "lkdiag-٢٠٢٠٠١٠١-000000-abcd-1",
    ],
)
def test_rooms_of_others(name: str) -> None:
    assert run_of_room(name) is None


def test_the_ids_that_runs_get() -> None:
    assert is_run_id(new_run_id())


@pytest.mark.parametrize(
    ("participants", "num_participants", "age_s", "closes"),
    [
        ((), 0, 10, "empty: closes by itself within 62 s"),
        ((), 0, 500, "empty: closes by itself within 20 s"),
        ((BOT,), 1, 10, "nobody to be seen: a hidden participant may hold it"),
        ((BOT,), 0, 10, "only agents: closes by itself within 62 s"),
        ((EGRESS,), 0, 10, "empty: closes by itself within 62 s"),
        ((CALLER,), 1, 10, "one SIP participant holds it"),
        ((CALLER, BOT), 1, 10, "one SIP participant holds it, with agent-1 beside it"),
        ((CALLER, EGRESS), 1, 10, "one participant holds it"),
        ((CALLER, OBSERVER), 2, 10, "one SIP participant holds it, with visitor beside it"),
        ((OBSERVER,), 1, 10, "one participant holds it"),
        ((WEB,), 1, 10, "one participant holds it"),
        ((CALLER, WEB, BOT), 2, 10, "2 participants hold it"),
    ],
)
def test_what_closes(participants: tuple[Occupant, ...], num_participants: int, age_s: int, closes: str) -> None:
    told = what_closes(
        participants, num_participants=num_participants, age_s=age_s, empty_timeout_s=72, departure_timeout_s=20
    )
    assert told == closes


@pytest.mark.parametrize(
    ("age_s", "empty_timeout_s", "spared"),
    [(119, 72, True), (120, 72, False), (120, 372, True), (371, 372, True), (372, 372, False), (0, 10, True)],
)
def test_a_run_that_may_still_go_on_is_spared(age_s: int, empty_timeout_s: int, spared: bool) -> None:
    """A trial with a long --timeout lasts longer than two minutes; its room's empty timeout says so."""
    room = replace(OWN, age_s=age_s, empty_timeout_s=empty_timeout_s)
    assert (objection(room, DELETE, [room]) is not None) == spared
    assert objection(room, replace(DELETE, run_id=RUN), [room]) is None
    assert objection(room, replace(DELETE, older_than_s=0.0), [room]) is None


def test_one_young_room_spares_its_whole_run_and_no_other() -> None:
    young = replace(OWN, age_s=5, room_sid="RM_2")
    another = replace(OWN, run="20261121-034950-0000")
    rooms = [OWN, young, another]
    assert [objection(room, DELETE, rooms) is not None for room in rooms] == [True, True, False]


def test_rooms_of_others_need_yes_and_a_caller_who_is_alone_for_long() -> None:
    with_yes = SweepScenario(lone_sip=True, delete=True, yes=True)
    assert objection(THEIRS, with_yes, [THEIRS]) is None
    just_come = replace(THEIRS, participants=(replace(CALLER, present_s=119),))
    assert objection(just_come, with_yes, [just_come]) is not None
    assert objection(just_come, replace(with_yes, older_than_s=60.0), [just_come]) is None
    for yes in (with_yes, replace(with_yes, older_than_s=0.0), replace(with_yes, run_id=RUN)):
        for company in (BOT, OBSERVER):
            attended = replace(THEIRS, participants=(company, CALLER))
            assert objection(attended, yes, [attended]) is not None
    without = SweepScenario(lone_sip=True, delete=True, older_than_s=0.0)
    assert objection(THEIRS, without, [THEIRS]) is not None


def test_the_age_that_is_asked_for() -> None:
    assert is_wanted(OWN, SweepScenario(older_than_s=3600))
    assert not is_wanted(OWN, SweepScenario(older_than_s=3601))
    # a room of others that is used for call after call is old, its caller is not
    reused = replace(THEIRS, participants=(replace(CALLER, present_s=30),))
    assert is_wanted(reused, SweepScenario(lone_sip=True))
    assert not is_wanted(reused, SweepScenario(lone_sip=True, older_than_s=60))
    assert not is_wanted(OWN, SweepScenario(run_id="20261121-034950-0000"))
