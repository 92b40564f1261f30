"""The GitHub Actions example: it is YAML, each of its commands is one of lkdiag's, and they do what it says."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
import typer
import yaml

from lkdiag.cli.app import COMMANDS, app
from lkdiag.report.threshold import parse_conditions

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer

FILE = Path(__file__).parents[2] / "examples" / "github-actions.yml"
SECRETS = {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"}


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def steps(workflow: dict[Any, Any]) -> list[dict[str, Any]]:
    return list(workflow["jobs"]["dispatch"]["steps"])


def commands(workflow: dict[Any, Any]) -> list[list[str]]:
    """Every call of lkdiag, its variables filled in as the shell would."""
    scripts = "\n".join(step.get("run", "") for step in steps(workflow))
    for name, value in workflow["env"].items():
        scripts = scripts.replace(f'"${name}"', value).replace(f"${name}", _quoted(value))
    return [shlex.split(line.partition("||")[0]) for line in scripts.splitlines() if line.strip().startswith("lkdiag ")]


def _quoted(value: str) -> str:
    """Its words, each as one whatever is in it."""
    return shlex.join(value.split())


def test_it_is_a_workflow(workflow: dict[Any, Any]) -> None:
    assert {"name", True, "env", "jobs", "permissions"} <= set(workflow), "YAML reads `on` as true"
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step)


def test_its_commands_exist_with_all_their_options(workflow: dict[Any, Any]) -> None:
    known = typer.main.get_command(app)
    called = commands(workflow)
    assert [words[1] for words in called] == ["dispatch-trial", "report"]
    for _, name, *words in called:
        command = COMMANDS[name].load(name)
        with command.make_context(name, words, parent=typer.Context(known)) as context:
            assert parse_conditions(context.params["fail_if"], "dispatch")


def test_both_judge_by_the_same_thresholds(workflow: dict[Any, Any]) -> None:
    first, second = ([word for word in words if word.startswith("--fail-if")] for words in commands(workflow))
    assert first == second
    assert len(first) == 3


def test_secrets_reach_the_one_step_that_needs_them_and_the_run_is_masked(workflow: dict[Any, Any]) -> None:
    assert [set(step.get("env", ())) & SECRETS for step in steps(workflow) if "run" in step] == [set(), SECRETS, set()]
    assert all("--redact" in words for words in commands(workflow))
    kept = steps(workflow)[-1]["with"]["path"].split()
    assert kept == ["report.md", "junit.xml"]


def test_reports_are_kept_when_the_trials_fail(workflow: dict[Any, Any]) -> None:
    assert [step.get("if", "") for step in steps(workflow)[-2:]] == ["${{ !cancelled() }}"] * 2


@pytest.mark.server
async def test_it_runs(workflow: dict[Any, Any], private_server: PrivateServer, tmp_path: Path) -> None:
    """Against a project without that agent: the job fails, and both reports and the summary are there."""
    summary = tmp_path / "summary.md"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "GITHUB_STEP_SUMMARY": str(summary),
        **workflow["env"],
        "TRIALS": "1",
    }
    secrets = {
        "LIVEKIT_URL": private_server.url,
        "LIVEKIT_API_KEY": private_server.api_key,
        "LIVEKIT_API_SECRET": private_server.api_secret,
    }
    codes = []
    for step in steps(workflow):
        script = step.get("run", "").replace("--control", "--timeout 1s --delayed-after 1s --no-fallback")
        if "lkdiag " not in script or "pipx" in script:
            continue
        process = await asyncio.create_subprocess_exec(
            "bash", "-e", "-c", f'lkdiag() {{ "{sys.executable}" -m lkdiag "$@"; }}\n{script}',
            env={**environment, **(secrets if step.get("env") else {})},
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, said = await process.communicate()
        codes.append(process.returncode)
        assert b"error:" not in said, said.decode()
    assert codes == [1, 0]
    report = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert report.startswith("## lkdiag dispatch-trial: ✗ FAIL")
    assert "✗ lost_rate is 1 " in report
    assert summary.read_text(encoding="utf-8") == report
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    assert suite.attrib["failures"] != "0"
    assert not [text for text in (report, suite.attrib["name"]) if private_server.api_secret in text]
