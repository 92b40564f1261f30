"""The report as JSON: the contract's names, and everything in it."""

from __future__ import annotations

import dataclasses
import json as reader
from typing import Any

import pytest

from lkdiag.render import json

from . import sample_reports
from .sample_reports import HOSTILE_AGENT, SAMPLES, an_id

QUANTILES = ["count", "min", "p50", "p90", "p95", "p99", "max"]


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = reader.loads(json.render(SAMPLES[name]()))
    return found


def test_the_names_are_the_contract() -> None:
    report = read("failing")
    assert list(report) == [
        "schema",
        "run",
        "environment",
        "verdict",
        "headline",
        "expectation",
        "thresholds",
        "summary",
        "control",
        "trials",
        "not_begun",
        "warmup",
        "leftover_rooms",
        "findings",
        "health",
        "notes",
    ]
    assert report["schema"] == "lkdiag.report/1"
    assert {
        "id",
        "command",
        "scenario",
        "started_at",
        "finished_at",
        "interrupted",
        "lkdiag_version",
    } <= set(report["run"])
    assert {"server", "project_host", "sdk", "python", "os"} <= set(report["environment"])
    assert list(report["environment"]["server"]) == ["version", "edition", "region", "node_id"]
    assert list(report["environment"]["sdk"]) == ["livekit", "livekit-api", "livekit-protocol"]
    summary = report["summary"]
    assert {"trials", "outcomes", "mismatches", "latency_ms", "lost_rate", "rescued"} <= set(summary)
    assert list(summary["latency_ms"]) == QUANTILES
    assert {"value", "low", "high"} <= set(summary["lost_rate"])
    assert {
        "index",
        "room",
        "room_sid",
        "dispatch_id",
        "job_id",
        "worker_id",
        "method",
        "role",
        "outcome",
        "state",
        "mismatch",
        "latency_ms",
        "stages_ms",
        "state_lag_ms",
        "fallback",
        "findings",
    } <= set(report["trials"][0])
    assert list(report["leftover_rooms"][0]) == ["name", "sid", "created_at", "participants", "still_there"]


def test_verdicts_are_their_words() -> None:
    report = read("failing")
    trial = report["trials"][8]
    assert report["verdict"] == "fail"
    assert (trial["outcome"], trial["state"], trial["mismatch"], trial["fallback"]) == (
        "dropped",
        "running",
        "false-running",
        "lost",
    )
    assert trial["findings"][0]["severity"] == "fail"


@pytest.mark.parametrize("name", SAMPLES)
def test_everything_is_in_it(name: str) -> None:
    report = dataclasses.asdict(SAMPLES[name]())
    assert read(name) == reader.loads(reader.dumps(report))


def test_fields_stand_in_the_order_of_the_dataclasses() -> None:
    report = sample_reports.failing()
    trial = read("failing")["trials"][0]
    assert list(trial) == [field.name for field in dataclasses.fields(report.trials[0])]


def test_hostile_text_is_escaped_and_comes_back() -> None:
    text = json.render(sample_reports.hostile())
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "räume/日本語/🙂" in text
    assert reader.loads(text)["environment"]["subject"] == HOSTILE_AGENT


def test_two_blanks_of_indentation_and_a_newline_at_the_end() -> None:
    text = json.render(sample_reports.empty())
    assert text.startswith('{\n  "schema": "lkdiag.report/1",\n  "run": {\n    "id": "7f3k2m",\n')
    assert text.endswith("\n}\n")


def test_ids_are_whole() -> None:
    assert an_id("RM", 40) in json.render(sample_reports.failing())
