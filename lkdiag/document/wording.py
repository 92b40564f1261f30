"""How durations, shares, tallies, times and lists of trials read, the same in every format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Outcome, Severity, Verdict
from lkdiag.report.watch_value import WatchedRoomLeft

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.report.value import LeftoverRoom
    from lkdiag.stats import Rate

NONE = "–"
"""What stands where there is no value."""

OUTCOME_SYMBOL = {
    Outcome.DELIVERED: "✓",
    Outcome.DELAYED: "~",
    Outcome.DROPPED: "✗",
    Outcome.ERROR: "!",
    Outcome.INCONCLUSIVE: "?",
}
VERDICT_SYMBOL = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?"}
THRESHOLD_SYMBOL = {True: "✓", False: "✗", None: "?"}
SEVERITY_SYMBOL = {Severity.FAIL: "✗", Severity.INCONCLUSIVE: "?", Severity.NOTE: "·"}


def more(names: Iterable[str]) -> str:
    """The command that says more about findings, causes or checks of these names."""
    return " ".join(("lkdiag explain", *names))


def duration(ms: float | None) -> str:
    """Milliseconds as `312 ms`, from a second on as `6.24 s`."""
    if ms is None:
        return NONE
    return f"{round(ms)} ms" if abs(round(ms)) < 1000 else f"{ms / 1000:.2f} s"


def seconds(ms: float) -> str:
    """Milliseconds as `0.02 s`, from a second on as `6.1 s`: short, and always in the same unit."""
    places = 2 if round(ms / 1000, 2) < 1 else 1
    return f"{ms / 1000:.{places}f} s"


def offset(ms: float) -> str:
    """Milliseconds since the trial began, as `+0.213 s`."""
    return f"{ms / 1000:+.3f} s"


def rate(value: Rate) -> str:
    """`3 of 20 = 15 % (95 %: 5–36 %)`."""
    if value.value is None or value.low is None or value.high is None:
        return "no trial could be judged"
    share, low, high = _percent(value.value), _percent(value.low), _percent(value.high)
    return f"{value.count} of {value.of} = {share} % (95 %: {low}–{high} %)"


def _percent(share: float) -> str:
    """Whole per cent, save where rounding would claim never or always."""
    percent = 100 * share
    return f"{percent:.0f}" if share in (0, 1) or 0.95 <= percent <= 99.05 else f"{percent:.1f}"


def tally(counts: Mapping[str, int]) -> str:
    """`28 delivered, 7 dropped`: what occurred, in the order given; `none` where nothing did."""
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def who(ids: Mapping[str, str]) -> str:
    """`agent PA_…, caller PA_…`."""
    return ", ".join(f"{name} {sid}" for name, sid in ids.items()) or NONE


def plural(count: int, noun: str) -> str:
    """`1 trial`, `2 trials`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


SWEEP = "lkdiag sweep --delete"
"""The command that deletes what runs left behind."""


def closes(room: LeftoverRoom) -> str:
    """When a room that was left behind goes away by itself: `when sip_+15550100 leaves`."""
    if not room.participants:
        return "by itself, being empty"
    return f"when {room.participants[0]} leaves" if len(room.participants) == 1 else "when all of them have left"


def occupants(room: LeftoverRoom) -> str:
    """Who is in it."""
    return ", ".join(room.participants) or ("not known" if room.still_there is None else "nobody")


def fate(room: LeftoverRoom) -> str | None:
    """What would close a room of the project that a watch found left over, or what became of it.

    None for lkdiag's own, unless the server did not tell what became of it.
    """
    if room.still_there is None:
        return "not seen to be closed: the server did not tell"
    if not isinstance(room, WatchedRoomLeft):
        return None
    return f"{room.closes}; the room is the project's: lkdiag leaves it alone" if room.still_there else room.closes


MOST_NUMBERS = 300
"""The longest list of trials: nobody reads a longer one."""


def trial_numbers(indices: Iterable[int]) -> str:
    """`3, 7, 9–12`, in rising order."""
    spans: list[list[int]] = []
    for index in sorted(set(indices)):
        if spans and index == spans[-1][1] + 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    parts = (
        [str(low)] if low == high else [str(low), str(high)] if high == low + 1 else [f"{low}–{high}"]
        for low, high in spans
    )
    told = [number for part in parts for number in part]
    more = len(told) - MOST_NUMBERS
    # a span stands for as many trials as it has
    return ", ".join(told[:MOST_NUMBERS]) + (f", … ({spans[-1][1]} is the last)" if more > 0 else "")


def moment(iso: str) -> str:
    """An ISO 8601 time in UTC as `2026-08-21 10:14:02.123`."""
    return iso.replace("T", " ").removesuffix("Z").removesuffix("+00:00")


def period(start: str, end: str | None) -> str:
    """`2026-08-21 10:14:02 – 10:15:40 UTC`, to the second; the date again only if it is another one."""
    first = moment(start)[:19]
    if end is None:
        return f"{first} UTC, end unknown"
    last = moment(end)[:19]
    return f"{first} – {last[11:] if last[:10] == first[:10] else last} UTC"
