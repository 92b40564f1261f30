"""A real run's report, pasted into a plain Markdown renderer, answers what maintainers ask reporters for."""

from __future__ import annotations

import asyncio
import html
import json
import os
import re
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from lkdiag.document.build import document_of
from lkdiag.render import markdown as writer

from . import sample_reports

if TYPE_CHECKING:
    from pathlib import Path

    from lkdiag.report.value import Report
    from lkdiag.server.binary import ServerBinary

FAULTS = "silent=0.1,ghost=0.1,slow:3s=0.1"
COMMAND = f"dispatch-trial --local --count 40 --fault {FAULTS} --seed 4 -c 8 --timeout 5 -q"

QUESTIONS = {
    "Cloud or self-hosted": r"server LiveKit \S+ · self-hosted ·",
    "server version": r"server LiveKit 1\.\d+\.\d+",
    "SDK versions": r"SDK \(lkdiag's\) livekit \d\S+, livekit-api \d\S+, livekit-protocol \d",
    "OS": r"OS \S+",
    "Python": r"Python 3\.\d+\.\d+",
    "region": r"· no region given ·",
    "node": r"· node N[A-Z]_\w+",
    "same or new room name": r"a room of a new name for each",
    "what was done": r"40 trials of lkdiag's probe by create-room",
    "what was broken on purpose": r"misbehaved on purpose, by --fault: silent=0\.1, ghost=0\.1, slow:3s=0\.1",
    "how often": r"Lost: 4 of 40 = 10 %",
    "how late": r"half came within \d+ ms of the room's creation",
    "first kind": r"no agent came in time \(dropped\)",
    "second kind": r"listDispatch says RUNNING, but no agent is there \(false-running\)",
    "third kind": r"the agent came late \(delayed\)",
    "cause": r"Cause: worker-silent",
    "logs": r"Logs The worker is lkdiag's own",
    "everything else": r"as one file to attach: lkdiag bundle \d{8}-\d{6}-[0-9a-f]{4}",
    "smallest example": r"Smallest example The command below",
    "how to repeat it": rf"Run it again lkdiag {re.escape(COMMAND)}",
}


def render(report: Report) -> str:
    return writer.render(document_of(report))


def shown(markdown: str) -> str:
    """What a reader sees of it, on one line."""
    page = MarkdownIt("commonmark").enable("table").render(markdown)
    page = re.sub(r"<!--.*?-->|</?(?:code|strong|a)\b[^>]*>", "", page)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture(scope="module")
def written(server_binary: ServerBinary, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any]]:
    """The report of a run with three kinds of failure: as Markdown, and what it should have in it, as JSON."""
    folder = tmp_path_factory.mktemp("issue")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "LKDIAG_RUNS_DIR": str(folder / "runs"),
        "LKDIAG_SERVER_BINARY": str(server_binary.path),
    }

    async def lkdiag(*words: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "lkdiag", *words, cwd=folder, env=environment
        )
        assert await process.wait() == 1

    with asyncio.Runner() as runner:
        runner.run(lkdiag(*COMMAND.split(), "--format", "markdown", "-o", "report.md"))
        runner.run(lkdiag("report", "--last", "-o", "report.json"))
    report = json.loads(_text(folder / "report.json"))
    assert report["summary"]["outcomes"]["inconclusive"] == 0, "inconclusive: a busy machine held lkdiag up"
    return _text(folder / "report.md"), report


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.server
@pytest.mark.xdist_group("written")
class TestRealRun:
    @pytest.mark.parametrize("question", QUESTIONS)
    def test_it_answers(self, question: str, written: tuple[str, dict[str, Any]]) -> None:
        assert re.search(QUESTIONS[question], shown(written[0])), shown(written[0])[:4000]

    def test_every_trial_has_its_time_in_utc_and_all_of_its_ids(self, written: tuple[str, dict[str, Any]]) -> None:
        markdown, report = written
        assert len(report["trials"]) == 40
        for trial in report["trials"]:
            (row,) = (line for line in markdown.splitlines() if line.startswith(f"| {trial['index']} |"))
            assert trial["started_at"].replace("T", " ").removesuffix("Z") in row
            ids = [trial[name] for name in ("room", "room_sid", "dispatch_id", "job_id", "worker_id")]
            ids += [trial["fallback_dispatch_id"], *trial["participant_ids"].values()]
            assert all(value in row for value in ids if value)
            prefixes = {prefix for prefix in ("RM_", "AD_", "AJ_", "PA_") if prefix in row}
            assert prefixes == {"RM_", "AD_", "AJ_", "PA_"}, "the agent that came, or that the fallback brought"

    def test_every_failing_trial_has_its_timeline_folded(self, written: tuple[str, dict[str, Any]]) -> None:
        markdown, report = written
        failing = [trial["index"] for trial in report["trials"] if trial["outcome"] != "delivered"]
        assert len(failing) == 6
        for index in failing:
            story = markdown.split(f"<details><summary>Trial {index}: ")[1].split("</details>")[0]
            assert "```text\n  +0.000 s  lkdiag" in story

    def test_it_fits_an_issue_with_nothing_left_out(self, written: tuple[str, dict[str, Any]]) -> None:
        assert len(written[0]) < 65_536
        assert "Left out" not in written[0]


def test_the_agent_s_own_sdk_is_named_where_its_log_says_it() -> None:
    report = sample_reports.failing()
    assert "SDK (the agent's) not visible from outside" in shown(render(report))
    named = replace(report.environment, agent_sdk=("livekit-agents 1.8.9", "livekit 1.1.21"))
    told = shown(render(replace(report, environment=named)))
    assert "SDK (the agent's) livekit-agents 1.8.9, livekit 1.1.21, by its own log" in told


def test_the_settings_read_as_the_options_do() -> None:
    told = shown(render(sample_reports.failing()))
    assert "options count 40 · method create-room · agent-name inbound-agent · timeout 20 s · delayed-after 2 s" in told
