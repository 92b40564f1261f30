"""`make bench`: lkdiag against the bare loop, the server's floor and a bare program, in turn within one run.

What it prints are ratios and costs; a machine that is busy with something else makes them worse, and differs from the
next one. `python -m benchmarks startup sequential parallel judging` chooses among the parts.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from benchmarks import process
from lkdiag.server.binary import find_server
from lkdiag.server.private import PrivateServer
from tests.many_trials import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Row = tuple[str, str, str]
"""What was measured, the figure, and the goal."""

RECORDED = Path("tests/journals/large/twenty.jsonl")
FLOOR_S = 0.2
"""For so long livekit-server gathers workers' answers before it offers a job (psrpc's affinity timeout, v1.13.5)."""
MANY, AT_A_TIME = 1000, 100
IN_TURN = 20
LONG = (10_000, 100_000)
MEBI = 1024 * 1024


@dataclass(frozen=True)
class Course:
    """What a journal says of the trials that count."""

    seconds: float
    """From the first one's beginning to the last one's end."""
    api_calls: int

    @classmethod
    def of(cls, journal: Path) -> Course:
        """Read line by line: this process has to stay small, see `process.Cost.peak_bytes`."""
        began, ended, api_calls = [], [], 0
        with journal.open(encoding="utf-8") as lines:
            for line in lines:
                event = json.loads(line)
                if (event["trial"] or 0) > 0:
                    api_calls += event["kind"] == "api.called"
                    if event["kind"] == "trial.started":
                        began.append(event["mono_ns"])
                    elif event["kind"] == "trial.finished":
                        ended.append(event["mono_ns"])
        return cls((max(ended) - min(began)) / 1e9, api_calls)


class Bench:
    """One private server, and lkdiag as a process against it."""

    def __init__(self, server: PrivateServer, folder: Path) -> None:
        self._runs = folder / "runs"
        self._environ = {
            "LIVEKIT_URL": server.url,
            "LIVEKIT_API_KEY": server.api_key,
            "LIVEKIT_API_SECRET": server.api_secret,
            "LKDIAG_RUNS_DIR": str(self._runs),
        }

    def python(self, *arguments: str) -> process.Cost:
        """A Python program in this environment."""
        return process.run([sys.executable, *arguments], self._environ)

    def trials(self, *options: str) -> tuple[process.Cost, Course]:
        """A run of `dispatch-trial`: its cost, and its course."""
        before = set(self._runs.glob("*"))
        cost = self.python("-m", "lkdiag", "dispatch-trial", "-q", "--format", "json", *options)
        (folder,) = set(self._runs.glob("*")) - before
        return cost, Course.of(folder / "journal.jsonl")

    def judged(self, count: int) -> process.Cost:
        """`lkdiag report` of a journal of so many trials, made out of a recorded one."""
        journal = self._runs / f"{count}-trials" / "journal.jsonl"
        journal.parent.mkdir(parents=True)
        with journal.open("w", encoding="utf-8") as file:
            for line in lines_of(RECORDED, count):
                file.write(f"{line}\n")
        cost = self.python("-m", "lkdiag", "report", str(journal), "-o", str(journal.with_name("report.json")))
        shutil.rmtree(journal.parent)
        return cost


def startup(bench: Bench) -> Iterator[Row]:
    """`--help` and `--version`, each in turn with a bare typer and rich program."""
    bare = str(Path(__file__).with_name("bare_program.py"))
    for option, goal in (("--help", "1.3"), ("--version", "1.1")):
        ratios = []
        for _ in range(9):
            ours, theirs = bench.python("-m", "lkdiag", option), bench.python(bare, option)
            ratios.append(ours.wall_s / theirs.wall_s)
        yield f"lkdiag {option} / bare typer+rich", f"{median(ratios):.2f}", f"≤ {goal}"


def sequential(bench: Bench) -> Iterator[Row]:
    """One trial after another, against the server's floor."""
    for join, goal in (("signal", "1.10"), ("media", "1.6")):
        cost, course = bench.trials("--count", str(IN_TURN), "--join", join)
        seconds = course.seconds / IN_TURN
        yield f"{IN_TURN} trials in turn by {join} / floor of {FLOOR_S:g} s", f"{seconds / FLOOR_S:.2f}", f"≤ {goal}"
        yield f"API calls a trial, in turn by {join}", f"{course.api_calls / IN_TURN:.1f}", ""
        yield f"CPU a trial, in turn by {join}", f"{cost.cpu_s / IN_TURN * 1000:.1f} ms", ""


def parallel(bench: Bench) -> Iterator[Row]:
    """Many at a time, in turn with the bare loop."""
    playing, whole = list[float](), list[float]()
    for _ in range(3):
        bare = bench.python("-m", "benchmarks.bare_loop", str(MANY), str(AT_A_TIME))
        cost, course = bench.trials("--count", str(MANY), "--concurrency", str(AT_A_TIME), "--join", "signal")
        playing.append(float(bare.stdout) / course.seconds)
        whole.append(bare.wall_s / cost.wall_s)
    summary = json.loads(cost.stdout)["summary"]
    at_once = f"rate of {MANY} trials, {AT_A_TIME} at a time / bare loop"
    yield at_once, f"{median(playing):.2f}", "≥ 0.9"
    yield "the same, start-up, judging and rendering included", f"{median(whole):.2f}", "≥ 0.9"
    yield "CPU a trial, recorded, judged and rendered", f"{cost.cpu_s / MANY * 1000:.1f} ms", "≤ 5 ms"
    yield "peak memory", f"{cost.peak_bytes / MEBI:.0f} MiB", "≤ 120 MB"
    yield "API calls a trial", f"{course.api_calls / MANY:.1f}", ""
    yield "outcomes", ", ".join(f"{count} {name}" for name, count in summary["outcomes"].items() if count), "none lost"


def judging(bench: Bench) -> Iterator[Row]:
    """Long journals, judged and rendered."""
    costs = {count: bench.judged(count) for count in LONG}
    for count, cost in costs.items():
        yield f"{count:,} trials judged again: CPU", f"{cost.cpu_s / count * 1000:.2f} ms a trial", ""
    few, many = (costs[count].cpu_s / count for count in LONG)
    yield f"a trial among {LONG[1]:,} / among {LONG[0]:,}", f"{many / few:.2f}", "about 1: linear"
    yield f"{LONG[1]:,} trials judged again: peak memory", f"{costs[LONG[1]].peak_bytes / MEBI:.0f} MiB", "≤ 300 MB"


PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "startup": startup,
    "sequential": sequential,
    "parallel": parallel,
    "judging": judging,
}


async def main(chosen: list[str]) -> None:
    """Measure the chosen parts, and print a table."""
    table = Table("what", "figure", "goal", title="lkdiag's own cost", title_justify="left")
    console = Console()
    binary = await find_server(None, console.print)
    with tempfile.TemporaryDirectory() as folder:
        async with PrivateServer(binary, Path(folder) / "livekit-server.log") as server:
            bench = Bench(server, Path(folder))
            for part in chosen or PARTS:
                for row in await asyncio.to_thread(list, PARTS[part](bench)):
                    table.add_row(*row)
                    console.print("  ".join(row))
    console.print()
    console.print(table)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
