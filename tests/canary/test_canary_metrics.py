"""The metrics, and the examples that rest on them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from lkdiag.canary.metrics import Metrics
from lkdiag.canary.run import OwnRooms
from lkdiag.journal.event import Event
from lkdiag.scenario.dispatch import DispatchScenario

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = EXAMPLES / "prometheus-rules.yml"
PARTS = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"], "info": ["_info"], "gauge": [""]}
OF_THE_SCRAPE = {"job", "instance", "le"}


def metrics(**settings: Any) -> Metrics:
    return Metrics(DispatchScenario(**settings), 60.0, OwnRooms())


def text(of: Metrics) -> str:
    return generate_latest(of.registry).decode()


def called(method: str, **data: Any) -> Event:
    return Event(0, "api.called", 0, 0, 1, {"method": method, "ok": False, **data})


def samples(of: Metrics, name: str) -> list[dict[str, str]]:
    return [
        sample.labels
        for family in text_string_to_metric_families(text(of))
        for sample in family.samples
        if sample.name == name
    ]


def test_every_outcome_of_every_role_is_there_from_the_beginning() -> None:
    """An increase from nothing to one is none for Prometheus."""
    found = samples(metrics(agent_name="my-agent", control=True), "lkdiag_trials_total")
    assert {(labels["agent_name"], labels["role"]) for labels in found} == {
        ("my-agent", "subject"),
        ("lkdiag-probe", "control"),
    }
    assert len(found) == 10


def test_late_begins_at_the_edge_of_a_bucket() -> None:
    assert {"2.5", "17.0"} <= {
        labels["le"]
        for labels in samples(metrics(delayed_after_s=2.5, timeout_s=17.0), "lkdiag_delivery_latency_seconds_bucket")
    }


def test_words_of_the_server_make_no_series() -> None:
    own = metrics()
    for number in range(100):
        own.note(called("CreateRoom", code=f"made_up_{number}"))
    own.note(called("CreateRoom", failure="throttled"))
    own.note(called("CreateRoom", failure="refused", code="unavailable"))
    own.note(called("CreateRoom", code="cancelled"))
    assert {labels["code"] for labels in samples(own, "lkdiag_api_call_failures_total")} == {
        "other",
        "throttled",
        "unavailable",
    }


def test_up_is_what_the_last_call_said() -> None:
    own = metrics()
    own.note(called("CreateRoom", failure="unanswered"))
    assert "\nlkdiag_project_up 0.0\n" in text(own)
    own.note(called("CreateRoom", code="internal"))
    assert "\nlkdiag_project_up 1.0\n" in text(own)


def test_an_agent_name_can_say_what_it_likes() -> None:
    name = 'a"b\\c\nlkdiag_project_up 7'
    found = samples(metrics(agent_name=name), "lkdiag_trials_total")
    assert {labels["agent_name"] for labels in found} == {name}


def known() -> dict[str, set[str] | None]:
    """Every metric as it stands in a query, with its labels; None where there are none, or no series yet."""
    found: dict[str, set[str] | None] = {}
    own = metrics(agent_name="a", control=True)
    own.note(called("CreateRoom", code="internal"))
    for family in own.registry.collect():
        for part in PARTS[family.type]:
            labels = {label for sample in family.samples for label in sample.labels}
            found[family.name + part] = labels or None
    return found


def queries() -> Iterator[str]:
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    dashboard = json.loads((EXAMPLES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (entry["query"]["query"] for entry in dashboard["templating"]["list"] if entry["type"] == "query")


def test_examples_ask_for_what_there_is() -> None:
    there = known()
    asked = set()
    for query in queries():
        for name, selector in re.findall(r"\b(lkdiag_\w+)(?:\{([^}]*)\})?", query):
            assert name in there, query
            asked.add(name)
            labels = there[name]
            used = set(re.findall(r"(\w+)\s*[=!]~?", selector)) - OF_THE_SCRAPE
            assert labels is None or used <= labels, query
    assert len(asked) > 8


def test_alerts_say_how_bad_they_are() -> None:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    alerts = [rule for rule in group["rules"] if "alert" in rule]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool comes with Prometheus")
@pytest.mark.parametrize(
    "words",
    [["check", "rules", str(RULES)], ["test", "rules", str(Path(__file__).parent / "prometheus-rules.test.yml")]],
    ids=lambda words: words[0],
)
def test_promtool(words: list[str]) -> None:
    done = subprocess.run(["promtool", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
