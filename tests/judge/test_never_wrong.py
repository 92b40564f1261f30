"""Thousands of random stories of which the truth is known: the verdict is true, or it is `inconclusive`."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.contract import Cause, Fallback, Mismatch, Outcome
from lkdiag.facts.observation import longest_gap_ms
from lkdiag.facts.validity import STAY_MS
from lkdiag.judge.context import RunContext
from lkdiag.judge.tables import TRIAL_CHECKS

from .model_server import NEVER, Watch, World, random_world
from .story import MONO_MS, NAME, summary_of

if TYPE_CHECKING:
    from lkdiag.judge.diagnosed import DiagnosedTrial

STORIES = 6000
EDGE_MS = 5
"""A few milliseconds between the clocks of two nodes are no error of lkdiag's."""


def told(seed: int) -> tuple[World, Watch, DiagnosedTrial]:
    rng = random.Random(seed)
    timeout_s = rng.choice((4.0, 8.0, 20.0))
    settle_s = rng.choice((6.0, 6.0, 0.0, 2.0))
    world = random_world(rng, timeout=timeout_s * 1000)
    options: dict[str, Any] = {"timeout_s": timeout_s, "settle_s": settle_s, "fallback": rng.random() < 0.6}
    watch = Watch(rng, world, closely=rng.random() < 0.5, told=rng.random() < 0.3, **options)
    return world, watch, watch.run().judge()


def wrong(world: World, watch: Watch, judged: DiagnosedTrial) -> str | None:
    """What the verdict says against the truth; None where it is true."""
    scenario, end = watch.scenario, watch.now
    came = world.came("AJ_1")
    if came >= world.vanishes:
        came = NEVER
    stays = [min(a.gone, world.vanishes) - a.joined for a in world.agents if a.identity == "agent-AJ_1"]
    if not world.on_probe and stays and stays[0] <= unseen_ms(world, watch, judged):
        return None
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
    if judged.mismatch is Mismatch.FALSE_RUNNING and any(made.declined for made in jobs):
        return "false-running, and it was declined"
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
    return _wrong_cause(world, judged) or _wrong_diagnosis(world, watch, judged)


def unseen_ms(world: World, watch: Watch, judged: DiagnosedTrial) -> float:
    """Who stays for less may be missed by one who looks so seldom; the finding says how seldom."""
    if judged.facts.webhooks_are_whole:
        return 0.0
    seldom_ms = longest_gap_ms(judged.facts) + 2 * world.call_ms
    if not watch.closely:
        return seldom_ms
    late_ms, came = watch.scenario.delayed_after_s * 1000, world.came("AJ_1")
    listed = min((made.listed for made in world.jobs.get("AD_1", ())), default=NEVER)
    closely = came <= late_ms or listed <= came <= listed + late_ms
    return STAY_MS if closely else seldom_ms


def _wrong_cause(world: World, judged: DiagnosedTrial) -> str | None:
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


FATAL = {
    "lost": Cause.LOST_BEFORE_WORKER,
    "silent": Cause.WORKER_SILENT,
    "reject": Cause.WORKER_DECLINED,
    "reject-for-good": Cause.WORKER_DECLINED,
    "answers-late": Cause.WORKER_ANSWERED_LATE,
    "assignment-lost": Cause.ASSIGNMENT_LOST,
    "no-worker": Cause.NO_WORKER,
    "full": Cause.WORKER_FULL,
    "full-unlogged": Cause.WORKER_FULL,
    "other-name": Cause.WRONG_NAME,
    "serves-participants": Cause.WAITS_FOR_PARTICIPANT,
}
TIE_MS = 60
"""Two parts of a delay that differ by less are equally long to a watcher."""


def truth(world: World, judged: DiagnosedTrial) -> set[Cause]:
    """What the cause may be called: one word, but where two parts of a delay are equally long."""
    end = judged.facts.closing_began_ns / 1e6 - MONO_MS
    came = world.came("AJ_1")
    set_out = came - 4
    if world.fate == "answers-late" and world.accepted >= end:
        return {Cause.WORKER_ANSWERED_LATE, Cause.WORKER_SILENT}  # not while it was watched
    if world.fate in FATAL:
        return {FATAL[world.fate]}
    if world.offered >= end:
        return {Cause.LOST_BEFORE_WORKER, Cause.SLOW_PLATFORM}  # not while it was watched; the log may know more
    if world.offered > judged.facts.run.settings.timeout_s * 1000:
        held_up = {Cause.LOST_BEFORE_WORKER} if judged.facts.job is None and not judged.facts.on_probe else set()
        return {Cause.SLOW_PLATFORM} | held_up  # whatever the worker did then
    if world.accepted >= end:
        return {Cause.SLOW_PLATFORM, Cause.WORKER_SILENT}
    if set_out >= end or (came >= end and not judged.facts.on_probe):
        return {Cause.WORKER_NEVER_JOINED}
    parts = {
        Cause.SLOW_PLATFORM: world.offered,
        Cause.SLOW_ANSWER: world.accepted - world.offered,
        Cause.SLOW_JOIN: came - world.accepted,
    }
    return {cause for cause, ms in parts.items() if ms >= max(parts.values()) - TIE_MS}


