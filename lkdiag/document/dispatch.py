"""A run of dispatch trials as a document: its figures, the trials, and the stories of the failing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.contract import Outcome
from lkdiag.document import environment
from lkdiag.document.blocks import (
    Aside,
    Cards,
    Code,
    Column,
    Diagnosis,
    Findings,
    Found,
    Leftovers,
    Part,
    Point,
    Rates,
    Section,
    Span,
    Stories,
    Story,
    Table,
    Timings,
    Tone,
)
from lkdiag.document.dispatch_table import OUTCOME, TONE, outcome_tone, trial_table
from lkdiag.document.selection import has_story, is_failing, kinds_of
from lkdiag.document.wording import duration, moment, more, plural, rate, tally
from lkdiag.judge.causes.diagnosis import MOST_IN_A_SENTENCE
from lkdiag.report.watch_value import WatchReport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lkdiag.document.blocks import Block, Line
    from lkdiag.report.value import DispatchReport, DispatchSummary, TrialReport
    from lkdiag.stats import Quantiles

STAGES = ("dispatch", "job_started", "offered", "accepted", "assigned", "joined", "active", "first_track")
"""In the order in which a dispatch passes them, and in which they are shown."""

MEASURED_FROM = "Counted from the room's creation; state lag from the agent's joining"
WITH_START_LAG = "; start lag is how late a trial began"

TOLD_TRIALS = 10
"""With more failing trials than this, a terminal shows only the first of each kind of finding."""


def sections(report: DispatchReport) -> Iterator[Section]:
    """In the order of a terminal."""
    warmup = (_warmup(report),) if report.warmup else ()
    yield Section(Part.TABLE, "trials", "Trials", (trial_table(report), *warmup))
    if report.trials:
        yield Section(Part.FIGURES, "figures", "Figures", tuple(_figures(report)))
        yield Section(Part.CHARTS, "charts", "Latency", (timings(report),))
    yield Section(Part.LEFTOVERS, "leftovers", "Rooms left behind", (Leftovers(report.leftover_rooms),))
    yield Section(Part.STORIES, "failing", "Failing trials", (_stories(report),))
    found = tuple(Found(finding) for finding in report.findings)
    yield Section(Part.FINDINGS, "findings", "Findings", (Findings(found, explained_once=False),))


def sentences(report: DispatchReport) -> Iterator[Line]:
    """The first one goes on from a colon."""
    summary = report.summary
    methods = environment.methods(report)
    name = "the same room name" if report.run.options.get("reuse_room_name") else "a room of a new name"
    by = (" by ", Code(methods)) if methods else ()
    yield f"{plural(summary.trials, 'trial')} of ", Code(report.environment.subject), *by, f", {name} for each."
    if environment.faults(report):
        yield f"The worker is lkdiag's own and misbehaved on purpose, by --fault: {environment.faults(report)}."
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


# -- figures ------------------------------------------------------------------------------------------------------


def groups(report: DispatchReport) -> dict[str, DispatchSummary]:
    """The subject's figures and, where there was a control, its figures in the next column."""
    found = {"subject": report.summary}
    if report.control is not None:
        found["control"] = report.control
    return found


def _figures(report: DispatchReport) -> Iterator[Block]:
    found = groups(report)
    summary = report.summary
    latency, lost = summary.latency_ms, summary.lost_rate
    yield Cards(
        (
            ("trials", str(summary.trials), tally(summary.outcomes)),
            ("lost", f"{lost.count} of {lost.of}", rate(lost).partition(" = ")[2]),
            ("median latency", duration(latency.p50), f"of {latency.count} that came" if latency.count else ""),
            ("95 % within", duration(latency.p95), ""),
            ("slowest", duration(latency.max), ""),
        )
    )
    rates = {name: one.lost_rate for name, one in found.items() if one.lost_rate.value is not None}
    yield Rates("Lost, and how sure that is", "Lost, with the 95 % interval", rates)
    yield Table(
        "Outcomes",
        (Column[Tally]("", "", lambda row: row[0], tone=lambda _: Tone.FAINT), *map(_tally, found)),
        tuple(_tallies(report)),
        caption="Outcomes",
        heading="Summary",
        indent=2,
        are_facts=True,
    )
    group = (Column[Measure]("", "group", lambda row: row[1], tone=lambda _: Tone.FAINT),) if len(found) > 1 else ()
    yield Table(
        "Latency",
        (Column[Measure]("", "", lambda row: row[0]), *group, *QUANTILES),
        measures(report),
        caption="Latency and its stages",
        about=MEASURED_FROM + (WITH_START_LAG if summary.start_lag_ms.count else ""),
        heading="Delays",
        indent=2,
    )


Tally = tuple[str, dict[str, str]]
"""A label, and a text for each group."""


def _tally(group: str) -> Column[Tally]:
    return Column(group, "", lambda row: row[1][group])


def _tallies(report: DispatchReport) -> Iterator[Tally]:
    """Outcomes, loss with its 95 % interval, rescued trials, mismatches."""
    found = groups(report)
    yield "outcomes", {name: tally(summary.outcomes) for name, summary in found.items()}
    yield "lost", {name: rate(summary.lost_rate) for name, summary in found.items()}
    if not isinstance(report, WatchReport):
        yield "rescued", {name: _rescued(summary) for name, summary in found.items()}
    yield "mismatches", {name: tally(summary.mismatches) for name, summary in found.items()}


