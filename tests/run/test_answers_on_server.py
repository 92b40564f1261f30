"""Before a real server a proxy breaks answers: lkdiag blames nobody for it, and leaves no room."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.attack.proxy import Fault, FaultyProxy, Keep, Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from tests.attack.proxy import Call, Plan

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server

COMMON = ("dispatch-trial", "--join", "signal", "--warmup", "0", "--format", "json", "--timeout", "3", "--settle", "1")
ALWAYS = 0


def of_trials(faults: Mapping[int, tuple[str, int, Fault]]) -> Plan:
    """By trial: the method, which of its calls (counted from 1; ALWAYS: each), and what is done to it."""
    counts: Counter[tuple[int, str]] = Counter()

    def plan(call: Call) -> Fault | None:
        for trial, (method, number, fault) in faults.items():
            if call.method == method and call.mentions(f"-{trial:03d}"):
                counts[trial, method] += 1
                return fault if number in (ALWAYS, counts[trial, method]) else None
        return None

    return plan


async def run_with_faults(witness: Witness, lkdiag: Run, plan: Plan, *arguments: str) -> tuple[Finished, FaultyProxy]:
    async with FaultyProxy(witness.server.url, plan) as proxy:
        done = await lkdiag({**witness.environment(), "LIVEKIT_URL": proxy.url}, *COMMON, *arguments)
    assert done.stdout, done.stderr
    assert await witness.rooms() == []
    assert done.report["leftover_rooms"] == []
    return done, proxy


def of(done: Finished, key: str) -> dict[int, Any]:
    return {trial["index"]: trial[key] for trial in done.report["trials"]}


async def test_a_broken_answer_blames_nobody(witness: Witness, lkdiag: Run) -> None:
    faults = {
        1: ("ListParticipants", ALWAYS, Fault(Kind.EMPTY_UNTYPED)),
        2: ("ListParticipants", ALWAYS, Fault(Kind.EMPTY_HTML)),
        3: ("ListParticipants", ALWAYS, Fault(Kind.CUT_CLOSED, Keep.NONE)),
        4: ("ListDispatch", ALWAYS, Fault(Kind.EMPTY_UNTYPED)),
        5: ("CreateRoom", 1, Fault(Kind.BAD_GATEWAY_HTML)),
        6: ("CreateRoom", 1, Fault(Kind.BAD_GATEWAY_JSON)),
        7: ("CreateRoom", 1, Fault(Kind.UNAVAILABLE_HTML)),
        8: ("CreateRoom", 1, Fault(Kind.DROPPED)),
        9: ("ListParticipants", 1, Fault(Kind.EMPTY)),
    }
    done, proxy = await run_with_faults(witness, lkdiag, of_trials(faults), "--count", "9", "-c", "3", "--no-fallback")
    assert {call.method for call in proxy.faults()} == {method for method, _, _ in faults.values()}
    assert of(done, "outcome") == {
        1: "inconclusive",
        2: "inconclusive",
        3: "inconclusive",
        4: "delivered",
        5: "inconclusive",
        6: "inconclusive",
        7: "inconclusive",
        8: "inconclusive",
        9: "delivered",
    }
    assert set(of(done, "mismatch").values()) == {None}
    assert done.code == 3
    facts = {trial["index"]: trial["findings"][0]["fact"] for trial in done.report["trials"] if trial["findings"]}
    assert facts[5].endswith("CreateRoom failed: HTTP 502, and not in LiveKit's words (garbled, HTTP 502)")


@pytest.mark.parametrize("kind", [Kind.EMPTY_UNTYPED, Kind.CUT_CLOSED])
async def test_an_agent_that_no_whole_answer_shows_is_not_lost(
    witness: Witness, lkdiag: Run, plain_agent: str, kind: Kind
) -> None:
    """Somebody else's agent is there, and only the looks could tell; once its job is listed, asking for it by name."""
    faults = {number: ("ListParticipants", ALWAYS, Fault(kind, Keep.NONE)) for number in (1, 2)}
    done, _ = await run_with_faults(
        witness, lkdiag, of_trials(faults), "--agent-name", plain_agent, "--count", "3", "--no-fallback"
    )
    outcomes = of(done, "outcome")
    assert outcomes[3] == "delivered"
    assert {outcomes[1], outcomes[2]} <= {"inconclusive", "delivered"}
    facts = {trial["index"]: trial["findings"][0]["fact"] for trial in done.report["trials"] if trial["findings"]}
    assert all("ListParticipants failed: " in facts[index] for index in (1, 2) if outcomes[index] == "inconclusive")
    assert set(of(done, "mismatch").values()) == {None}