def _wrong_diagnosis(world: World, watch: Watch, judged: DiagnosedTrial) -> str | None:
    """The truth is among the causes; where there is one, it is the truth."""
    found = judged.diagnosis
    failed = judged.outcome in (Outcome.DROPPED, Outcome.DELAYED) or judged.mismatch is not None
    if judged.outcome is Outcome.INCONCLUSIVE:
        return None if found is None else "a diagnosis of what could not be judged"
    if failed and found is None:
        return "no diagnosis"
    if found is None:
        return None
    if judged.mismatch in (Mismatch.UNREPORTED, Mismatch.FAILED_PRESENT):
        return (
            None
            if set(found.causes) <= {Cause.SECOND_AGENT, Cause.COLD_START, *SLOW}
            else f"{found.causes} of a contradiction"
        )
    if found.causes == (Cause.SECOND_AGENT,):
        return None if _two_at_once(world, watch.now) else "a second agent, and there was none"
    if found.causes == (Cause.LEFT_EARLY,):
        return None if any(a.gone < watch.now for a in world.agents) else "left early, and it is there"
    if not failed:
        return f"{found.causes}, and nothing failed"
    if any(made.listed == NEVER for made in world.jobs.get("AD_1", ())) and judged.facts.agent is None:
        return None  # a server that never lists a job, of which nothing else is seen
    if len([a for a in world.agents if a.identity == "agent-AJ_1"]) > 1:
        return None  # it came twice, and which stay is judged is the watcher's luck
    true = truth(world, judged)
    return None if true & set(found.causes) else f"{found.causes}, and it was {true}"


SLOW = (Cause.SLOW_PLATFORM, Cause.SLOW_ANSWER, Cause.SLOW_JOIN, Cause.NO_WORKER)


def _two_at_once(world: World, end: float) -> bool:
    agents = [a for a in world.agents if a.identity != "agent-AJ_0" and a.joined < end]
    return any(max(a.joined, b.joined) < min(a.gone, b.gone) for a in agents for b in agents if a.identity < b.identity)


def test_no_story_is_judged_wrongly() -> None:
    verdicts: Counter[str] = Counter()
    named: Counter[str] = Counter()
    for seed in range(STORIES):
        world, watch, judged = told(seed)
        error = wrong(world, watch, judged)
        assert error is None, f"story {seed}: {error}\n{world}\n{judged.outcome} {judged.mismatch} {judged.fallback}"
        verdicts[judged.outcome] += 1
        verdicts[str(judged.mismatch)] += 1
        verdicts[judged.fallback] += 1
        if judged.diagnosis is not None and len(judged.diagnosis.causes) == 1:
            named[judged.diagnosis.causes[0]] += 1
    # and it is not by saying nothing
    assert verdicts["inconclusive"] < STORIES / 2
    for verdict in ("delivered", "delayed", "dropped", "false-running", "unreported", "rescued", "lost", "unclear"):
        assert verdicts[verdict] > 10, verdicts
    for cause in (*FATAL.values(), *SLOW[:3], Cause.WORKER_NEVER_JOINED, Cause.SECOND_AGENT, Cause.LEFT_EARLY):
        only_outside = cause in (Cause.NO_WORKER, Cause.WORKER_FULL, Cause.WRONG_NAME, Cause.WAITS_FOR_PARTICIPANT)
        assert named[cause] == 0 if only_outside else named[cause] > 4, (cause, named)


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


RUNS = 400


def a_run(seed: int) -> list[tuple[World, Watch, DiagnosedTrial]]:
    """A few trials of one worker, whose lasting faults last, with the probe's beside it; each knows the others."""
    rng = random.Random(seed)
    options: dict[str, Any] = {"timeout_s": rng.choice((8.0, 20.0)), "settle_s": 6.0, "fallback": rng.random() < 0.6}
    lasting = rng.choice((None, None, "other-name", "serves-participants"))
    trials = []
    for index in range(1, rng.choice((2, 3, 5)) + 1):
        world = random_world(rng, timeout=options["timeout_s"] * 1000)
        while world.on_probe != (index == 1 and seed % 2 == 0) or (world.lasts and world.fate != lasting):
            world = random_world(rng, timeout=options["timeout_s"] * 1000)
        if lasting is not None and not world.on_probe:
            world = World(on_probe=False, fate=lasting, lasts=True)
        role = "control" if world.on_probe else "subject"
        watch = Watch(rng, world, index=index, role=role, **options)
        trials.append((world, watch, watch.run().judge()))
    beside = RunContext(summary_of(judged) for _, _, judged in trials)
    return [(world, watch, replace(judged, context=beside)) for world, watch, judged in trials]