def _rescued(summary: DispatchSummary) -> str:
    """How many lost trials a second dispatch saved."""
    dropped = summary.outcomes.get(Outcome.DROPPED, 0)
    return f"{summary.rescued} of {dropped} dropped" if dropped else "none dropped"


Measure = tuple[str, str, "Quantiles"]
"""A label, whose it is, and the values."""


def _quantile(name: str, value: Callable[[Quantiles], float | None], gives_way: int = 0) -> Column[Measure]:
    return Column(name, "", lambda row: duration(value(row[2])), right=True, gives_way=gives_way)


QUANTILES = (
    Column[Measure]("n", "", lambda row: str(row[2].count), right=True, gives_way=1),
    _quantile("min", lambda values: values.min, gives_way=2),
    _quantile("p50", lambda values: values.p50),
    _quantile("p90", lambda values: values.p90),
    _quantile("p95", lambda values: values.p95),
    _quantile("p99", lambda values: values.p99),
    _quantile("max", lambda values: values.max),
)
"""The minimum gives way first where a terminal is narrow."""


def measures(report: DispatchReport) -> list[Measure]:
    """Latency, its stages, state lag; each group's row right below the other's. Empty ones are left out."""
    found = groups(report)
    seen = dict.fromkeys(stage for summary in found.values() for stage in summary.stages_ms)
    stages = sorted(seen, key=lambda stage: STAGES.index(stage) if stage in STAGES else len(STAGES))
    rows: list[Measure] = [("latency", name, summary.latency_ms) for name, summary in found.items()]
    for stage in stages:
        label = f"→ {stage.replace('_', ' ')}"
        rows += [(label, name, one.stages_ms[stage]) for name, one in found.items() if stage in one.stages_ms]
    rows += [("state lag", name, one.state_lag_ms) for name, one in found.items() if one.state_lag_ms.count]
    rows += [("start lag", name, one.start_lag_ms) for name, one in found.items() if one.start_lag_ms.count]
    return rows


def timings(report: DispatchReport) -> Timings[TrialReport]:
    late_s = report.run.options.get("delayed_after_s")
    return Timings(
        "Latency of the subject's trials",
        "agent",
        report.trials,
        lambda trial: Point(
            trial.index, trial.role, trial.started_at, trial.latency_ms, trial.outcome.value, TONE[trial.outcome]
        ),
        tuple(groups(report)),
        late_s * 1000.0 if isinstance(late_s, int | float) else None,
    )


def _warmup(report: DispatchReport) -> Aside[TrialReport]:
    trials = report.warmup
    counted = plural(len(trials), "warm-up trial")
    if len(trials) == 1:
        latency = "" if trials[0].latency_ms is None else f" in {duration(trials[0].latency_ms)}"
        told = f"{trials[0].outcome}{latency}"
    else:
        told = tally({outcome.value: sum(trial.outcome is outcome for trial in trials) for outcome in Outcome})
    table = Table(
        "Warm-up trials",
        trial_table(report).columns,
        trials,
        caption="For warming up: in no figure and no verdict",
    )
    return Aside(f"{counted}, not counted: {told}", f"{counted}, not counted", table)


# -- stories ------------------------------------------------------------------------------------------------------


def _stories(report: DispatchReport) -> Stories[TrialReport]:
    return Stories(
        report.trials,
        index=lambda trial: trial.index,
        findings=lambda trial: trial.findings,
        fails=is_failing,
        has_story=has_story,
        kinds=kinds_of,
        story=_story,
        told_at_once=TOLD_TRIALS,
    )


def _story(trial: TrialReport) -> Story:
    role = " (control)" if trial.role == "control" else ""
    mismatch = (Span(f", {trial.mismatch}", Tone.BAD),) if trial.mismatch else ()
    agent = (", agent ", Code(trial.agent_identity)) if trial.agent_identity else ()
    return Story(
        trial.index,
        f"Trial {trial.index}{role}",
        Span(OUTCOME.cell(trial), outcome_tone(trial)),
        about=(f", state {trial.state}", *mismatch),
        brief=(f"room {trial.room}" + (f", agent {trial.agent_identity}" if trial.agent_identity else ""),),
        opening=("Room ", Code(trial.room), f", began {moment(trial.started_at)} UTC", *agent, "."),
        findings=trial.findings,
        diagnosis=diagnosis(trial),
        timeline=trial.timeline,
    )


def diagnosis(trial: TrialReport) -> Diagnosis | None:
    """Causes, then what is not in the findings already."""
    found = trial.diagnosis
    if found is None:
        return None
    facts = " ".join(finding.fact for finding in trial.findings)
    hints = {finding.hint for finding in trial.findings}
    references = {finding.reference for finding in trial.findings}
    causes = [cause.value for cause in found.causes]
    pages = [cause for cause in causes if cause not in {finding.check for finding in trial.findings}]
    rows: tuple[tuple[str, Sequence[str]], ...] = (
        ("cause" if len(causes) < 2 else "causes", (", or ".join(causes) or "none can be named",)),
        ("that is", (found.statement,) if found.statement not in hints else ()),
        ("for", tuple(text for text in found.speaks_for if text not in facts)),
        ("against", found.speaks_against),
        ("would tell", found.would_tell),
        ("see", (found.reference,) if found.reference and found.reference not in references else ()),
        ("more", (more(pages[:MOST_IN_A_SENTENCE]),) if pages else ()),
    )
    return Diagnosis(
        (*causes, found.statement, *found.would_tell),
        tuple((label, tuple(texts)) for label, texts in rows if texts),
        general=frozenset(("that is", "would tell", "see", "more")),
    )
