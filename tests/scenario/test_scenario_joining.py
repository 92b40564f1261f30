"""How a run's participants join: as it was asked for, else by its pace; and what signalling alone can't do."""

from __future__ import annotations

from typing import Any

import pytest

from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import Caller, JobType, JoinBy
from lkdiag.scenario.script import (
    MEDIA_AT_A_TIME_MAX,
    MEDIA_RATE_MAX,
    DispatchScript,
    join_of,
    load_script,
    with_settings,
)


def script(name: str = "dispatch-trial", **settings: Any) -> DispatchScript:
    loaded = load_script(name, tuple(BEHAVIOURS), make_behaviour)
    assert isinstance(loaded, DispatchScript)
    return with_settings(loaded, **settings)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, JoinBy.MEDIA),
        ({"concurrency": MEDIA_AT_A_TIME_MAX}, JoinBy.MEDIA),
        ({"concurrency": MEDIA_AT_A_TIME_MAX + 1}, JoinBy.SIGNAL),
        ({"rate": MEDIA_RATE_MAX}, JoinBy.MEDIA),
        ({"rate": MEDIA_RATE_MAX + 1}, JoinBy.SIGNAL),
        ({"concurrency": 100, "join": JoinBy.MEDIA}, JoinBy.MEDIA),
        ({"concurrency": 1, "join": JoinBy.SIGNAL}, JoinBy.SIGNAL),
        ({"concurrency": 100, "caller": Caller.PUBLISH}, JoinBy.MEDIA),
        ({"concurrency": 100, "job_type": JobType.PUBLISHER}, JoinBy.MEDIA),
        ({"concurrency": 100, "caller": Caller.JOIN}, JoinBy.SIGNAL),
        ({"concurrency": 100, "webhooks": "ok"}, JoinBy.MEDIA),  # participant_joined comes with media alone
        ({"concurrency": 100, "caller": Caller.JOIN, "timeout_s": 60.0}, JoinBy.MEDIA),  # removed after a minute
        ({"concurrency": 100, "timeout_s": 60.0}, JoinBy.SIGNAL),  # the agent joins late, and is not held
        ({"concurrency": 100, "settle_s": 60.0}, JoinBy.MEDIA),
    ],
)
def test_the_pace_decides_where_nobody_does(settings: dict[str, Any], expected: JoinBy) -> None:
    assert join_of(script(**settings)) is expected


def test_of_several_processes_each_has_its_own_concurrency_and_a_share_of_the_rate() -> None:
    assert join_of(script(rate=2 * MEDIA_RATE_MAX), 2) is JoinBy.MEDIA
    assert join_of(script(rate=2 * MEDIA_RATE_MAX + 1), 2) is JoinBy.SIGNAL
    assert join_of(script(concurrency=MEDIA_AT_A_TIME_MAX + 1), 2) is JoinBy.SIGNAL


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"settle_s": 60.0}, "after a minute"),
        ({"caller": Caller.JOIN, "timeout_s": 60.0}, "after a minute"),
    ],
)
def test_what_signalling_alone_cannot_do_is_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        join_of(script(join=JoinBy.SIGNAL, **settings))


@pytest.mark.parametrize("settings", [{"caller": Caller.PUBLISH}, {"job_type": JobType.PUBLISHER}])
def test_without_media_nobody_publishes(settings: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="--join signal can't publish"):
        script(join=JoinBy.SIGNAL, **settings)


def test_a_scenario_that_asks_a_client_keeps_its_media() -> None:
    assert join_of(script("client-misses-agent", concurrency=100)) is JoinBy.MEDIA
    with pytest.raises(UsageError, match="--join signal does not go with"):
        join_of(script("client-misses-agent", join=JoinBy.SIGNAL))


def test_in_a_file_the_step_is_named() -> None:
    with pytest.raises(UsageError, match=r"client-misses-agent\.toml.*needs media here"):
        load_script("client-misses-agent", tuple(BEHAVIOURS), make_behaviour, {"join": "signal"})
