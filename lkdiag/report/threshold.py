"""Thresholds of the user's own, `--fail-if 'p95_ms>2000'`: read, checked against the metrics, and judged."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lkdiag.contract import Verdict
from lkdiag.errors import UsageError
from lkdiag.judge.finding import Guard
from lkdiag.report.metric import METRICS, Measured, Unit
from lkdiag.report.value import Threshold
from lkdiag.scenario.option import parse_number
from lkdiag.text import hint_nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lkdiag.report.metric import Metric
    from lkdiag.report.value import Report

AnyReport = TypeVar("AnyReport", bound="Report")

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_CONDITION = re.compile(r"\s*(?P<metric>[^\s<>=!~]+)\s*(?P<operator>[<>=!~]+)\s*(?P<limit>.*?)\s*", re.DOTALL)
_EXAMPLE = "write it as METRIC>NUMBER, as in --fail-if 'lost_rate>0.01'; quoted, for the shell takes > for itself"


@dataclass(frozen=True)
class Condition:
    """What is not to be: `lost_rate > 0.01`."""

    metric: str
    operator: str
    limit: float

    def __str__(self) -> str:
        return f"{self.metric} {self.operator} {_number(self.limit)}"


def parse_conditions(texts: Sequence[str], kind: str) -> tuple[Condition, ...]:
    """Those of a run of that kind (`dispatch`, `teardown`), each once. Raises UsageError, naming what is near."""
    return tuple(dict.fromkeys(_parse(text, METRICS.get(kind, {}), kind) for text in texts))


def _parse(text: str, metrics: dict[str, Metric], kind: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise UsageError(f"--fail-if {text!r} is not a condition", _EXAMPLE)
    name, sign, number = found["metric"], found["operator"], found["limit"]
    if name not in metrics:
        raise UsageError(
            f"--fail-if {text!r}: there is no metric {name!r}{_elsewhere(name, kind)}", _near(name, metrics)
        )
    if sign not in OPERATORS:
        raise UsageError(f"--fail-if {text!r}: {sign!r} is not an operator", f"there are {' '.join(OPERATORS)}")
    try:
        limit = parse_number(number)
    except ValueError:
        raise UsageError(
            f"--fail-if {text!r}: {number!r} is not a number", _units(metrics[name].unit, number)
        ) from None
    if number.startswith("-"):
        raise UsageError(f"--fail-if {text!r}: {number} can't be a limit", "it has to be a number from 0 on")
    if metrics[name].unit is Unit.SHARE and limit > 1:
        raise UsageError(
            f"--fail-if {text!r}: {name} is a share, from 0 to 1", f"{_number(limit)} % is {_number(limit / 100)}"
        )
    return Condition(name, sign, limit)


def _elsewhere(name: str, kind: str) -> str:
    """Whether another kind of run has it."""
    others = [other for other, metrics in METRICS.items() if other != kind and name in metrics]
    return f" in a {kind} run: it is one of a {others[0]} run" if others else ""


def _near(name: str, metrics: dict[str, Metric]) -> str:
    return hint_nearest(name.lower().replace("-", "_"), metrics, f"there are {', '.join(metrics)}")


def _units(unit: Unit, text: str) -> str:
    if unit is Unit.MS:
        return "in milliseconds, without a unit: 2000 for 2 s"
    if unit is Unit.SHARE:
        return "a share from 0 to 1: 0.01 for 1 %"
    return _EXAMPLE if not text else "a count: 0, 1, 2, …"


def judged_by(report: AnyReport, conditions: Sequence[Condition]) -> AnyReport:
    """The same report with these thresholds, and a verdict and a headline that take them in.

    A threshold that is not met fails the run, as a finding does; one that can't be told makes a run that would pass
    inconclusive. Raises KeyError for a metric that `parse_conditions` would have refused.
    """
    if not conditions:
        return report
    metrics = METRICS[report.run.kind]
    guard = Guard()
    thresholds = tuple(_judge(condition, metrics[condition.metric], report, guard) for condition in conditions)
    verdict = report.verdict
    if any(threshold.ok is False for threshold in thresholds):
        verdict = Verdict.FAIL
    elif verdict is Verdict.PASS and any(threshold.ok is None for threshold in thresholds):
        verdict = Verdict.INCONCLUSIVE
    changes: dict[str, Any] = {
        "thresholds": thresholds,
        "findings": (*report.findings, *guard.crashes),
        "verdict": verdict,
        "headline": " ".join([report.headline, *_told(thresholds)]),
    }
    return replace(report, **changes)


def _judge(condition: Condition, metric: Metric, report: Report, guard: Guard) -> Threshold:
    unknown = Measured(None, "lkdiag itself failed to measure it")
    measured = guard.call(partial(metric.measure, report), unknown, f"the metric {condition.metric}")
    value = measured.value
    limit = f"the run fails if it is {condition.operator} {_number(condition.limit)}"
    if value is None:
        ok, told = None, f"{condition.metric} has no value: {measured.about}. So it can't be told; {limit}."
    else:
        ok = not OPERATORS[condition.operator](value, condition.limit)
        about = f" ({measured.about})" if measured.about else ""
        told = f"{condition.metric} is {_number(value)}{about}; {limit}."
    return Threshold(condition.metric, condition.operator, condition.limit, value, ok, told)


def _told(thresholds: Sequence[Threshold]) -> list[str]:
    """What the headline says of them."""
    said = []
    for ok, what in ((False, "not met"), (None, "can't be told")):
        alike = [threshold for threshold in thresholds if threshold.ok is ok]
        if alike:
            names = ", ".join(f"{one.metric} {one.operator} {_number(one.limit)}" for one in alike)
            said.append(f"Threshold{'s' if len(alike) > 1 else ''} {what}: {names}.")
    return said or [f"{'All thresholds are' if len(thresholds) > 1 else 'The threshold is'} met."]


def _number(value: float) -> str:
    return f"{value:.6f}".rstrip("0").rstrip(".")
