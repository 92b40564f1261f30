"""What the report of a watch says of it in plain words: one paragraph, in every format that has one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.render.wording import duration, plural, rate, tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lkdiag.report.watch_value import WatchReport


def sentences(report: WatchReport, code: Callable[[str], str]) -> Iterator[str]:
    """The first one goes on from a colon. `code` says how the format shows a name."""
    summary = report.summary
    options = report.run.options
    which = (
        f"room {code(options['room'])}" if options.get("room") else f"rooms {code(str(options.get('prefix')) + '…')}"
    )
    yield f"real calls in {which} were followed from outside, by the API alone; nobody joined them."
    yield f"{plural(len(report.calls), 'call')}; dispatches in them that were judged: {summary.trials}."
    if summary.trials:
        yield f"Outcomes: {tally(summary.outcomes)}. Lost: {rate(summary.lost_rate)}."
    latency = summary.latency_ms
    if latency.count:
        yield (
            f"Where the agent came, half came within {duration(latency.p50)}, 95 % within {duration(latency.p95)}, "
            f"the last after {duration(latency.max)}."
        )
