"""Makes a journal of as many trials as wanted out of one that was really recorded: for tests, and for measuring.

    python tests/many_trials.py RECORDED COUNT > journal.jsonl

The recorded run is played again and again, as it was interleaved: each time with later times, other trial numbers,
rooms and ids. What belongs to no trial goes on as well (exchanges of clocks, say), but for the run's beginning and end.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ONCE = ("run.started", "scenario.read", "run.finished", "worker.registered", "server.started", "server.described")
IDS = re.compile(r"(?<![A-Za-z])(?:RM|AD|AJ|PA|TR)_\w{8,}")
PAUSE_NS = 50_000_000
MARGIN_NS = 60_000_000_000


@dataclass(frozen=True)
class Recorded:
    """A journal, taken apart: what comes once, and the trials between."""

    head: list[str]
    trials: list[str]
    tail: list[str]
    count: int
    """Trials in it, warm-ups apart."""
    length_ns: int


def recorded(path: Path) -> Recorded:
    """Take a journal apart. Warm-ups stay in the head."""
    lines = path.read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    warmup = {e["trial"] for e in events if e["kind"] == "trial.started" and e["data"]["warmup"]}
    counted = {e["trial"] for e in events if e["kind"] == "trial.started"} - warmup
    began = next(at for at, e in enumerate(events) if e["trial"] in counted)
    ended = max(at for at, e in enumerate(events) if e["trial"] in counted)
    early = [line for line, e in zip(lines[:began], events[:began], strict=True)]
    between = list(zip(lines[began : ended + 1], events[began : ended + 1], strict=True))
    return Recorded(
        early + [line for line, e in between if e["trial"] in warmup or e["kind"] in ONCE],
        [line for line, e in between if e["trial"] not in warmup and e["kind"] not in ONCE],
        lines[ended + 1 :],
        len(counted),
        events[ended]["mono_ns"] - events[began]["mono_ns"] + PAUSE_NS,
    )


def lines_of(path: Path, count: int) -> Iterator[str]:
    """The lines of a journal of about `count` trials: the recorded number of them, times a whole number."""
    run = recorded(path)
    started = json.loads(run.head[0])
    rounds = max(1, round(count / run.count))
    started["data"]["options"]["count"] = rounds * run.count
    renumbered = _Seq()
    yield renumbered(json.dumps(started, separators=(",", ":"), ensure_ascii=False))
    yield from map(renumbered, run.head[1:])
    played = _Round(run, started)
    for number in range(rounds):
        yield from map(renumbered, played.lines(number))
    last = _Round(Recorded([], run.tail, [], run.count, run.length_ns), started)
    yield from map(renumbered, last.lines(rounds - 1))


class _Seq:
    """Numbers the lines anew."""

    def __init__(self) -> None:
        self._next = 0

    def __call__(self, line: str) -> str:
        rest = line[line.index(",") :]
        self._next += 1
        return f'{{"seq":{self._next - 1}{rest}'


class _Round:
    """One playing of the trials: its text is cut where something is to be put in."""

    def __init__(self, run: Recorded, started: dict) -> None:  # type: ignore[type-arg]
        self._count, self._length_ns = run.count, run.length_ns
        run_id = re.escape(started["data"]["run_id"])
        room, trial, clock = rf"lkdiag-{run_id}-\d+", r'(?<="trial":)\d+', r"(?<![\w.-])\d{11,19}(?![\w.])"
        self._varying = re.compile("|".join((IDS.pattern, room, trial, clock)))
        self._clocks = (started["at_ns"], started["mono_ns"], started["at_ns"] // 1_000_000)
        text = "\n".join(run.trials)
        self._kept: list[str] = []
        self._put: list[Callable[[int], str]] = []
        at = 0
        for found in self._varying.finditer(text):
            self._kept.append(text[at : found.start()])
            self._put.append(self._varied(found[0]))
            at = found.end()
        self._kept.append(text[at:])

    def lines(self, number: int) -> list[str]:
        """Of the playing with that number."""
        parts = [part for kept, put in zip(self._kept, self._put, strict=False) for part in (kept, put(number))]
        text = "".join((*parts, self._kept[-1]))
        return text.split("\n") if text else []

    def _varied(self, text: str) -> Callable[[int], str]:
        if IDS.fullmatch(text):
            return lambda number: text[:3] + hashlib.blake2b(f"{text} {number}".encode(), digest_size=6).hexdigest()
        if text.startswith("lkdiag-"):
            prefix, _, trial = text.rpartition("-")
            return lambda number: f"{prefix}-{int(trial) + number * self._count:03d}"
        value = int(text)
        if value < 10**9:
            return lambda number: str(value + number * self._count)
        wall_ns, mono_ns, wall_ms = self._clocks
        length_ns = self._length_ns
        if abs(value - wall_ns) < MARGIN_NS * 60 or abs(value - mono_ns) < MARGIN_NS * 60:
            return lambda number: str(value + number * length_ns)
        if abs(value - wall_ms) < MARGIN_NS // 1_000_000 * 60:
            return lambda number: str(value + number * length_ns // 1_000_000)
        return lambda _: text


if __name__ == "__main__":
    for line in lines_of(Path(sys.argv[1]), int(sys.argv[2])):
        sys.stdout.write(f"{line}\n")
