"""What the doctor found, as blocks: one line per check, as soon as it is known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lkdiag.document.blocks import BLANK, CheckLine, Facts, Heading, Marked, Paragraph, Span, Tone
from lkdiag.document.wording import more
from lkdiag.report.doctor_value import Health, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.document.blocks import Block
    from lkdiag.report.doctor_value import Checked, DoctorReport

SYMBOL = {Mark.OK: "✓", Mark.INFO: "·", Mark.WARNING: "!", Mark.FAILED: "✗", Mark.NOT_TRIED: "–"}
TONE = {
    Mark.OK: Tone.GOOD,
    Mark.INFO: Tone.UNSURE,
    Mark.WARNING: Tone.CAUTION,
    Mark.FAILED: Tone.LOST,
    Mark.NOT_TRIED: Tone.FAINT,
}
HEALTH = {
    Health.OK: Span("✓", Tone.GOOD, strong=True),
    Health.WRONG: Span("✗", Tone.LOST),
    Health.UNCLEAR: Span("?", Tone.UNSURE, strong=True),
    Health.UNTESTABLE: Span("✗", Tone.LOST),
}


def blocks(report: DoctorReport, *, verbose: bool) -> Iterator[Block]:
    """All of it at once."""
    yield from title()
    group = ""
    for checked in report.checks:
        yield from check(checked, group, verbose=verbose)
        group = checked.group
    yield from conclusion(report)


def title() -> tuple[Block, ...]:
    """The first line, and a blank one."""
    return Paragraph((Span("lkdiag doctor", strong=True),)), BLANK


def check(checked: Checked, group_before: str, *, verbose: bool) -> Iterator[Block]:
    """One check, under its heading if the one before stood under another."""
    if checked.group != group_before:
        if group_before:
            yield BLANK
        yield Heading(checked.group)
    dim = checked.mark is Mark.NOT_TRIED
    took = f"  {checked.took_ms:.0f} ms" if verbose and checked.took_ms is not None else ""
    advice = [("→", checked.fix)] if checked.fix else []
    if checked.mark in (Mark.WARNING, Mark.FAILED):
        advice.append(("more:", more([checked.check])))
    yield CheckLine(
        Span(SYMBOL[checked.mark], TONE[checked.mark], strong=checked.mark is Mark.WARNING),
        Span(checked.title, Tone.FAINT if dim else Tone.PLAIN, strong=not dim),
        (Span(checked.seen, Tone.FAINT if dim else Tone.PLAIN), Span(took, Tone.FAINT)),
        tuple(advice),
        Facts(tuple(checked.details.items()) if verbose else ()),
    )


def conclusion(report: DoctorReport) -> Iterator[Block]:
    """The verdict, below all of them."""
    yield BLANK
    if report.interrupted:
        yield Paragraph((Span("Interrupted.", strong=True),))
    yield Marked(HEALTH[report.health], Span(report.headline, strong=True))
    yield Paragraph((Span(f"  {_counts(report)}", Tone.FAINT),))
    for room in report.rooms_left:
        yield Paragraph((Span(f"  left behind: {room}", Tone.LOST),))


def _counts(report: DoctorReport) -> str:
    """`24 checks: 18 in order, 6 for information`."""
    words = {
        Mark.OK: "in order",
        Mark.INFO: "for information",
        Mark.WARNING: "worth a look",
        Mark.FAILED: "wrong",
        Mark.NOT_TRIED: "not tried",
    }
    counts = Counter(checked.mark for checked in report.checks)
    told = ", ".join(f"{counts[mark]} {word}" for mark, word in words.items() if counts[mark])
    return f"{len(report.checks)} checks: {told}"
