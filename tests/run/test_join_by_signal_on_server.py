"""Agents and callers that join by signalling alone: the same verdicts, for a fraction of the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from .conftest import Finished, Witness

    Run = Callable[..., Awaitable[Finished]]

pytestmark = pytest.mark.server

FAULTS = "silent=0.2,ghost=0.2,slow:3s=0.15,reject=0.1,join-then-leave:1s=0.15"
VERDICTS = {
    "honest": ("delivered", None, "running"),
    "silent": ("dropped", None, "no-job"),
    "reject": ("dropped", None, "no-job"),
    "ghost": ("dropped", "false-running", "running"),
    "slow:3s": ("delayed", None, "running"),
    "join-then-leave:1s": ("delivered", None, "running"),
}


def kinds(done: Finished, trial: int) -> list[str]:
    return [event["kind"] for event in done.events() if event["trial"] == trial]


@pytest.mark.alone
async def test_every_behaviour_is_named_as_with_media(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "--join", "signal", "--count", "24", "--fault", FAULTS,
        "--seed", "11", "--timeout", "5", "-c", "12", "--format", "json",
    )  # fmt: skip
    report = done.report
    assert report["environment"]["join"] == report["run"]["options"]["join"] == "signal"
    drawn = done.drawn()
    told = {t["index"]: (t["outcome"], t["mismatch"], t["state"]) for t in report["trials"]}
    assert told == {index: VERDICTS[drawn[index]] for index in told}
    assert set(drawn.values()) == set(VERDICTS), "the seed draws each of them"
    assert all(t["fallback"] == ("rescued" if t["outcome"] == "dropped" else "not-needed") for t in report["trials"])
    assert all("active" not in trial["stages_ms"] for trial in report["trials"]), "media never came: no claim of it"
    assert await witness.rooms() == []


async def test_a_trial_needs_six_calls_and_no_media_stack(witness: Witness, tmp_path: Path, lkdiag: Run) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, sys\natexit.register(lambda: print('rtc:', 'livekit.rtc' in sys.modules, file=sys.stderr))\n"
    )
    environment = {**witness.environment(), "PYTHONPATH": str(tmp_path)}
    count = 12  # where the machine is busy, one look may not be enough in most of them
    done = await lkdiag(environment, "dispatch-trial", "--join", "signal", "--count", str(count), "--format", "json")
    assert done.code == 0, done.stderr
    assert "rtc: False" in done.stderr, "it costs time and memory"
    best = min(trial["api_calls"] for trial in done.report["trials"])
    assert best == 6, "to make it, to see dispatch, agent and the same room, to delete it, to see it gone"
    ends = [e["data"]["reason"] for e in done.events() if e["kind"] == "probe.disconnected"]
    assert len(ends) == count + 1, "the warm-up's too"
    assert "ROOM_DELETED" in ends
    assert set(ends) <= {"ROOM_DELETED", "CLIENT_INITIATED"}, "the server's leave and lkdiag's own cross on the way"


async def test_callers_may_only_hold_the_room(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(
        witness.environment(), "dispatch-trial", "--join", "signal", "--count", "2", "--method", "token",
        "--job-type", "participant", "--format", "json",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    for trial in done.report["trials"]:
        assert set(trial["participant_ids"]) == {"agent", "caller"}
        assert "agent.track_missing" not in kinds(done, trial["index"]), "nobody can have heard a track"


async def test_who_publishes_needs_media(witness: Witness, lkdiag: Run) -> None:
    done = await lkdiag(witness.environment(), "dispatch-trial", "--join", "signal", "--caller", "publish")
    assert done.code == 2
    assert "--join signal can't publish" in done.stderr
