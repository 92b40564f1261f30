"""What a dispatch report says of the run in plain words: one paragraph, in every format that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.verdict import Outcome
from lkdiag.render import environment
from lkdiag.render.watch.sentences import sentences as watch_sentences
from lkdiag.render.wording import duration, plural, rate, tally
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkdiag.report.value import DispatchReport


def sentences(report: DispatchReport, code: Callable[[str], str], prose: Callable[[str], str]) -> Iterator[str]:
    """The first one goes on from a colon. `code` and `prose` say how the format shows a name, and a text."""
    if isinstance(report, WatchReport):
        yield from watch_sentences(report, code)
        return
    summary = report.summary
    method = f" by {code(environment.methods(report))}" if environment.methods(report) else ""
    name = "the same room name" if report.run.options.get("reuse_room_name") else "a room of a new name"
    yield f"{plural(summary.trials, 'trial')} of {code(report.environment.subject)}{method}, {name} for each."
    if environment.faults(report):
        yield f"The worker is lkdiag's own and misbehaved on purpose, by --fault: {prose(environment.faults(report))}."
    if summary.trials:
        yield f"Outcomes: {tally(summary.outcomes)}. Lost: {rate(summary.lost_rate)}."
    latency = summary.latency_ms
    if latency.count:
        yield (
            f"Where the agent came, half came within {duration(latency.p50)} of the room's creation, "
            f"95 % within {duration(latency.p95)}, the last after {duration(latency.max)}."
        )
    dropped = summary.outcomes.get(Outcome.DROPPED, 0)
    if summary.rescued:
        yield f"A second dispatch brought the agent in {summary.rescued} of {dropped} dropped trials."
    if report.control is not None:
        yield f"Of lkdiag's own worker beside it: lost {rate(report.control.lost_rate)}."
    if report.warmup:
        yield f"Before that, {plural(len(report.warmup), 'warm-up trial')}, not counted."
