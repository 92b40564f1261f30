"""A merged run of a shape of load: a set time, trials that were not begun, and what each process saw of itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.journal.file import read_journal
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.run_kinds import RunFinished, RunStarted
from lkdiag.report.build import build_report
from lkdiag.report.value import DispatchReport
from lkdiag.shard.merge import merge_into, read_shards

from .recorded import add, cut, write_shard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lkdiag.journal.event import Event


def merged(paths: Sequence[Path], about: Mapping[str, Any] | None = None) -> DispatchReport:
    """The report of these shards' merged journal."""
    events: list[Event] = []
    recorder = Recorder(events.append, wall_ns=lambda: 0, mono_ns=lambda: 0)
    sources = read_shards(paths)
    started = {name: value for name, value in sources.found[0].started.data.items() if name != "shard"}
    recorder.record(RunStarted(**started, merged={"of": 2, **(about or {})}))
    merge_into(recorder, sources)
    recorder.record(RunFinished())
    report = build_report(events)
    assert isinstance(report, DispatchReport)
    return report


def sample(path: Path, *, busy_ms: float, own_cores: float, machine: float) -> None:
    """One look of that process at itself, while its first trial went on: a minute's, so that it outweighs others."""
    created = next(event for event in read_journal(path).events if event.kind == "room.created")
    add(
        path, "lkdiag.sampled", "room.created", began_mono_ns=created.mono_ns - 60_000_000_000, lags_ms=[1.0], cores=2,
        busy_ms=busy_ms, own_cores=own_cores, machine=machine, waited_ms=busy_ms,
    )  # fmt: skip


def test_of_a_set_time_nobody_knows_how_many_trials_a_killed_shard_still_had(tmp_path: Path) -> None:
    paths = [write_shard(tmp_path, index, duration_s=60.0) for index in (1, 2)]
    whole = merged(paths)
    assert whole.verdict == "pass"
    assert whole.summary.missing == 0
    assert [(shard.trials, shard.missing, shard.lost) for shard in whole.run.shards] == [(2, 0, None)] * 2

    cut(paths[1], "run.finished", None)
    report = merged(paths)
    assert report.verdict == "inconclusive"
    assert report.summary.missing is None
    assert "nobody knows how many" in report.headline
    finding = next(finding for finding in report.findings if finding.check == "missing-trials")
    assert finding.fact == "shard 2 of 2: it was killed (before its time was over)"
    assert [(shard.trials, shard.missing) for shard in report.run.shards] == [(2, 0), (2, None)]

    report = merged(paths[:1])
    assert report.summary.missing is None
    assert [(shard.index, shard.run_id is None) for shard in report.run.shards] == [(1, False), (2, True)]


def test_what_was_not_begun_is_not_missing(tmp_path: Path) -> None:
    paths = [write_shard(tmp_path, index, count=5, rate=1.0) for index in (1, 2)]
    add(paths[0], "trial.not_begun", "trial.finished", planned=5, role="subject", due_mono_ns=0, in_flight=1000)
    cut(paths[1], "trial.started", 4)
    report = merged(paths)
    assert (report.summary.missing, report.not_begun, report.summary.trials) == (1, 1, 3)
    assert "1 trial was not begun" in report.headline
    assert "1 of 5 trials is missing" in report.headline
    assert [(shard.not_begun, shard.missing) for shard in report.run.shards] == [(1, 0), (0, 1)]

    paths = [write_shard(tmp_path / "whole", index, count=5, rate=1.0) for index in (1, 2)]
    add(paths[0], "trial.not_begun", "trial.finished", planned=5, role="subject", due_mono_ns=0, in_flight=1000)
    report = merged(paths)
    assert (report.summary.missing, report.not_begun) == (0, 1)
    assert "missing" not in report.headline
    assert report.verdict == "inconclusive", "less was played than was planned"


def test_the_health_is_that_of_the_shard_that_fared_worst(tmp_path: Path) -> None:
    paths = [write_shard(tmp_path, index, concurrency=100) for index in (1, 2)]
    sample(paths[0], busy_ms=0, own_cores=0.1, machine=0.1)
    sample(paths[1], busy_ms=60_000, own_cores=1.8, machine=1.0)
    health = merged(paths).health
    assert health is not None
    assert (health.shard, health.bottleneck, health.busy_ms) == (2, "lkdiag", 60_000)
    assert health.advice.startswith("shard 2 of 2: lkdiag itself was the bottleneck")


@pytest.mark.parametrize(("about", "bottleneck"), [({"here": 2}, "lkdiag"), ({}, "this machine")])
def test_processes_on_one_machine_are_each_other_s_load(
    tmp_path: Path, about: Mapping[str, Any], bottleneck: str
) -> None:
    paths = [write_shard(tmp_path, index) for index in (1, 2)]
    for path in paths:
        sample(path, busy_ms=60_000, own_cores=0.5, machine=1.0)
    health = merged(paths, about).health
    assert health is not None
    assert health.bottleneck == bottleneck


def test_the_load_of_one_machine_excuses_nothing_on_another(tmp_path: Path) -> None:
    """Though their clocks happen to read the same: an agent that came late stays late."""
    late: dict[str, Any] = {"delayed_after_s": 0.001}
    paths = [write_shard(tmp_path / "quiet", index, **late) for index in (1, 2)]
    assert {trial.outcome for trial in merged(paths).trials} == {"delayed"}
    strained = write_shard(tmp_path / "strained", 1, **late)
    events = [json.loads(line) for line in strained.read_text().splitlines()]
    began_ns, ended_ns = events[0]["mono_ns"], events[-1]["mono_ns"]
    add(
        strained, "lkdiag.sampled", "run.finished", began_mono_ns=began_ns, lags_ms=[199.0] * 100, cores=2,
        busy_ms=(ended_ns - began_ns) / 1e6, own_cores=2.0, machine=1.0, waited_ms=(ended_ns - began_ns) / 1e6,
    )  # fmt: skip
    other = paths[1]
    lines = [json.loads(line) for line in other.read_text().splitlines()]
    # the second machine's monotonic clock reads what the first one's does
    by_ns = began_ns - lines[0]["mono_ns"]
    other.write_text("".join(json.dumps(_moved(event, by_ns)) + "\n" for event in lines))
    outcomes = {trial.index: trial.outcome for trial in merged([strained, other]).trials}
    assert {outcomes[1], outcomes[3]} == {"inconclusive"}
    assert {outcomes[2], outcomes[4]} == {"delayed"}


def _moved(event: dict[str, Any], by_ns: int) -> dict[str, Any]:
    data = event["data"]
    for name in [name for name in data if name.endswith("mono_ns") or name in ("before_ns", "after_ns")]:
        data[name] += by_ns
    return {**event, "mono_ns": event["mono_ns"] + by_ns}
