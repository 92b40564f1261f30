"""What a teardown report says of the run in plain words: one paragraph, in every format that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render import environment
from lkdiag.render.teardown.grid import grid_of
from lkdiag.render.wording import plural, seconds, tally
from lkdiag.scenario.teardown import Cleanup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkdiag.report.teardown_value import TeardownReport


def sentences(report: TeardownReport, prose: Callable[[str], str]) -> Iterator[str]:
    """The first one goes on from a colon. `prose` says how the format shows a text."""
    summary = report.summary
    grid = grid_of(report)
    merged = environment.merges(report)
    own = report.run.options.get("cleanups") == [Cleanup.SUBJECT]
    leaves = "your agent leaves or stays" if own else "the agent leaves"
    yield (
        f"{plural(summary.trials, 'call')}, each in rooms of its own: a caller and an agent, a human transferred to "
        f"them, {leaves}, one side hangs up. Is the room closed then, or is the other side left in it alone?"
    )
    if not summary.trials:
        return
    ways = () if own else (plural(len(grid.sides), "way") + " for the agent to leave",)
    sizes = (
        plural(len(grid.cleanups), "cleanup"),
        *ways,
        plural(len({side for _, side in grid.columns}), "side") + " to hang up",
    )
    yield f"Played: {' × '.join(sizes)}{f', merged by {prose(merged)}' if merged else ''}."
    yield f"Outcomes: {tally(summary.outcomes)}."
    closed = summary.closed_ms
    if closed.p50 is not None and closed.max is not None:
        yield (
            f"Where the room was closed, half were gone within {seconds(closed.p50)} of the hang-up, "
            f"the last after {seconds(closed.max)}."
        )
