"""`lkdiag scenarios`: the list, one to copy, the schema; what is wrong is told as everywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from lkdiag.cli.scenarios import scenarios
from lkdiag.errors import UsageError
from lkdiag.scenario.file import builtin_folder, builtin_names

if TYPE_CHECKING:
    from typer.testing import Result


def run(*arguments: str) -> Result:
    return CliRunner().invoke(scenarios, arguments)


def test_a_line_each_and_never_cut() -> None:
    done = run()
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert sorted(line.split()[0] for line in lines) == list(builtin_names())
    for line in lines:
        name = line.split()[0]
        raw = tomllib.loads((builtin_folder() / f"{name}.toml").read_text())
        assert line.endswith(f"  {raw['title']}")
        assert raw.get("failure", "") in line


def test_as_json() -> None:
    parsed = json.loads(run("--format", "json").stdout)
    assert parsed["schema"] == "lkdiag.scenarios/1"
    assert sorted(one["name"] for one in parsed["scenarios"]) == list(builtin_names())
    assert parsed["scenarios"][0] == {
        "name": "dispatch-trial",
        "kind": "dispatch",
        "failure": None,
        "title": "Room after room with an agent dispatch: does the agent come?",
        "report": "https://github.com/livekit/agents-js/issues/1211",
    }


@pytest.mark.parametrize("name", builtin_names())
def test_show_prints_the_file_as_it_is(name: str) -> None:
    assert run("show", name).stdout == (builtin_folder() / f"{name}.toml").read_text()


def test_show_takes_the_files_name_too() -> None:
    assert run("show", "silent-drop.toml").stdout == run("show", "silent-drop").stdout


def test_show_of_what_is_not_there() -> None:
    error = run("show", "silent-drp").exception
    assert isinstance(error, UsageError)
    assert error.message == 'there is no scenario "silent-drp": did you mean silent-drop?'


def test_schema() -> None:
    assert run("schema").stdout == (builtin_folder() / "scenario.schema.json").read_text()


def test_it_starts_without_livekit() -> None:
    code = (
        "import sys; from lkdiag.cli.scenarios import scenarios; scenarios([], standalone_mode=False); "
        "assert not [name for name in sys.modules if name.partition('.')[0] in ('livekit', 'aiohttp', 'msgspec')]"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert b"silent-drop" in done.stdout