async def test_a_room_that_was_made_without_an_answer_is_found(witness: Witness, lkdiag: Run) -> None:
    kinds = (Kind.LOST, Kind.EMPTY, Kind.CUT_LENGTH, Kind.CUT_CHUNKED, Kind.CUT_CLOSED)
    faults = {number: ("CreateRoom", 1, Fault(kind)) for number, kind in enumerate(kinds, start=1)}
    done, proxy = await run_with_faults(witness, lkdiag, of_trials(faults), "--count", "5", "-c", "3")
    assert set(of(done, "outcome").values()) == {"delivered"}, of(done, "outcome")
    made = [event["data"] for event in done.events() if event["kind"] == "room.created"]
    assert [(room["by"], "before_ns" in room) for room in made] == [("look", False)] * 5
    assert len(proxy.of("CreateRoom")) == 5, "a call that may have been carried out was made again"


async def test_a_deletion_without_an_answer_is_made_again(witness: Witness, lkdiag: Run) -> None:
    kinds = (Kind.LOST, Kind.DROPPED, Kind.UNAVAILABLE_HTML, Kind.EMPTY_UNTYPED)
    faults = {number: ("DeleteRoom", 1, Fault(kind)) for number, kind in enumerate(kinds, start=1)}
    done, proxy = await run_with_faults(witness, lkdiag, of_trials(faults), "--count", "4", "-c", "2")
    assert set(of(done, "outcome").values()) == {"delivered"}, of(done, "outcome")
    assert len(proxy.of("DeleteRoom")) == 8
    assert done.code == 0, done.stderr


async def test_a_dispatch_that_was_made_without_an_answer_is_found(witness: Witness, lkdiag: Run) -> None:
    faults = {
        1: ("CreateDispatch", 1, Fault(Kind.LOST)),
        2: ("CreateDispatch", 1, Fault(Kind.EMPTY)),
        3: ("CreateDispatch", 1, Fault(Kind.DROPPED)),
        4: ("CreateDispatch", 1, Fault(Kind.BAD_GATEWAY_HTML)),
    }
    done, proxy = await run_with_faults(
        witness, lkdiag, of_trials(faults), "--count", "4", "-c", "2", "--method", "create-dispatch"
    )
    assert of(done, "outcome") == {1: "delivered", 2: "delivered", 3: "inconclusive", 4: "inconclusive"}
    assert len(proxy.of("CreateDispatch")) == 4


async def test_a_fallback_without_an_answer_is_found_or_unclear(witness: Witness, lkdiag: Run) -> None:
    faults = {
        1: ("CreateDispatch", 1, Fault(Kind.LOST)),
        2: ("CreateDispatch", 1, Fault(Kind.CUT_LENGTH)),
        3: ("CreateDispatch", 1, Fault(Kind.DROPPED)),
        4: ("CreateDispatch", 1, Fault(Kind.UNAVAILABLE_JSON)),
    }
    done, proxy = await run_with_faults(
        witness, lkdiag, of_trials(faults), "--count", "4", "-c", "2", "--fault", "silent=1"
    )  # fmt: skip
    assert set(of(done, "outcome").values()) == {"dropped"}
    assert of(done, "fallback") == {1: "rescued", 2: "rescued", 3: "unclear", 4: "unclear"}
    assert len(proxy.of("CreateDispatch")) == 4


async def test_an_honest_trial_needs_six_calls(witness: Witness, lkdiag: Run) -> None:
    done, proxy = await run_with_faults(
        witness, lkdiag, of_trials({}), "--count", "3", "--warmup", "1", "--settle", "6"
    )
    assert set(of(done, "api_calls").values()) == {6}
    assert {call.method for call in proxy.calls if not call.is_socket} == {
        "CreateRoom", "ListDispatch", "ListParticipants", "DeleteRoom", "ListRooms",
    }  # fmt: skip


async def test_what_lasts_is_told(witness: Witness, lkdiag: Run) -> None:
    faults = {1: ("CreateRoom", 1, Fault(Kind.LIMITED_HTML_RETRY, retry_after_s=2))}
    quiet, _ = await run_with_faults(witness, lkdiag, of_trials(faults), "--count", "1", "-q")
    assert quiet.stderr == ""
    done, _ = await run_with_faults(witness, lkdiag, of_trials(faults), "--count", "2")
    assert of(done, "outcome") == {1: "inconclusive", 2: "delivered"}
    told = [line for line in done.stderr.splitlines() if "HTTP 429" in line]
    assert told[0] == "the server refuses lkdiag's calls as too many (HTTP 429): waiting 2 s"
    assert "the server answers lkdiag again, after 2 s" in done.stderr
