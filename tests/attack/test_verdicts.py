"""The hunts' own judge: it finds each kind of wrong verdict, and leaves right and open ones alone."""

from __future__ import annotations

from typing import Any

import pytest

from .truth import Room, Visit
from .verdicts import Deed, Rules, Scene, Stay, contradictions, stays_of, unnamed_leftovers
from .worker import Job, Join, Treatment

ROOM = Room("lkdiag-x-001", "RM_1", created_ms=10_000)
ANEW = Room("lkdiag-x-001", "RM_2", created_ms=11_500)
RULES = Rules(timeout_s=3.0)
DELETED = Deed("deleted", 11_000)


def trial(outcome: str, latency_ms: float | None = None, **other: Any) -> dict[str, Any]:
    """What a report says of a trial."""
    return {
        "outcome": outcome, "room_sid": "RM_1", "mismatch": None, "latency_ms": latency_ms, "fallback": "not-needed",
        "fallback_dispatch_id": None, "findings": [{"fact": "so it is"}], **other,
    }  # fmt: skip


def job(
    job_id: str,
    room_sid: str = "RM_1",
    treatment: Treatment = Treatment.HONEST,
    *,
    offered_ms: int = 10_200,
    assigned: bool = True,
) -> Job:
    """A job whose dispatch is named like it."""
    at_ms = offered_ms if assigned else None
    return Job(job_id, f"AD_{job_id}", "foreign", ROOM.name, room_sid, treatment, offered_ms, at_ms)


def stay(job_id: str, after_ms: int, room: Room = ROOM) -> Stay:
    """An agent that came so long after its room."""
    return Stay(job_id, room.sid, room.created_ms + after_ms)


CAME = Scene([ROOM], [job("1")], [stay("1", 210)])
LATE = Scene([ROOM], [job("1")], [stay("1", 2500)])
NOBODY = Scene([ROOM], [job("1", treatment=Treatment.GHOST)], [])
NO_JOB = Scene([ROOM], [], [])
RESCUED = Scene([ROOM], [job("1", treatment=Treatment.GHOST), job("2", offered_ms=13_200)], [stay("2", 3300)])
IN_THE_SECOND = Scene(
    [ROOM, ANEW], [job("1", treatment=Treatment.SILENT), job("2", "RM_2")], [stay("2", 210, ANEW)], DELETED
)
CAME_THEN_DELETED = Scene([ROOM], [job("1")], [stay("1", 210)], DELETED)
LOST: dict[str, Any] = {"fallback": "lost", "fallback_dispatch_id": "AD_2"}


@pytest.mark.parametrize(
    ("told", "scene"),
    [
        (trial("delivered", 210.0), CAME),
        (trial("delayed", 2500.0), LATE),
        (trial("dropped"), NOBODY),
        (trial("dropped", mismatch="false-running"), NOBODY),
        (trial("dropped", fallback="rescued", fallback_dispatch_id="AD_2"), RESCUED),
        (trial("dropped", **LOST), Scene([ROOM], [job("1"), job("2", treatment=Treatment.GHOST)], [])),
        (trial("dropped", **LOST), Scene([ROOM], [job("1"), job("2", treatment=Treatment.LATE)], [stay("2", 4200)])),
        (trial("delivered", 210.0), CAME_THEN_DELETED),
        (trial("inconclusive"), CAME),
        (trial("inconclusive", fallback="unclear"), IN_THE_SECOND),
        (trial("inconclusive"), Scene([], [], [])),
    ],
)
def test_what_is_so_is_no_contradiction(told: dict[str, Any], scene: Scene) -> None:
    assert contradictions(told, scene, RULES) == []


@pytest.mark.parametrize(
    ("told", "scene", "words"),
    [
        (trial("dropped"), CAME, "dropped, and the agent was there after 210 ms"),
        (trial("dropped", mismatch="wrong-worker"), CAME, "dropped (wrong-worker), and the agent was there"),
        (trial("dropped", mismatch="false-running"), CAME, "false-running, and the agent was there after 210 ms"),
        (
            trial("dropped", mismatch="false-running"),
            Scene([ROOM], [job("1", assigned=False)], []),
            "false-running, and no worker had a job",
        ),
        (trial("dropped"), NO_JOB, "dropped, and no dispatch had reached the worker"),
        (trial("dropped"), Scene([ROOM], [job("1")], [], DELETED), "cut short after 1000 ms: deleted"),
        (trial("delivered", 210.0), NOBODY, "delivered, and no agent was there in time"),
        (trial("delivered", 2500.0), LATE, "delivered, and the agent was there after 2500 ms"),
        (trial("delayed", 210.0), CAME, "delayed, and the agent was there after 210 ms"),
        (trial("delivered", 150.0), CAME, "a latency of 150.0 ms, and it was 210 ms"),
        (trial("delivered", None), CAME, "a latency of None ms"),
        (trial("delivered", 210.0), IN_THE_SECOND, "delivered, and no agent was there in time"),
        (trial("delivered", 210.0, room_sid="RM_2"), IN_THE_SECOND, "in room RM_2, and the first one was RM_1"),
        (trial("delivered", 210.0, mismatch="unreported"), CAME, "unreported, and the server knew its jobs"),
        (
            trial("dropped", fallback="rescued", fallback_dispatch_id="AD_2"),
            NOBODY,
            "rescued, and it brought no agent into",
        ),
        (trial("dropped", **LOST), RESCUED, "lost, and it brought an agent"),
        (trial("dropped", **LOST), NOBODY, "lost, and it had never reached the worker"),
        (trial("error"), CAME, "error, and nobody had refused anything: so it is"),
        (trial("delivered", 210.0), Scene([], [], []), "there was no such room"),
        (trial("inconclusive", findings=[{"fact": "lkdiag itself failed: KeyError"}]), CAME, "KeyError"),
    ],
)
def test_what_is_not_so_is_found(told: dict[str, Any], scene: Scene, words: str) -> None:
    assert any(words in found for found in contradictions(told, scene, RULES)), contradictions(told, scene, RULES)


def test_an_agent_is_known_by_its_worker_or_by_the_server() -> None:
    told = job("1")
    told.joins["PA_1"] = Join("RM_1", 10_210)
    visits = [
        Visit("RM_1", "agent-1", "PA_1", True, 10_210),
        Visit("RM_1", "agent-1", "PA_2", True, 10_400),
        Visit("RM_1", "agent-9", "PA_3", True, 10_500),
    ]
    assert stays_of([told], visits) == [Stay("1", "RM_1", 10_210), Stay("1", "RM_1", 10_400)]


def test_a_room_that_is_left_has_to_be_named_or_owned_up_to() -> None:
    silent: dict[str, Any] = {"leftover_rooms": [], "findings": []}
    named = {**silent, "leftover_rooms": [{"name": "lkdiag-x-001"}]}
    unseen = {**silent, "findings": [{"check": "leftover-room", "severity": "inconclusive"}]}
    there = ["lkdiag-x-001", "lkdiag-x-002"]
    assert unnamed_leftovers(silent, "", there) == there
    assert unnamed_leftovers(named, "", there) == ["lkdiag-x-002"]
    assert unnamed_leftovers(unseen, "", there) == []
    assert unnamed_leftovers(None, "the server can't be reached", there) == there
