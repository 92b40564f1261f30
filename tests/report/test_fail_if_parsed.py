"""What may stand behind --fail-if, and what is said of everything else."""

from __future__ import annotations

import pytest

from lkdiag.errors import UsageError
from lkdiag.report.metric import METRICS
from lkdiag.report.threshold import Condition, parse_conditions

GOOD = {
    "lost_rate>0.01": Condition("lost_rate", ">", 0.01),
    "p95_ms >= 2000": Condition("p95_ms", ">=", 2000),
    " leftover_rooms>0 ": Condition("leftover_rooms", ">", 0),
    "trials<20": Condition("trials", "<", 20),
    "delivered!=20": Condition("delivered", "!=", 20),
    "false_running==1e0": Condition("false_running", "==", 1),
    "state_lag_p95_ms<=.5": Condition("state_lag_p95_ms", "<=", 0.5),
}
BAD = {
    "": ("is not a condition", "METRIC>NUMBER"),
    "lost_rate": ("is not a condition", "quoted"),
    ">0.01": ("is not a condition", "METRIC>NUMBER"),
    "lost_rat>0.01": ("there is no metric 'lost_rat'", "did you mean lost_rate?"),
    "P95-ms>1": ("there is no metric 'P95-ms'", "did you mean p95_ms?"),
    "closed>0": ("there is no metric 'closed' in a dispatch run: it is one of a teardown run", "lost_rate, "),
    "nonsense>0": ("there is no metric 'nonsense'", "there are lost_rate, delivered"),
    "lost_rate=0.01": ("'=' is not an operator", "> >= < <= == !="),
    "lost_rate=>0.01": ("'=>' is not an operator", "> >="),
    "lost_rate>": ("'' is not a number", "0.01 for 1 %"),
    "lost_rate>1%": ("'1%' is not a number", "0.01 for 1 %"),
    "lost_rate>5": ("lost_rate is a share, from 0 to 1", "5 % is 0.05"),
    "p95_ms>2s": ("'2s' is not a number", "2000 for 2 s"),
    "dropped>few": ("'few' is not a number", "a count"),
    "dropped>nan": ("'nan' is not a number", "a count"),
    "dropped>inf": ("'inf' is not a number", "a count"),
    "dropped>1e999": ("'1e999' is not a number", "a count"),
    "dropped>1_000": ("'1_000' is not a number", "a count"),
    "dropped>+5": ("'+5' is not a number", "a count"),
    "dropped>٢": ("'٢' is not a number", "a count"),
    "dropped>２": ("'２' is not a number", "a count"),
    "dropped>-0": ("-0 can't be a limit", "from 0 on"),
    "dropped<-1": ("-1 can't be a limit", "from 0 on"),
    "lost_rate>0.01 p95_ms>2": ("'0.01 p95_ms>2' is not a number", "0.01 for 1 %"),
    "\x1b[31m>0": ("there is no metric '\\x1b[31m'", "there are"),
}


@pytest.mark.parametrize(("text", "condition"), GOOD.items())
def test_read(text: str, condition: Condition) -> None:
    assert parse_conditions([text], "dispatch") == (condition,)


@pytest.mark.parametrize(("text", "said"), BAD.items())
def test_refused(text: str, said: tuple[str, str]) -> None:
    with pytest.raises(UsageError) as refused:
        parse_conditions(["trials<1", text], "dispatch")
    assert refused.value.exit_code == 2
    assert said[0] in refused.value.message
    assert said[1] in refused.value.hint
    assert "\x1b" not in refused.value.message


def test_said_twice_is_judged_once_and_the_order_stays() -> None:
    found = parse_conditions(["trials<3", "dropped>0", "trials < 3.0"], "dispatch")
    assert [condition.metric for condition in found] == ["trials", "dropped"]


def test_none() -> None:
    assert parse_conditions([], "dispatch") == ()


@pytest.mark.parametrize("kind", METRICS)
def test_every_metric_can_be_named_and_says_what_it_is(kind: str) -> None:
    for name, metric in METRICS[kind].items():
        assert parse_conditions([f"{name}>0"], kind) == (Condition(name, ">", 0),)
        assert metric.meaning
        assert name == name.lower()
