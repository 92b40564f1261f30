"""The command line: its commands, loaded when they are called, its help, and its way of refusing."""

from __future__ import annotations

import contextlib
import errno
import inspect
import io
import os
import re
import signal
import sys
import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from lkdiag import __version__, settings
from lkdiag.cli.messages import give_up, own_fault, say_error
from lkdiag.cli.secrets import check_words, given_secrets
from lkdiag.errors import ExitCode, LkdiagError, UsageError
from lkdiag.text import hint_nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lkdiag.scenario.option import Declared


# Typer's own errors, shown like every other error: one line, and a hint.

CommandLineError: type[Exception] = typer.BadParameter.__mro__[2]
"""click's ClickException. Newer versions of typer have a copy of click under a private name: what typer exports leads
to the one that it raises."""


def as_usage_error(error: Any, arguments: Sequence[str]) -> UsageError:
    """The error in lkdiag's form. `arguments` are the command line, whose secret is not shown again."""
    message = str(error.message).removeprefix("Value error, ")
    name = getattr(error, "option_name", None)
    context = getattr(error, "ctx", None)
    command = "lkdiag" if context is None else context.command_path
    hint = f"`{command} --help` lists what there is"
    if possible := getattr(error, "possibilities", None):
        hint = hint_nearest(str(name), possible, hint)
    elif getattr(error, "param", None) is not None:
        error.message = message
        message = error.format_message()
    from lkdiag.privacy.secrets import scrub

    return UsageError(scrub(message.rstrip("."), given_secrets(arguments)), hint)


# What a command's `--help` says besides its own words: exit codes, where runs are kept, the environment.

EXIT_CODES = (
    "Exit codes: 0 nothing found · 1 a finding, or a threshold not met · 2 usage · 3 inconclusive · "
    "4 credentials, connection, set-up, or a fault of lkdiag's own · 5 rooms left behind by lkdiag · 130 interrupted"
)
"""The contract's. A command whose own codes mean something else says so in its docstring."""
RUNS = (
    "Each run is a folder with a journal.jsonl, in lkdiag/runs of the user's state folder: ~/.local/state on Linux, "
    "~/Library/Application Support on macOS. `lkdiag report --last` shows the newest again."
)
NO_COLOR = ("NO_COLOR", "no colours, whatever its value")


def complete(app: typer.Typer, options: Sequence[Declared]) -> None:
    """Give its one command the sections that its options call for."""
    (command,) = app.registered_commands
    assert command.callback is not None
    command.help = doc = flowing(command.callback.__doc__ or "")
    codes = [] if "Exit code" in doc else [EXIT_CODES.replace("Exit codes: ", "[bold]Exit codes[/]\n\n")]
    command.epilog = "\n\n".join([(command.epilog or "").strip(), *codes, *_sections(options)])


def _sections(options: Sequence[Declared]) -> list[str]:
    """`Files` and `Environment`, as far as a command with these options has to do with them."""
    files = ["[bold]Files[/]", RUNS] if any(one.name == "runs_dir" for one in options) else []
    variables = sorted((one.option.env, one.option.env_help) for one in options if one.option.env)
    lines = [f"{names} [dim]– {what}[/]" for names, what in (*variables, NO_COLOR)]
    return [*files, "[bold]Environment[/]", *lines]


def flowing(doc: str) -> str:
    """Paragraphs as one line each, so that a terminal's width alone breaks them."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(doc))
    return "\n\n".join(" ".join(line.strip() for line in paragraph.splitlines()) for paragraph in paragraphs)


# The commands by name. Each is in a module that is imported when it is called: `lkdiag --help` imports none of them.

CONTEXT = {"help_option_names": ["-h", "--help"]}


@dataclass(frozen=True)
class Entry:
    """Where a command is: a function, or a typer.Typer with commands of its own, in `lkdiag.cli.MODULE`."""

    module: str
    summary: str
    """The first paragraph of its docstring, for the root's `--help`."""

    def load(self, name: str) -> Any:
        """The command of typer's (click's) kind."""
        from lkdiag.cli.command import flat, options_taken

        module = import_module(f"lkdiag.cli.{self.module}")
        found = getattr(module, self.module)
        if isinstance(found, typer.Typer):
            found.info.name = name
            return typer.main.get_command(found)
        alone = typer.Typer(
            rich_markup_mode="rich", pretty_exceptions_enable=False, add_completion=False, context_settings=CONTEXT
        )
        kind = getattr(module, "COMMAND_CLASS", TyperCommand)
        alone.command(name, cls=kind, epilog=getattr(module, "EXAMPLES", None))(flat(found))
        complete(alone, options_taken(found))
        return typer.main.get_command(alone)


COMMANDS = {
    "dispatch-trial": Entry(
        "dispatch_trial",
        "Create rooms with an agent dispatch: whether and when does the agent join, and does listDispatch agree?",
    ),
    "transfer-teardown": Entry(
        "transfer_teardown",
        "Merge a phone call with a human, let the agent go, hang up on one side, and see what is left.",
    ),
    "canary": Entry(
        "canary",
        "Run one small dispatch trial a minute until it is stopped, and export the results to Prometheus.",
    ),
    "watch": Entry("watch", "Follow real calls of your project, and judge them as trials are judged."),
    "run": Entry(
        "run", "Run a scenario: a failure that users reported, step by step on a real server, judged from outside."
    ),
    "scenarios": Entry(
        "scenarios", "List the scenarios that come with lkdiag: each reproduces one failure that people have reported."
    ),
    "worker": Entry(
        "worker", "Run one worker that misbehaves in a way of your choice, to see whether your fallback notices."
    ),
    "doctor": Entry(
        "doctor", "Check credentials, network, API, media, workers and server, one by one, and say what to do."
    ),
    "explain": Entry(
        "explain",
        "Say what a finding, an outcome, a cause or a check of the doctor means, how to tell, and what to do.",
    ),
    "report": Entry("report", "Judge a recorded run again, with today's checks, and show its report."),
    "merge": Entry(
        "merge", "Merge the shards that `dispatch-trial --shard I/N` has run, on this machine or others, into one run."
    ),
    "bundle": Entry("bundle", "Put everything about a run into one .zip, to be attached to a bug report."),
    "compare": Entry("compare", "Compare two runs: is B better than A, worse, or can't it be told?"),
    "sweep": Entry("sweep", "List the rooms that lkdiag left on your project, and delete them if asked to."),
    "selftest": Entry(
        "selftest",
        "Inject every failure, and the honest case, in random order on a private server; compare with the diagnosis.",
    ),
}
OWN = {"shard-runner": Entry("shard_runner", "Run one shard of a run.")}
"""Commands that lkdiag itself calls; no list shows them."""


