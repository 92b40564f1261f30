"""Thousands of random stories of which the truth is known: the verdict is true, or it is `inconclusive`."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from lkdiag.checks import TRIAL_CHECKS
from lkdiag.checks.sight import longest_gap_ms
from lkdiag.checks.verdict import Fallback, Mismatch, Outcome

from .model_server import NEVER, Watch, World, random_world
from .story import MONO_MS

if TYPE_CHECKING:
    from lkdiag.checks.judged import JudgedTrial

STORIES = 6000
EDGE_MS = 5
"""A few milliseconds between the clocks of two nodes are no error of lkdiag's."""


def told(seed: int) -> tuple[World, Watch, JudgedTrial]:
    rng = random.Random(seed)
    timeout_s = rng.choice((4.0, 8.0, 20.0))
    settle_s = rng.choice((6.0, 6.0, 0.0, 2.0))
    world = random_world(rng, timeout=timeout_s * 1000)
    options = {"timeout_s": timeout_s, "settle_s": settle_s, "fallback": rng.random() < 0.6}
    watch = Watch(rng, world, **options)
    return world, watch, watch.run().judge()


def wrong(world: World, watch: Watch, judged: JudgedTrial) -> str | None:
    """What the verdict says against the truth; None where it is true."""
    scenario, end = watch.scenario, watch.now
    came = world.came("AJ_1")
    if came >= world.vanishes:
        came = NEVER
    stays = [min(a.gone, world.vanishes) - a.joined for a in world.agents if a.identity == "agent-AJ_1"]
    if not world.on_probe and stays and stays[0] <= longest_gap_ms(judged.facts) + 2 * world.call_ms:
        return None  # nobody who looks so seldom can see it; the finding says how seldom
    late, lost = scenario.delayed_after_s * 1000, scenario.timeout_s * 1000
    true = {
        Outcome.DELIVERED: came <= late + EDGE_MS,
        Outcome.DELAYED: late - EDGE_MS < came <= lost + EDGE_MS,
        Outcome.DROPPED: came > lost - EDGE_MS,
        Outcome.INCONCLUSIVE: True,
        Outcome.ERROR: False,
    }
    if not true[judged.outcome]:
        return f"{judged.outcome}, and it came at {came:.0f}"
    jobs = world.jobs.get("AD_1", [])
    listed = min((made.listed for made in jobs), default=NEVER)
    present = any(a.joined <= end < a.gone for a in world.agents if a.identity == "agent-AJ_1")
    if judged.mismatch is Mismatch.FALSE_RUNNING and (listed > end or came < end):
        return f"false-running, and it came at {came:.0f}"
    if judged.mismatch is Mismatch.UNREPORTED and (listed < came + 5000 or not present):
        return f"unreported, and it was listed at {listed:.0f}"
    if judged.mismatch is Mismatch.FAILED_PRESENT and not present:
        return "failed-present, and it is gone"
    if judged.mismatch is Mismatch.WRONG_WORKER:
        return "wrong-worker, and there is no other"
    second = world.came("AJ_2")
    if judged.fallback is Fallback.RESCUED and second > end:
        return "rescued, and nobody came"
    if judged.fallback is Fallback.LOST and second < end - 2 * longest_gap_ms(judged.facts):
        return f"lost, and the fallback's agent came at {second:.0f}"
    return _wrong_cause(world, judged)


def _wrong_cause(world: World, judged: JudgedTrial) -> str | None:
    """Of its own worker lkdiag says why."""
    if not world.on_probe or judged.outcome is not Outcome.DROPPED:
        return None
    facts = " ".join(found.fact for check in TRIAL_CHECKS if (found := check(judged)) is not None)
    end = judged.facts.closing_began_ns / 1e6 - MONO_MS
    if "never offered" in facts and world.offered < end:
        return "never offered, and it was offered"
    if "had not answered" in facts and world.accepted < end:
        return "not answered, and it was"
    if "never assigned" in facts and world.assigned < end:
        return "never assigned, and it was"
    return None


def test_no_story_is_judged_wrongly() -> None:
    verdicts: Counter[str] = Counter()
    for seed in range(STORIES):
        world, watch, judged = told(seed)
        error = wrong(world, watch, judged)
        assert error is None, f"story {seed}: {error}\n{world}\n{judged.outcome} {judged.mismatch} {judged.fallback}"
        verdicts[judged.outcome] += 1
        verdicts[str(judged.mismatch)] += 1
        verdicts[judged.fallback] += 1
    # and it is not by saying nothing
    assert verdicts["inconclusive"] < STORIES / 2
    for verdict in ("delivered", "delayed", "dropped", "false-running", "unreported", "rescued", "lost", "unclear"):
        assert verdicts[verdict] > 10, verdicts


@pytest.mark.parametrize("on_probe", [True, False])
def test_an_untroubled_story_is_always_judged(on_probe: bool) -> None:
    for seed in range(200):
        rng = random.Random(seed)
        world = random_world(rng, timeout=20_000)
        world.on_probe, world.blind, world.vanishes, world.skew_ms = on_probe, [], NEVER, 0
        world.deaf, world.call_ms = NEVER, 2
        for made in world.jobs.get("AD_1", []):
            made.worker = "AW_probe"
        world.agents = [a for a in world.agents if a.gone == NEVER]
        judged = Watch(rng, world).run().judge()
        ended = any(status[1] != "JS_RUNNING" for made in world.jobs.get("AD_1", []) for status in made.statuses)
        assert ended or judged.outcome is not Outcome.INCONCLUSIVE, f"story {seed}: {judged.reason}"
