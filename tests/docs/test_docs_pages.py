"""What README, every page and every `--help` tell users to type is what lkdiag understands; and their links hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.command_lines import command_names, commands_in, commands_of, options, problem_of, whole

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
}
README = PAGES["README.md"]
OTHERS = {"--dev", "--upgrade", "--locked"}
"""Options of other programs that the pages speak of."""
OF_THE_SERVER = {"LIVEKIT_CONFIG"}
"""What lkdiag gives to the livekit-server that it starts."""
VARIABLE = re.compile(r"\b(?:LKDIAG|LIVEKIT)_[A-Z][A-Z_]+\b")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def examples() -> list[tuple[str, str]]:
    """Each command's epilog, without its markup."""
    root = whole()
    nested = [sub for command in root.commands.values() for sub in getattr(command, "commands", {}).values()]
    plain = re.compile(r"\[/?(?:bold|dim)?\]")
    return [(c.name, plain.sub("", c.epilog or "")) for c in (root, *root.commands.values(), *nested) if not c.hidden]


def anchors(page: str) -> set[str]:
    """Of each heading, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCED.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_command_line_of_a_page_is_understood(name: str) -> None:
    problems = {" ".join(arguments): problem_of(arguments) for arguments in commands_in(PAGES[name])}
    assert {line: problem for line, problem in problems.items() if problem} == {}


def test_the_pages_have_command_lines() -> None:
    assert len(commands_in(README)) > 20
    assert sum(len(commands_in(text)) for text in PAGES.values()) > 250


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


@pytest.mark.parametrize("name", PAGES)
def test_every_option_that_a_page_mentions_exists(name: str) -> None:
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", COMMENT.sub("", PAGES[name])))
    assert mentioned - options() - OTHERS == set()


def test_every_command_is_in_the_table_of_the_readme() -> None:
    assert [name for name in command_names() if f"`lkdiag {name}" not in README] == []


def test_the_habits_are_mentioned() -> None:
    page = PAGES["docs/guides/command-line.md"]
    for word in ("`lkdiag --version`", "`python -m lkdiag`", "`-q`", "`-v`", "`NO_COLOR`", "--install-completion"):
        assert word in page


def test_variables_of_the_pages_are_those_of_the_code_and_of_the_help() -> None:
    code = {name for path in (ROOT / "lkdiag").rglob("*.py") for name in VARIABLE.findall(path.read_text())}
    helped = {name for _, epilog in examples() for name in VARIABLE.findall(epilog)}
    assert {name for text in PAGES.values() for name in VARIABLE.findall(text)} == code - OF_THE_SERVER == helped
    assert set(VARIABLE.findall(PAGES["docs/guides/command-line.md"])) == helped


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCED.sub("", PAGES[name])):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        assert file.resolve().is_relative_to(ROOT)
        assert file.is_file(), target
        assert not anchor or anchor in anchors(file.read_text(encoding="utf-8")), target


def test_the_files_that_a_page_names_are_there() -> None:
    named = {
        path
        for text in PAGES.values()
        for path in re.findall(r"`((?:examples|lkdiag|tests|docs)/[\w./-]+\.\w+)`", text)
    }
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
    assert len({path for path in named if path.startswith("examples/")}) == len(list((ROOT / "examples").iterdir()))


def test_the_site_lists_every_page_but_those_of_a_finding() -> None:
    listed = set(re.findall(r'= "([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text()))
    pages = {name.removeprefix("docs/") for name in PAGES if name.startswith("docs/")}
    assert listed == {page for page in pages if not page.startswith(("failures/", "causes/"))}
