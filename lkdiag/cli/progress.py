"""What the user sees of a run while it goes on: trials done, running tallies, the last trial's fate."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.checks.facts import DispatchFacts, RunFacts
from lkdiag.checks.judged import JudgedTrial
from lkdiag.timeline import Event, Timeline

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from lkdiag.scenario.dispatch import DispatchScenario

STYLES = {"delivered": "green", "delayed": "yellow", "dropped": "red", "error": "red", "inconclusive": "magenta"}


class Tally:
    """Judges each trial when it ends, as the report will. A sink of the recorder."""

    def __init__(self, scenario: DispatchScenario) -> None:
        self._scenario = scenario
        self._open: dict[int, list[Event]] = {}
        self._worker_ids: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self.done = 0
        self.last = ""

    def note(self, event: Event) -> JudgedTrial | None:
        """Take an event; the judged trial, if it was its last one."""
        if event.kind == "worker.registered":
            self._worker_ids.add(event.data["worker_id"])
        if event.trial is None:
            return None
        self._open.setdefault(event.trial, []).append(event)
        if event.kind != "trial.finished":
            return None
        timeline = Timeline(self._open.pop(event.trial))
        if timeline.first("trial.started") is None:
            return None
        run = RunFacts(self._scenario, frozenset(self._worker_ids), None, (), ())
        judged = JudgedTrial.of(DispatchFacts(event.trial, run, timeline))
        if not judged.facts.started.data["warmup"]:
            self.done += 1
            self.outcomes[judged.outcome] += 1
        return judged


class Progress:
    """On stderr: a live line in a terminal, else a plain line for each trial. Nothing with `quiet`."""

    def __init__(self, scenario: DispatchScenario, total: int, *, quiet: bool = False) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Live

        self._tally = Tally(scenario)
        self._total = total
        console = Console(stderr=True)
        self._quiet = quiet
        self._plain = not console.is_terminal
        self._live = Live(
            SpinnerColumn(),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[tally]}"),
            console=console,
            transient=True,
            disable=quiet or self._plain,
        )
        self._task = self._live.add_task("trials", total=total, tally="")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def note(self, event: Event) -> None:
        """Take an event of the recorder."""
        judged = self._tally.note(event)
        if judged is None or self._quiet:
            return
        fate = judged.outcome + (f", {judged.mismatch}" if judged.mismatch else "")
        latency_ms = judged.facts.latency_ms
        after = "" if latency_ms is None else f" after {latency_ms / 1000:.2f} s"
        if self._plain:
            data = judged.facts.started.data
            name = "warm-up" if data["warmup"] else f"{data['role']} trial {judged.index}"
            sys.stderr.write(f"{name}: {fate}{after}  [{self._tally.done}/{self._total}]\n")
            sys.stderr.flush()
            return
        counts = "  ".join(
            f"[{STYLES[outcome]}]{count} {outcome}[/]" for outcome, count in self._tally.outcomes.items()
        )
        self._live.update(self._task, completed=self._tally.done, tally=f"{counts}  [dim]last: {fate}{after}[/]")