class Root(TyperGroup):
    """lkdiag itself. Lists show a command's name and summary; its module is loaded when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command that was loaded, else its name and summary."""
        if cmd_name in self.commands or cmd_name not in COMMANDS:
            return self.commands.get(cmd_name)
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary, rich_markup_mode="rich")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Load the one that is called; typer suggests others by their names."""
        self.commands = {name: self.get_command(ctx, name) for name in COMMANDS}
        entry = COMMANDS.get(args[0]) or OWN.get(args[0])
        if entry is not None:
            self.commands[args[0]] = entry.load(args[0])
        return super().resolve_command(ctx, args)


# The command line's root: which commands there are, and how every error reaches the user.

EXAMPLES = """[bold]Examples[/]

lkdiag doctor [dim]– is my set-up right?[/]

lkdiag dispatch-trial --agent-name my-agent --control [dim]– does my agent come?[/]

lkdiag transfer-teardown --local [dim]– what is left of a merged call?[/]

lkdiag bundle --last [dim]– the newest run, to attach to a bug report[/]

lkdiag COMMAND --help [dim]– more, with examples; lkdiag explain NAME: what a finding means[/]
"""

NAME = "lkdiag"
"""Also for `python -m lkdiag`: by it the shell's completion is installed and asked for."""
ASKED_BY_A_SHELL = "_LKDIAG_COMPLETE"
"""Set where a shell asks what may follow; it gives no arguments, and reads stdout."""

COMPLETION = frozenset({"--install-completion", "--show-completion"})
"""Options of typer's own, which end the process by themselves."""

app = typer.Typer(
    name=NAME,
    cls=Root,
    help="Diagnose LiveKit: does the agent come, and what is left when everybody has gone?",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    epilog=f"{EXAMPLES}\n\n{EXIT_CODES}",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"lkdiag {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Diagnose LiveKit: does the agent come, and what is left when everybody has gone?"""


def run() -> None:
    """Run the command line, and end the process with the code of what happened."""
    settings.withdraw_secrets()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    _make_streams_safe()
    # PyJWT's, at every token: the secret of `livekit-server --dev` has six characters, and it is right
    warnings.filterwarnings("ignore", message="The HMAC key is ")
    try:
        code = _run(sys.argv[1:])
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    _end(code)


def _end(code: int) -> NoReturn:
    """End the process. Where livekit.rtc was used nothing may be torn down any more.

    Its native threads may call into an interpreter that is shutting down: a panic there ends the process with 134 in
    place of its exit code (livekit 1.1.21; seen once in 55 runs).
    """
    if "livekit.rtc" not in sys.modules:
        sys.exit(code)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more, or it is closed
            stream.flush()
    os._exit(code)


def _run(arguments: Sequence[str]) -> int:
    try:
        if not arguments and ASKED_BY_A_SHELL not in os.environ:
            # with help and without a command nothing was done: a script must not take that for a pass
            with contextlib.redirect_stdout(sys.stderr):
                app(["--help"], standalone_mode=False, prog_name=NAME)
            return ExitCode.USAGE
        check_words(arguments)
        # without standalone mode typer returns the code of its own Exit, and raises everything else
        code = int(app(arguments, standalone_mode=False, prog_name=NAME) or ExitCode.OK)
        sys.stdout.flush()  # what fails when Python ends makes an exit code of 120
        return code
    except LkdiagError as error:
        problem = error
    except CommandLineError as error:
        problem = as_usage_error(error, arguments)
    except BrokenPipeError:
        give_up(sys.stdout)  # `lkdiag --help | head -1`
        return ExitCode.OK
    except KeyboardInterrupt:
        raise
    except OSError as error:
        if error.errno == errno.ENOSPC:
            give_up(sys.stdout)
            problem = UsageError(f"the output can't be written: {error.strerror}", "send it elsewhere, or make room")
        else:
            problem = own_fault(error)
    except BaseException as error:  # not only Exception: a CancelledError, or a panic of a native library, is none
        if isinstance(error, SystemExit) and isinstance(error.__context__, BrokenPipeError):
            give_up(sys.stdout)  # rich makes the one of the other (rich 15, Console.on_broken_pipe)
            return ExitCode.OK
        if isinstance(error, SystemExit) and (ASKED_BY_A_SHELL in os.environ or COMPLETION.intersection(arguments)):
            raise  # typer's, when it has answered the shell
        problem = own_fault(error)
    say_error(problem, arguments)
    return problem.exit_code


def _interrupt(*_: object) -> NoReturn:
    """Like Ctrl-C, so that whatever has begun is undone; a run that goes on has a handler of its own."""
    raise KeyboardInterrupt


def _make_streams_safe() -> None:
    """stdout and stderr, whatever the caller made of them: closed (`>&-`), or of an encoding without a ✓."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
