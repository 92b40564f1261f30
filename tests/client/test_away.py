"""A server that LiveKit is not heard from: it is told, it is waited for, and given up when lkdiag says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from lkdiag.cli.messages import away_line
from lkdiag.client.answers import AWAY_MAX_S, REPORT_AFTER_S, REPORT_EVERY_S, SILENT_MAX_S, ServerAbsence
from lkdiag.client.api_client import ApiCallError
from lkdiag.contract import CallFailure
from lkdiag.journal.recorder import Recorder

from .speaker import HTML, said, speaking

if TYPE_CHECKING:
    from lkdiag.journal.event import Event
    from lkdiag.journal.recorder import TrialRecorder


class Told:
    """An episode, on a clock of the test's own."""

    def __init__(self) -> None:
        self.now_s = 1.0
        self.events: list[Event] = []
        run = Recorder(self.events.append, wall_ns=self._now_ns, mono_ns=self._now_ns)
        self.recorder: TrialRecorder = run.for_trial(1)
        self.away = ServerAbsence()

    def _now_ns(self) -> int:
        return int(self.now_s * 1e9)

    def at(self, now_s: float) -> Told:
        self.now_s = now_s
        return self

    def miss(self, failure: CallFailure, *, after_s: float = 0.0) -> None:
        """A call fails now that began so long ago."""
        self.away.note_missed(self.recorder, failure, "no", int((self.now_s - after_s) * 1e9))

    def given_up(self) -> str:
        return self.away.given_up(self._now_ns())

    def lines(self) -> list[str]:
        assert {event.trial for event in self.events} <= {None}
        return [away_line(event) for event in self.events]


def test_a_silent_server_is_given_up_sooner_than_one_that_says_what_is_not_livekit_s() -> None:
    for failure, limit_s in ((CallFailure.UNANSWERED, SILENT_MAX_S), (CallFailure.GARBLED, AWAY_MAX_S)):
        told = Told()
        for at_s in range(10, 10 + int(limit_s), 2):
            told.at(at_s).miss(failure)
            assert not told.given_up()
        told.at(10 + limit_s + 0.1).miss(failure)
        assert f"for {limit_s:g} s" in told.given_up()
        told.away.note_heard(told.recorder)
        assert not told.given_up()


def test_any_answer_ends_a_silence_and_only_livekit_s_own_an_absence() -> None:
    told = Told()
    for at_s in range(10, 10 + int(AWAY_MAX_S), 4):
        told.at(at_s).miss(CallFailure.UNANSWERED)
        told.at(at_s + 1).miss(CallFailure.GARBLED)
        assert not told.given_up()
    told.at(10 + AWAY_MAX_S).miss(CallFailure.UNANSWERED)
    assert told.given_up()


@pytest.mark.parametrize("failure", [CallFailure.UNANSWERED, CallFailure.GARBLED, CallFailure.THROTTLED])
def test_time_in_which_nothing_was_asked_is_no_silence(failure: CallFailure) -> None:
    """As between two trials with a long --gap: the server may have answered all that time."""
    told = Told()
    told.at(10).miss(failure)
    assert not told.at(100).given_up()
    told.miss(failure, after_s=0.1)
    assert not told.given_up()
    assert not told.at(200).given_up()
    assert told.lines() == []


@pytest.mark.parametrize("failure", [CallFailure.UNANSWERED, CallFailure.GARBLED])
def test_a_call_that_waits_for_its_failure_is_part_of_it(failure: CallFailure) -> None:
    """One call alone ends no run, however long it took; the calls after it may each take 10 s."""
    told = Told()
    told.at(20).miss(failure, after_s=10)
    assert not told.given_up()
    for at_s in range(31, 91, 10):
        told.at(at_s).miss(failure, after_s=9)
    assert told.given_up()


def test_the_quiet_that_a_server_asks_for_is_part_of_an_absence() -> None:
    told = Told()
    for at_s in range(10, 100, 30):
        told.at(at_s).miss(CallFailure.THROTTLED)
        assert bool(told.given_up()) is (at_s == 10 + AWAY_MAX_S)
        told.away.note_held(told.recorder, 30.0)


def test_a_wait_that_has_just_ended_is_told_too() -> None:
    """It rounds to nothing, and the journal leaves out what is nothing."""
    told = Told()
    told.at(10).away.note_held(told.recorder, 20.0)
    told.at(29.99).away.note_held(told.recorder, 0.01)
    assert told.lines() == [
        "the server refuses lkdiag's calls as too many (HTTP 429): waiting 20 s",
        "the server refuses lkdiag's calls as too many (HTTP 429), and has done so for 20 s",
    ]


def test_it_is_told_once_and_every_ten_seconds_and_when_it_is_over() -> None:
    told = Told()
    for tenths in range(1000, 1000 + int(10 * (REPORT_AFTER_S + 2 * REPORT_EVERY_S))):
        told.at(tenths / 10).miss(CallFailure.GARBLED)
    told.away.note_heard(told.recorder)
    told.away.note_heard(told.recorder)
    assert told.lines() == [
        "no answer of LiveKit's own from the server for 4 s: no",
        "no answer of LiveKit's own from the server for 14 s: no",
        "the server answers lkdiag again, after 24 s",
    ]


def test_what_is_over_at_once_is_not_told() -> None:
    told = Told()
    told.at(1).miss(CallFailure.UNANSWERED)
    told.at(2).away.note_heard(told.recorder)
    assert told.events == []


def test_a_call_that_waits_is_told_unless_others_are_answered() -> None:
    told = Told()
    told.at(5).away.note_heard(told.recorder)
    told.at(10).away.note_waiting(told.recorder, 4_000_000_000)
    assert told.events == []
    told.away.note_waiting(told.recorder, 6_000_000_000)
    assert told.lines() == ["no answer from the server for 4 s: a call is still waiting"]
    assert not told.given_up()


async def test_a_wait_is_told_and_ends_when_the_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's 429 without Retry-After."""
    monkeypatch.setattr("lkdiag.client.answers.AWAY_MAX_S", 1.5)
    async with speaking(lambda _method, _number: said(b"<html>slow down</html>", 429, HTML)) as (speaker, control):
        failures = []
        while not control.given_up(time.monotonic_ns()):
            with pytest.raises(ApiCallError) as failed:
                await control.list_rooms(speaker.run, "")
            failures.append(failed.value.failure)
        sent = len(speaker.asked)
        with pytest.raises(ApiCallError, match=r"for 1\.5 s"):
            await control.list_rooms(speaker.run, "")
    assert set(failures) == {CallFailure.THROTTLED}
    assert len(speaker.asked) == sent, "a call was sent though the server had asked for quiet"
    first = away_line(speaker.told("server.missed")[0])
    assert first == "the server refuses lkdiag's calls as too many (HTTP 429): waiting 1 s"


async def test_a_server_may_ask_for_as_long_as_it_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkdiag.client.answers.AWAY_MAX_S", 1.0)
    monkeypatch.setattr("lkdiag.client.call_rate.RETRY_AFTER_MAX_S", 1.0)
    limited = said(b"", 429, HTML, Retry_After="3600")
    async with speaking(lambda _method, number: limited if number == 1 else said()) as (speaker, control):
        with pytest.raises(ApiCallError):
            await control.list_rooms(speaker.run, "")
        assert await control.list_rooms(speaker.run, "") == []
    assert away_line(speaker.told("server.heard")[0]) == "the server answers lkdiag again, after 1 s"
