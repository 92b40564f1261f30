"""What the user sees of a run while it goes on: trials done, running tallies, the last trial's fate."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from lkdiag.cli.notes import say

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lkdiag.cli.tally import Tally
    from lkdiag.timeline import Event

STYLES = {"delivered": "green", "closed": "green", "delayed": "cyan", "slow": "cyan", "inconclusive": "bold"}
BAD = "red"


class Progress:
    """On stderr: a live line in a terminal, else a plain line for each trial. Nothing with `quiet`."""

    def __init__(self, tally: Tally, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Live

        self._tally = tally
        console = Console(stderr=True)
        self._quiet = quiet
        self._plain = not console.is_terminal
        self._live = Live(
            SpinnerColumn(),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[tally]}"),
            console=console,
            transient=True,
            disable=quiet or self._plain,
        )
        self._task = self._live.add_task("trials", total=tally.total or tally.duration_s, told=tally.told, tally="")

    def __enter__(self) -> Self:
        with contextlib.suppress(Exception):  # a terminal that can't show it must not keep the run from beginning
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(Exception):  # nor the report from being made
            self._live.stop()

    def note(self, event: Event) -> None:
        """Take an event of the recorder."""
        if self._quiet:
            return  # a tally judges each trial: that would be for nobody
        ended = self._tally.note(event)
        if ended is None:
            return
        if self._plain:
            say(f"{ended.name}: {ended.told}  [{self._tally.told}]")
            return
        counts = "  ".join(
            f"[{STYLES.get(outcome, BAD)}]{count} {outcome}[/]" for outcome, count in self._tally.outcomes.items()
        )
        done = self._tally.done if self._tally.duration_s is None else self._tally.elapsed_s
        self._live.update(
            self._task, completed=done, told=self._tally.told, tally=f"{counts}  [dim]last: {ended.told}[/]"
        )
