"""The command line's root: which commands there are, and how every error reaches the user."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import warnings
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lkdiag import __version__, settings
from lkdiag.cli import manual
from lkdiag.cli.commands import CONTEXT, Root
from lkdiag.cli.notes import give_up, say_error
from lkdiag.cli.own_fault import own_fault
from lkdiag.cli.secret_words import check_words
from lkdiag.cli.usage import CommandLineError, as_usage_error
from lkdiag.errors import ExitCode, LkdiagError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    epilog=f"{EXAMPLES}\n\n{manual.EXIT_CODES}",
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
            raise  # typer's, when it has told the shell
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
