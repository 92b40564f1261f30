"""The shards of a run are disjoint and complete, and run the same trials however many they are."""

from __future__ import annotations

from itertools import islice

import pytest

from lkdiag.errors import UsageError
from lkdiag.run.load_shape import LoadShape
from lkdiag.run.plan import Role, plan_trials
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.shard import Shard

SCENARIOS = {
    "probe": DispatchScenario(count=23, warmup=2),
    "control": DispatchScenario(count=23, agent_name="mine", control=True),
    "few": DispatchScenario(count=9, agent_name="mine", control=True, control_share=0.01),
}


@pytest.mark.parametrize("of", [1, 2, 4, 9])
@pytest.mark.parametrize("name", SCENARIOS)
def test_every_trial_is_played_by_one_shard_as_it_would_be_by_one_process(name: str, of: int) -> None:
    scenario = SCENARIOS[name]
    whole = [trial for trial in plan_trials(scenario) if not trial.warmup]
    shares = [tuple(plan_trials(scenario, shard=Shard(index, of))) for index in range(1, of + 1)]
    played = [trial for share in shares for trial in share if not trial.warmup]
    assert sorted(played, key=lambda trial: trial.index) == whole
    assert all(sum(trial.warmup for trial in share) == scenario.warmup for share in shares)
    assert all(share == tuple(sorted(share, key=lambda trial: trial.index)) for share in shares)


def test_every_shard_has_a_control() -> None:
    shares = [plan_trials(SCENARIOS["control"], shard=Shard(index, 4)) for index in range(1, 5)]
    assert [sum(trial.role is Role.CONTROL for trial in share) for share in shares] == [2, 2, 2, 2]


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "a/b", "1/3/4", "-1/3", "1/2000", "1.5/3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        Shard.parse(text)


def test_the_rate_is_that_of_all_shards_and_no_two_are_due_at_once() -> None:
    shape = LoadShape(rate=10)
    shares = [plan_trials(DispatchScenario(count=40), shard=Shard(index, 4)) for index in range(1, 5)]
    due_s = [shape.due_s(trial.index) for share in shares for trial in share]
    assert sorted(due_s) == pytest.approx([number / 10 for number in range(40)])


def test_a_set_time_has_trials_without_end_and_no_two_shards_have_the_same() -> None:
    scenario = DispatchScenario(duration_s=60, agent_name="mine", control=True)
    shares = [plan_trials(scenario, shard=Shard(index, 3)) for index in range(1, 4)]
    begun = [trial.index for share in shares for trial in islice(share, 20)]
    assert len(set(begun)) == 60
    assert set(begun) >= set(range(1, 50))
