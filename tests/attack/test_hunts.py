"""The hunts in short: the truth contradicts no verdict of lkdiag's. `python -m tests.attack` hunts for longer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .hunt import Order, hunt_proxy, hunt_remade, hunt_stays

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.server.binary import ServerBinary

pytestmark = [
    pytest.mark.server,
    pytest.mark.long,
    # a wrong verdict of a busy machine's is wrong as well: no reason to try again
    pytest.mark.strained,
]


async def test_agents_that_stay_for_a_moment_are_not_called_dropped(
    server_binary: ServerBinary, tmp_path: Path
) -> None:
    tally = await hunt_stays(Order(trials=24, seed=1, binary=server_binary, folder=tmp_path))
    assert tally.total.total() == 24
    assert not tally.wrong, tally.table()


async def test_a_broken_proxy_makes_no_verdict(server_binary: ServerBinary, tmp_path: Path) -> None:
    tally = await hunt_proxy(Order(trials=30, seed=1, binary=server_binary, folder=tmp_path))
    assert tally.total["right"], tally.table()
    assert not tally.wrong, tally.table()


async def test_no_verdict_spans_two_rooms(server_binary: ServerBinary, tmp_path: Path) -> None:
    tally = await hunt_remade(Order(trials=22, seed=1, binary=server_binary, folder=tmp_path, at_a_time=3))
    assert tally.total["right"], tally.table()
    assert not tally.wrong, tally.table()
