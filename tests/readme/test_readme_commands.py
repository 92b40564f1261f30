"""What README and the pages tell users to type is what lkdiag understands; what lkdiag has, README mentions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lkdiag.pages import read_pages

from .command_lines import command_names, commands_in, commands_of, options, problem_of, whole

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
OTHERS = {"--dev", "--upgrade"}
"""Options of other programs that the text speaks of."""
OF_THE_SERVER = {"LIVEKIT_CONFIG"}
"""What lkdiag gives to the livekit-server that it starts."""
VARIABLE = re.compile(r"\b(?:LKDIAG|LIVEKIT)_[A-Z][A-Z_]+\b")


def examples() -> list[tuple[str, str]]:
    """Each command's epilog, without its markup."""
    root = whole()
    nested = [sub for command in root.commands.values() for sub in getattr(command, "commands", {}).values()]
    plain = re.compile(r"\[/?(?:bold|dim)?\]")
    return [(c.name, plain.sub("", c.epilog or "")) for c in (root, *root.commands.values(), *nested) if not c.hidden]


@pytest.mark.parametrize("arguments", commands_in(README), ids=" ".join)
def test_every_command_line_of_the_readme_is_understood(arguments: list[str]) -> None:
    assert problem_of(arguments) == ""


def test_every_command_line_of_the_pages_is_understood() -> None:
    shown = [arguments for page in read_pages() for arguments in commands_in(page.text)]
    assert len(shown) > 50
    assert [problem for arguments in shown if (problem := problem_of(arguments))] == []


@pytest.mark.parametrize(("name", "epilog"), examples(), ids=[name for name, _ in examples()])
def test_every_example_of_the_help_is_understood(name: str, epilog: str) -> None:
    lines = [line.partition(" – ")[0] for line in epilog.splitlines() if line.startswith("lkdiag ")]
    found = [arguments for line in lines for arguments in commands_of(line)]
    assert found, f"{name} has no example"
    assert [problem for arguments in found if (problem := problem_of(arguments))] == []


def test_a_mistake_is_found() -> None:
    assert "--cuont" in problem_of(["dispatch-trial", "--cuont", "3"])
    assert "room-made" in problem_of(["dispatch-trial", "--method", "room-made"])
    assert problem_of(["dispatch-trail"])
    assert problem_of(["run", "no-wroker"])
    assert problem_of(["explain", "no-wroker"])
    assert problem_of(["worker", "--behaviour", "ghost"])
    assert problem_of(["report", "--last", "--fail-if", "p95>1"])
    assert problem_of(["dispatch-trial", "--fault", "gohst=0.2"])


def test_every_option_that_the_text_mentions_exists() -> None:
    for text in (README, *(page.text for page in read_pages())):
        mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        assert mentioned - options() - OTHERS == set()


def test_every_command_is_mentioned() -> None:
    assert [name for name in command_names() if f"`lkdiag {name}" not in README] == []


def test_the_habits_are_mentioned() -> None:
    for word in ("`lkdiag --version`", "`python -m lkdiag`", "`-q`", "`-v`", "`NO_COLOR`", "--install-completion"):
        assert word in README


def test_variables_of_the_readme_are_those_of_the_code_and_of_the_help() -> None:
    code = {name for path in (ROOT / "lkdiag").rglob("*.py") for name in VARIABLE.findall(path.read_text())}
    helped = {name for _, epilog in examples() for name in VARIABLE.findall(epilog)}
    assert set(VARIABLE.findall(README)) == code - OF_THE_SERVER == helped


def test_every_link_within_the_readme_leads_somewhere() -> None:
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            assert target.removeprefix("#") in anchors
        elif not target.startswith("https://"):
            assert (ROOT / target).exists()
