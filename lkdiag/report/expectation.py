"""Did the scenario do what its file expects? That is no verdict: a failure that is reproduced is still a failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lkdiag.report.teardown_value import TeardownTrial
from lkdiag.report.value import Expectation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lkdiag.report.value import TrialReport

KEYS = ("outcome", "state", "mismatch", "fallback", "cause")
NONE = "none"
"""How a file says that there is to be no mismatch."""


@dataclass(frozen=True)
class Seen:
    """What became of a trial, in the words of a scenario's file. Keys that it has no word for are left out."""

    index: int
    words: Mapping[str, tuple[str, ...]]
    """Each of KEYS; `cause` may have more than one."""
    findings: tuple[str, ...]


def seen_of(trial: TrialReport | TeardownTrial) -> Seen:
    """Of a dispatch trial or a call, from its report."""
    found = tuple(finding.check for finding in trial.findings)
    if isinstance(trial, TeardownTrial):
        return Seen(trial.index, {"outcome": (trial.outcome.value,)}, found)
    words: dict[str, tuple[str, ...]] = {
        "outcome": (trial.outcome.value,),
        "state": (trial.state.value,),
        "mismatch": () if trial.mismatch is None else (trial.mismatch.value,),
        "fallback": (trial.fallback.value,),
        "cause": () if trial.diagnosis is None else tuple(cause.value for cause in trial.diagnosis.causes),
    }
    return Seen(trial.index, words, found)


def judge_expectation(
    expect: Mapping[str, Any] | None, seen: Iterable[Seen], *, interrupted: bool
) -> Expectation | None:
    """None where the scenario expects nothing. In an `interrupted` run the trials that were cut short don't count."""
    if not expect:
        return None
    trials, differing, first = 0, [], ""
    for trial in seen:
        if interrupted and "inconclusive" in trial.words["outcome"]:
            continue
        trials += 1
        differs = difference(expect, trial)
        if differs:
            differing.append(trial.index)
            first = first or f"trial {trial.index}: {differs}"
    alike = trials - len(differing)
    some = expect.get("of") == "some"
    met = trials > 0 and (alike > 0 if some else not differing)
    if not trials:
        told = "There is no trial to compare with what the scenario expects."
    elif met:
        told = f"As the scenario expects, in {alike} of {trials} trials{' (one is enough)' if some else ''}."
    else:
        told = f"Not as the scenario expects in {len(differing)} of {trials} trials; {first}."
    return Expectation(dict(expect), met, trials, tuple(differing), told)


def difference(expect: Mapping[str, Any], trial: Seen) -> str:
    """How a trial differs from what is expected, in a few words; empty where it does not."""
    for key in KEYS:
        wanted = _listed(expect.get(key))
        got = trial.words.get(key, ())
        if not wanted:
            continue
        if wanted == (NONE,) and not got:
            continue
        if not set(got) & set(wanted) and not (NONE in wanted and not got):
            return f"{key} is {', '.join(got) or NONE}, expected was {' or '.join(wanted)}"
    missing = [check for check in _listed(expect.get("findings")) if check not in trial.findings]
    return f"no finding {', '.join(missing)}" if missing else ""


def _listed(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