def test_what_the_rest_of_the_run_rules_out_is_not_the_truth() -> None:
    narrower = 0
    for seed in range(RUNS):
        for world, watch, judged in a_run(seed):
            error = wrong(world, watch, judged)
            assert error is None, f"run {seed}: {error}\n{world}"
            alone = replace(judged, context=RunContext()).diagnosis
            if judged.diagnosis is not None and alone is not None:
                narrower += len(judged.diagnosis.causes) < len(alone.causes)
    assert narrower > RUNS / 20


def write_log(rng: random.Random, world: World, watch: Watch) -> None:
    """What that worker writes, by a clock of its own."""
    story, skew = watch.story, rng.uniform(-900, 900)
    sdk = "python" if world.fate == "full-unlogged" else rng.choice(("python", "node"))
    ids: dict[str, Any] = {"worker_id": "AW_theirs"}
    last = rng.choice((2_000, 90_000))
    story.log(-60_000, last, worker_ids=["AW_theirs"], sdks=[sdk])

    def say(at: float, what: str, **data: Any) -> None:
        if at + skew < last:
            story.logged(at + skew, what, **ids, **data)

    name = "another" if world.fate == "other-name" else NAME
    began = 50_000 if world.fate in ("full", "no-worker") else rng.choice((50_000, 50_000, 700))
    say(-began, "registered", **({"agent_name": name} if rng.random() < 0.7 else {}))
    if rng.random() < 0.7:
        say(80_000, "received-request", job_id="AJ_other")
    if world.fate == "full":
        say(-rng.choice((500, 3_000)), "full", load=0.9)
        say(rng.choice((700, 5_000)), "available-again")
    if world.fate == "no-worker":
        say(-rng.choice((500, 3_000)), rng.choice(("disconnected", "shutting-down", "failed")))
        say(rng.choice((700, 5_000)), "registered", agent_name=NAME)
    about: dict[str, Any] = {"trial": True, "job_id": "AJ_1"}
    about |= {"dispatch_id": "AD_1"} if rng.random() < 0.5 else {}
    if world.offered != NEVER:
        blocked_ms = rng.uniform(0, 30_000) if world.fate == "silent" else 0  # it logs the request when it goes on
        say(world.offered + blocked_ms, "received-request", **about)
        if world.fate == "silent" and sdk == "node" and rng.random() < 0.3:
            say(world.offered + blocked_ms + 5, "unanswered", **about)
    if world.fate == "reject" and rng.random() < 0.5:
        say(world.offered + 5, "rejected", **about)
    if world.fate in ("assignment-lost", "answers-late"):
        say(world.accepted + 7_500, "assignment-lost", **about)
        if sdk == "python" and rng.random() < 0.5:
            say(world.accepted + 7_501, "request-failed", **about)
    if watch.fallback_at < watch.now and "AD_2" in world.jobs:
        say(watch.fallback_at + 200, "received-request", trial=True, job_id="AJ_2")


def logged(seed: int) -> tuple[World, Watch, DiagnosedTrial]:
    """A story of somebody else's worker, with its log: what it writes of itself and of the requests that reach it."""
    rng = random.Random(seed)
    options: dict[str, Any] = {"timeout_s": 20.0, "settle_s": 6.0, "fallback": rng.random() < 0.6}
    world = random_world(rng, timeout=20_000)
    while world.on_probe:
        world = random_world(rng, timeout=20_000)
    watch = Watch(rng, world, **options)
    story = watch.run()
    write_log(rng, world, watch)
    return world, watch, story.judge()


def test_what_the_worker_s_log_rules_out_is_not_the_truth() -> None:
    single: Counter[str] = Counter()
    for seed in range(4 * RUNS):
        world, watch, judged = logged(seed)
        error = wrong(world, watch, judged)
        assert error is None, f"log {seed}: {error}\n{world}\n{judged.diagnosis}"
        if judged.diagnosis is not None and len(judged.diagnosis.causes) == 1:
            single[judged.diagnosis.causes[0]] += 1
    proved = (Cause.WORKER_FULL, Cause.NO_WORKER, Cause.WORKER_DECLINED, Cause.LOST_BEFORE_WORKER, Cause.WRONG_NAME)
    for cause in proved:
        assert single[cause] > 0, single
