"""A failing trial's diagnosis as rows of label and texts, one owner for every format. Nothing is said twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.checks.diagnosis.value import MOST_IN_A_SENTENCE
from lkdiag.render.wording import more

if TYPE_CHECKING:
    from lkdiag.report.value import TrialReport

Told = set[tuple[str, ...]]
"""What earlier trials have said, so that it need not be repeated."""


def rows(trial: TrialReport, told: Told) -> list[tuple[str, tuple[str, ...]]]:
    """Causes, then what is not in the findings already. What an earlier trial said in the same words is left out."""
    diagnosis = trial.diagnosis
    if diagnosis is None:
        return []
    facts = " ".join(finding.fact for finding in trial.findings)
    hints = {finding.hint for finding in trial.findings}
    references = {finding.reference for finding in trial.findings}
    causes = [cause.value for cause in diagnosis.causes]
    pages = [cause for cause in causes if cause not in {finding.check for finding in trial.findings}]
    general = {
        "that is": (diagnosis.statement,) if diagnosis.statement not in hints else (),
        "would tell": diagnosis.would_tell,
        "see": (diagnosis.reference,) if diagnosis.reference and diagnosis.reference not in references else (),
        "more": (more(pages[:MOST_IN_A_SENTENCE]),) if pages else (),
    }
    key = (*causes, diagnosis.statement, *diagnosis.would_tell)
    if key in told:
        general = {}
    told.add(key)
    found = {
        "cause" if len(causes) < 2 else "causes": (", or ".join(causes) or "none can be named",),
        "that is": general.get("that is", ()),
        "for": tuple(text for text in diagnosis.speaks_for if text not in facts),
        "against": diagnosis.speaks_against,
        "would tell": general.get("would tell", ()),
        "see": general.get("see", ()),
        "more": general.get("more", ()),
    }
    return [(label, texts) for label, texts in found.items() if texts]
