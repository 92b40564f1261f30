"""An option is declared at its field: bounds, names and what was given follow from there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import pytest

from lkdiag.errors import UsageError
from lkdiag.scenario.call import TeardownScenario
from lkdiag.scenario.dispatch import DispatchScenario
from lkdiag.scenario.option import DAY_S, Option, Options, key_of, options_of
from lkdiag.scenario.schema import SCENARIOS
from lkdiag.scenario.sweep import SweepScenario
from lkdiag.scenario.watch import WatchScenario


class Door(StrEnum):
    """Two doors."""

    FRONT = "front"
    BACK = "back"


@dataclass(frozen=True)
class Knock(Options):
    """One option of each kind."""

    count: Annotated[int, Option("Knocks.", least=1, most=5000)] = 3
    pause_s: Annotated[float, Option("Between two.", above=0, most=DAY_S)] = 1.0
    patience_s: Annotated[float | None, Option("Before leaving.", least=2, why="a second is rude")] = None
    rate: Annotated[float | None, Option("Knocks a second.", unit="knocks a second", above=0, most=9)] = None
    share: Annotated[float, Option("Of loud ones.", above=0, below=1)] = 0.5
    doors: Annotated[tuple[Door, ...], Option("Which.", key="door")] = (Door.FRONT,)


@pytest.mark.parametrize(
    ("value", "message", "hint"),
    [
        ({"count": 0}, "--count is 0", "it has to be 1 or more"),
        ({"count": 5001}, "--count is above 5,000", "a run of that size never ends"),
        ({"pause_s": 0.0}, "--pause is 0 s", "it has to be above 0 and up to a day"),
        ({"pause_s": DAY_S + 1}, "--pause is 86401 s", "it has to be above 0 and up to a day"),
        ({"patience_s": 1.5}, "--patience is 1.5 s", "it has to be 2s or more: a second is rude"),
        ({"rate": 9.5}, "--rate is 9.5", "it is knocks a second, above 0 and up to 9"),
        ({"share": 1.0}, "--share is 1", "it has to be between 0 and 1"),
        ({"doors": ()}, "--door names nothing", "name one at least"),
    ],
)
def test_a_value_outside_of_its_bounds(value: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(UsageError) as refused:
        Knock.of(value)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_what_was_given_is_known_and_defaults_follow_it_anew() -> None:
    knock = Knock.of({"count": 3})
    assert knock == Knock()
    assert dict(knock.given) == {"count": 3}
    assert dict(knock.changed(share=0.25).given) == {"count": 3, "share": 0.25}
    assert set(Knock().given) == set(options_of(Knock)), "nobody knows: then it is all of them"

    own, mine = DispatchScenario.of({}), DispatchScenario.of({"agent_name": "mine"})
    assert (own.warmup, mine.warmup, own.changed(agent_name="mine").warmup) == (1, 0, 0)
    assert TeardownScenario.of({"agent_name": "mine"}).concurrency == 1


def test_names() -> None:
    assert [key_of(name) for name in ("delayed_after_s", "for_s", "format_", "count")] == [
        "delayed-after", "for", "format", "count",
    ]  # fmt: skip
    assert options_of(Knock)["doors"].key == "door"
    assert options_of(Knock)["doors"].distinct((Door.BACK, Door.BACK)) == (Door.BACK,)


@pytest.mark.parametrize("scenario", [*SCENARIOS.values(), WatchScenario, SweepScenario])
def test_every_field_of_a_scenario_is_an_option_with_a_help(scenario: type[Options]) -> None:
    declared = options_of(scenario)
    assert list(declared) == list(scenario.__dataclass_fields__)
    assert all(one.option.help[-1] in ".?" for one in declared.values())
    assert len({one.key for one in declared.values()}) == len(declared)


def test_what_a_watch_and_a_dispatch_are_judged_by_is_one_declaration() -> None:
    for name in ("timeout_s", "delayed_after_s", "settle_s"):
        assert options_of(WatchScenario)[name] == options_of(DispatchScenario)[name]
