"""Makes the document of a report: what every kind of run shows, around what this kind has to show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.document import dispatch, environment, teardown, watch
from lkdiag.document.blocks import Document, Facts, Items, Link, Part, Section
from lkdiag.document.example import example, logs
from lkdiag.document.wording import period
from lkdiag.report.teardown_value import TeardownReport
from lkdiag.report.value import DispatchReport
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.document.blocks import Line
    from lkdiag.report.value import Report


def document_of(report: Report) -> Document:
    """The document that every renderer takes, whatever the kind of run."""
    run = report.run
    return Document(
        title=f"lkdiag {run.scenario}",
        run_id=run.id,
        version=run.lkdiag_version,
        period=period(run.started_at, run.finished_at),
        verdict=report.verdict,
        headline=report.headline,
        paragraph=tuple(_sentences(report)),
        ended=tuple(environment.ended(report)),
        expected=tuple(environment.expected(report)),
        identity=Facts(
            tuple(
                (label, (Link(text),) if label == "reported" else text)
                for label, text in environment.identity_rows(report)
            )
        ),
        client=Facts(environment.client_rows(report)),
        options=Facts(environment.option_rows(report)),
        thresholds=report.thresholds,
        sections=tuple(_sections(report)),
        command=run.command,
    )


def _sentences(report: Report) -> Iterator[Line]:
    if isinstance(report, WatchReport):
        yield from watch.sentences(report)
    elif isinstance(report, DispatchReport):
        yield from dispatch.sentences(report)
    elif isinstance(report, TeardownReport):
        yield from teardown.sentences(report)


def _sections(report: Report) -> Iterator[Section]:
    if isinstance(report, WatchReport):
        yield from watch.sections(report)
    if isinstance(report, DispatchReport):
        yield from dispatch.sections(report)
    elif isinstance(report, TeardownReport):
        yield from teardown.sections(report)
    if report.notes:
        yield Section(Part.NOTES, "record", "About the record", (Items(report.notes),))
    yield Section(Part.LOGS, "logs", "Logs", (Items(tuple(logs(report))),))
    smallest = example(report)
    if smallest is not None:
        yield Section(Part.EXAMPLE, "example", "Smallest example", (smallest,))
