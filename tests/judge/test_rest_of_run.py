"""What is counted once for all trials says the same as a look at each of them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from lkdiag.contract import Mismatch
from lkdiag.facts.run import Moments, RoomsMade
from lkdiag.facts.samples import Stall, Stalls
from lkdiag.journal.clock import ClockSample, ClockTrack, estimate_clock
from lkdiag.journal.event import Event
from lkdiag.journal.trial_kinds import RoomCreated
from lkdiag.judge.context import RunContext
from lkdiag.stats import EXACT_MAX, fisher_exact

from .story import NAME, Story, summary_of

if TYPE_CHECKING:
    from lkdiag.judge.context import TrialSummary

ROUNDS = range(40)
TYPES = ("JT_ROOM", "JT_PARTICIPANT", "JT_PUBLISHER")


def some_trial(rng: random.Random, index: int) -> TrialSummary:
    one = summary_of(Story(index=index, agent_name=rng.choice((NAME, "other"))).looks(5, 300).judge())
    one.began_ns = rng.randrange(100)
    one.closing_began_ns = one.began_ns + rng.randrange(1, 30)
    one.situation = rng.choice((("none", "None"), ("join", "None"), ("none", "a")))
    one.came, one.served, one.asked, one.in_log = (rng.random() < 0.3 for _ in range(4))
    one.mismatch = rng.choice((None, Mismatch.UNREPORTED))
    one.job_types = frozenset(rng.sample(TYPES, rng.randrange(3)))
    return one


@pytest.mark.parametrize("seed", ROUNDS)
def test_the_others_of_a_trial(seed: int) -> None:
    rng = random.Random(seed)
    trials = [some_trial(rng, index) for index in range(1, rng.randrange(2, 9))]
    beside = RunContext(trials)
    for trial in trials:
        judged = Story(index=trial.index, agent_name=trial.agent_name).looks(5, 300).judge()
        found = beside.peers(judged)
        others = [t for t in trials if t.index != trial.index and t.agent_name == trial.agent_name]
        assert len(found) == len(others)
        assert found.served == sum(t.served for t in others)
        assert found.asked == sum(t.asked for t in others)
        assert found.unreported == sum(t.mismatch is Mismatch.UNREPORTED for t in others)
        assert found.are_in_log is all(t.in_log for t in others)
        assert found.job_types == frozenset().union(*(t.job_types for t in others))
        for situation in {t.situation for t in trials}:
            assert found.came_in(situation) is any(t.came for t in others if t.situation == situation)
        together = [t for t in others if t.began_ns < trial.closing_began_ns and trial.began_ns < t.closing_began_ns]
        assert found.at_the_same_time(trial.began_ns, trial.closing_began_ns) == len(together)


@pytest.mark.parametrize("seed", ROUNDS)
def test_moments_stalls_and_clocks_of_a_time(seed: int) -> None:
    rng = random.Random(seed)
    times = [rng.randrange(100) for _ in range(rng.randrange(12))]
    moments = Moments()
    for at_ns in times:
        moments.add(at_ns)
    stalls = [Stall(at, at + rng.randrange(20), float(rng.randrange(9))) for at in sorted(times)]
    low_ms = [rng.uniform(-5, 5) for _ in times]
    samples = [ClockSample(at, low, low + rng.uniform(0, 6)) for at, low in zip(times, low_ms, strict=True)]
    for _ in range(20):
        from_ns = rng.randrange(110)
        until_ns = from_ns + rng.randrange(30)
        assert moments.first_after(from_ns) == min((at for at in times if at > from_ns), default=None)
        during = [s for s in stalls if s.began_ns <= until_ns and s.ended_ns >= from_ns]
        assert list(Stalls(stalls).during(from_ns, until_ns)) == during
        near = [s for s in samples if from_ns <= s.mono_ns <= until_ns]
        assert ClockTrack(samples).between(from_ns, until_ns) == estimate_clock(sorted(near, key=lambda s: s.mono_ns))


@pytest.mark.parametrize("seed", ROUNDS)
def test_earlier_rooms_of_a_name(seed: int) -> None:
    rng = random.Random(seed)
    rooms = RoomsMade()
    made = [(seq, rng.choice("ab"), rng.choice((0, rng.randrange(50)))) for seq in range(rng.randrange(20))]
    for seq, name, created in made:
        row = RoomCreated(room=name, sid=f"RM_{seq}", creation_time_ms=created)
        rooms.note(Event(seq, row.KIND, 0, seq), row)
    rooms = rooms.without_single()
    for seq, name, created in made:
        earlier = [at for at, other, old in made if at < seq and other == name and old and old >= created > 0]
        found = [room.seq for room in rooms.not_older_before(name, seq, created)] if created else []
        assert found == earlier


def test_chance_among_very_many_trials_is_reckoned_as_among_few(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [(3, 40, 1, 60), (0, 10, 5, 90), (700, 1000, 650, 1000), (20, 20, 3, 900), (1, 1, 0, 1900)]
    exact = [fisher_exact(*case) for case in cases]
    assert max(all_a + all_b for _, all_a, _, all_b in cases) <= EXACT_MAX
    monkeypatch.setattr("lkdiag.stats.EXACT_MAX", 0)
    assert [fisher_exact(*case) for case in cases] == pytest.approx(exact, rel=1e-6)
