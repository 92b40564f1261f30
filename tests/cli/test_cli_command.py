"""A command's function gets objects; typer gets a parameter for each option of theirs."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import pytest
import typer

from lkdiag.cli.app import COMMANDS, OWN, Entry
from lkdiag.cli.command import Only, flat, options_taken
from lkdiag.cli.options import ProjectOptions, ServerOptions
from lkdiag.errors import UsageError
from lkdiag.scenario.option import Option, Options


class Door(StrEnum):
    """A door; one of them is for files only."""

    FRONT = "front"
    BACK = "back"
    LATER = "later"


@dataclass(frozen=True)
class Inner(Options):
    """A group in a group."""

    loud: Annotated[bool, Option("Loudly.", panel="How", short="-l")] = False
    bell: Annotated[bool, Option("Ring, too.", panel="How")] = True


@dataclass(frozen=True)
class Knock(Options):
    """A group."""

    count: Annotated[int, Option("Knocks.", least=1)] = 3
    pause_s: Annotated[float | None, Option("Between two.", above=0, default="none at all")] = None
    inner: Inner = Inner()
    door: Annotated[Door, Option("Which.", not_on_command_line=(Door.LATER,))] = Door.FRONT
    words: Annotated[tuple[str, ...], Option("What to say.", key="say")] = ()
    note: Annotated[str, Option("In a file.", in_file_only=True)] = ""


def called(command: Any, *arguments: str) -> Any:
    """What the command's function was called with."""
    seen: list[Any] = []
    app = typer.Typer(add_completion=False)
    app.command()(flat(command(seen)))
    app(list(arguments), standalone_mode=False)
    return seen


def knock(seen: list[Any]) -> Any:
    """The command."""

    def run(
        *, who: Annotated[str, typer.Argument()], what: Knock, twice: Annotated[bool, Option("Again.")] = False
    ) -> None:
        seen.extend((who, what, twice))

    return run


def test_defaults_are_the_declared_ones() -> None:
    who, what, twice = called(knock, "me")
    assert (who, what, twice) == ("me", Knock(), False)
    assert set(what.given) == {"inner"}


def test_what_is_given_arrives() -> None:
    _, what, twice = called(
        knock, "me", "--count", "3", "--pause", "250ms", "-l", "--no-bell", "--door", "back", "--say", "a",
        "--say", "a", "--twice",
    )  # fmt: skip
    assert what == Knock(3, 0.25, Inner(loud=True, bell=False), Door.BACK, ("a", "a"))
    assert what.given["count"] == 3, "a default that was given was given"
    assert twice


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "--count is 0"),
        (["--count", "１"], "--count: '１' is not a whole number"),
        (["--pause", "long"], "--pause: 'long' is not a duration"),
        (["--pause", "0"], "--pause is 0 s"),
    ],
)
def test_errors_name_the_option(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        called(knock, "me", *words)
    assert refused.value.message == message


@pytest.mark.parametrize("words", [["--door", "later"], ["--note", "x"]])
def test_what_is_for_files_only_is_refused(words: list[str]) -> None:
    with pytest.raises(typer.BadParameter.__mro__[2]):  # click's ClickException
        called(knock, "me", *words)


def test_only_some_of_a_group() -> None:
    def some(what: Annotated[Knock, Only("count")]) -> None: ...

    def mistyped(what: Annotated[Knock, Only("cuont")]) -> None: ...

    assert [one.key for one in options_taken(some)] == ["count"]
    with pytest.raises(AssertionError, match="cuont"):
        flat(mistyped)


def test_no_repr_has_credentials() -> None:
    server = ServerOptions(project=ProjectOptions(url="wss://HUSH", api_key="HUSH", api_secret="HUSH"))
    assert "HUSH" not in repr(server)


def test_help_and_defaults_in_words() -> None:
    parameters = inspect.signature(flat(knock([]))).parameters
    infos = {name: one.annotation.__metadata__[0] for name, one in parameters.items() if name != "context_"}
    assert infos["pause_s"].help == r"Between two. \[default: none at all]"
    assert infos["words"].help == "What to say; may be repeated."
    # typer's first argument is a default, unless it stands in an annotation
    assert (infos["bell"].default, *infos["bell"].param_decls) == ("--bell/--no-bell",)
    assert (infos["loud"].default, *infos["loud"].param_decls) == ("--loud", "-l")
    assert infos["loud"].rich_help_panel == "How"


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "scenarios"])
def test_every_option_of_every_command_has_help(name: str) -> None:
    command = COMMANDS[name].load(name)
    options = [one for one in command.params if one.param_type_name == "option"]
    assert all(one.help for one in options), [one.name for one in options if not one.help]


@pytest.mark.parametrize(("name", "entry"), [*COMMANDS.items(), *OWN.items()])
def test_every_command_is_where_the_table_says(name: str, entry: Entry) -> None:
    """Each is imported when it is called: a module that has moved shows only then."""
    assert entry.load(name).name == name
