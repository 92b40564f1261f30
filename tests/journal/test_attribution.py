"""Which dispatch is under test, and which agents came for it."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.journal.attribution import agents_of_dispatch, dispatch_under_test, identities_of

A, B, OTHER = (
    {"dispatch_id": name, "agent_name": called, "created_at_ns": made, "jobs": []}
    for name, called, made in (("AD_a", "x", 1), ("AD_b", "x", 2), ("AD_o", "y", 0))
)


@pytest.mark.parametrize(
    ("listed", "known", "others", "found"),
    [
        ([B, A, OTHER], None, (), A),
        ([B, A], "AD_b", (), B),
        ([A], "AD_b", (), None),
        ([B, A], None, ("AD_a",), B),
        ([OTHER], None, (), None),
        ([], None, (), None),
    ],
)
def test_the_dispatch(listed: list[Any], known: str | None, others: tuple[str, ...], found: Any) -> None:
    assert dispatch_under_test(listed, "x", known, others) == found


def someone(identity: str, joined: int, kind: str = "agent", **more: str) -> dict[str, Any]:
    return {"identity": identity, "joined_at_ms": joined, "kind": kind, **more}


@pytest.mark.parametrize(
    ("there", "own", "foreign", "found"),
    [
        ([someone("b", 2, agent_name="x"), someone("a", 1, agent_name="x")], set(), set(), ["a", "b"]),
        ([someone("a", 1, agent_name="y"), someone("b", 2, agent_name="x")], set(), set(), ["b"]),
        ([someone("a", 1, agent_name="")], set(), set(), []),
        ([someone("a", 1)], set(), set(), ["a"]),
        ([someone("a", 1)], set(), {"a"}, []),
        ([someone("a", 1, agent_name="x"), someone("b", 2, agent_name="x")], {"b"}, set(), ["b"]),
        ([someone("a", 1, agent_name="x")], {"b"}, set(), []),
        ([someone("b", 1, agent_name="renamed")], {"b"}, set(), ["b"]),
        ([someone("human", 1, kind="standard", agent_name="x")], set(), set(), []),
    ],
)
def test_its_agents(there: list[Any], own: set[str], foreign: set[str], found: list[str]) -> None:
    assert [agent["identity"] for agent in agents_of_dispatch(there, "x", own, foreign)] == found


def test_an_automatic_dispatch_has_the_empty_name() -> None:
    assert agents_of_dispatch([someone("a", 1, agent_name="")], "", set(), set())
    assert not agents_of_dispatch([someone("a", 1, agent_name="x")], "", set(), set())


def test_identities() -> None:
    assert identities_of([{"participant_identity": "a"}, {"participant_identity": ""}, {}]) == {"a"}
