"""`lkdiag merge`: many journals, one report; what is missing is missing, and no clock meets another machine's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .recorded import cut, write_shard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.user import User


@pytest.fixture
def shards(user: User) -> list[Path]:
    """Both shards' journals."""
    return [write_shard(user.cwd / "shards", index) for index in (1, 2)]


async def merged(user: User, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = await user.run("merge", *arguments, "-f", "json")
    return done.code, done.report


@pytest.mark.usefixtures("shards")
async def test_shards_with_clocks_hours_apart_make_the_report_that_one_process_would(user: User) -> None:
    code, report = await merged(user, "shards", "-o", "merged")
    assert code == 0
    assert report["verdict"] == "pass"
    assert [trial["index"] for trial in report["trials"]] == [1, 2, 3, 4]
    assert len({trial["index"] for trial in report["warmup"]}) == 2
    assert report["summary"]["missing"] == 0
    assert report["environment"]["clock_offset_ms"] is None
    # the very same trials on two machines: the shift of the clocks is nowhere to be seen
    one, two, *_ = report["trials"]
    assert one["stages_ms"] == two["stages_ms"]
    assert "offered" in one["stages_ms"], "a stage that rests on the shard's own clock"
    again = await user.run("report", "merged", "-f", "json")
    assert json.loads(again.stdout) == report
    done = await user.run("bundle", "merged", "-o", "merged.zip")
    assert done.code == 0


async def test_a_killed_shard_is_missing_trials_and_no_losses(user: User, shards: list[Path]) -> None:
    cut(shards[1], "trial.started", 4, torn=True)
    code, report = await merged(user, "shards")
    assert code == 3
    assert report["verdict"] == "inconclusive"
    assert report["summary"]["missing"] == 1
    assert report["summary"]["outcomes"]["dropped"] == 0
    assert report["summary"]["lost_rate"]["value"] == 0
    finding = next(finding for finding in report["findings"] if finding["check"] == "missing-trials")
    assert finding["trials"] == [4]
    assert "it was killed (1 of 2 missing)" in finding["fact"]
    assert f"--run {shards[1].parent.name}" in finding["hint"]
    assert any("torn" in note for note in report["notes"])


async def test_a_trial_that_was_cut_off_is_there_and_inconclusive(user: User, shards: list[Path]) -> None:
    cut(shards[1], "observation.ended", 4)
    code, report = await merged(user, "shards")
    assert code == 3
    assert report["summary"]["missing"] == 0
    assert [trial["outcome"] for trial in report["trials"]] == ["delivered"] * 3 + ["inconclusive"]


async def test_a_shard_without_a_journal_is_missing(user: User, shards: list[Path]) -> None:
    shards[0].write_text("")
    code, report = await merged(user, "shards")
    assert code == 3
    finding = next(finding for finding in report["findings"] if finding["check"] == "missing-trials")
    assert finding["trials"] == [1, 3]
    assert any("empty" in note for note in report["notes"])


async def test_what_does_not_belong_together_is_refused(user: User, shards: list[Path]) -> None:
    first = str(shards[0])
    other = user.cwd / "other"
    refused = {
        "twice": write_shard(other / "a", 1),
        "different runs": write_shard(other / "b", 2, group="b"),
        "timeout_s": write_shard(other / "c", 2, timeout_s=5.0),
        "count": write_shard(other / "d", 2, count=5),
    }
    for word, path in refused.items():
        error, _ = (await user.run("merge", first, str(path))).refusal(2)
        assert word in error
        if word not in ("twice", "timeout_s"):
            continue
        done = await user.run("merge", first, str(path), "--force", "-f", "json")
        assert done.code == (0 if word == "timeout_s" else 2), word
        if word == "timeout_s":
            assert any("timeout_s" in note for note in done.report["notes"])
    error, _ = (await user.run("merge", str(user.cwd / "shards"), "-o", str(shards[0].parent))).refusal(2)
    assert "already" in error
