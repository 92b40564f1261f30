"""`lkdiag doctor`: is the project fit to be tested, and what is wrong with it?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lkdiag import settings
from lkdiag.cli.options import FORMAT_OR_SUFFIX, OUTPUT, ListFormat, Output, Quiet, ServerOptions, chosen_format
from lkdiag.errors import ExitCode
from lkdiag.scenario.option import Option

if TYPE_CHECKING:
    from lkdiag.report.doctor_value import DoctorReport

EXAMPLES = """[bold]Examples[/]

lkdiag doctor [dim]– the project of this folder's .env.local, from its URL to a dispatched agent[/]

lkdiag doctor --agent-name my-agent [dim]– and does my own agent answer?[/]

lkdiag doctor --project prod -v -o doctor.json [dim]– a project of lk's, all details, as JSON[/]

lkdiag doctor --local [dim]– lkdiag itself, on a private server[/]
"""


def doctor(
    *,
    agent_name: Annotated[str | None, Option("Dispatch this agent of yours once: who answers?", metavar="NAME")] = None,
    timeout_s: Annotated[float, Option("How long an agent is waited for: 20s, 1m.")] = 20.0,
    server: ServerOptions,
    format_: Annotated[ListFormat | None, FORMAT_OR_SUFFIX] = None,
    output: Output = None,
    verbose: Annotated[bool, Option("All details of each check.", panel=OUTPUT, short="-v")] = False,
    quiet: Quiet = False,
) -> None:
    """Check credentials, network, API, media, workers and server, one by one, and say what to do.

    Each line is ✓ in order, · for information, ! worth a look, ✗ wrong, or – not
    tried, with the reason. All checks are made, even when some fail.

    What it makes on the project is its own: rooms named lkdiag-RUNID-…, deleted
    whatever happens, and lkdiag's own worker. No agent of yours is started,
    unless --agent-name asks for it.

    Exit codes: 0 nothing is wrong · 1 something is wrong · 2 usage · 3 lkdiag
    itself failed · 4 the project can't be tested · 5 a room of lkdiag's could
    not be deleted · 130 interrupted.
    """
    from lkdiag.cli.doctor_run import Answer, run_doctor
    from lkdiag.cli.output import check_output
    from lkdiag.cli.session import choose_credentials

    check_output(output)
    if server.local:
        choose_credentials(server.project.flags, local=True)  # refuses both at once
    as_json = chosen_format(format_, output, ListFormat) is ListFormat.JSON
    answer = Answer(output, as_json=as_json, verbose=verbose, quiet=quiet)
    binary = settings.server_binary(server.server_binary)
    report = run_doctor(server.project.flags, agent_name, timeout_s, answer, local=server.local, server_binary=binary)
    raise typer.Exit(ExitCode.INTERRUPTED if report is None else exit_code_of(report))


def exit_code_of(report: DoctorReport) -> ExitCode:
    """The more the examination itself went wrong, the more it counts."""
    from lkdiag.report.doctor_value import Health

    if report.interrupted:
        return ExitCode.INTERRUPTED
    if report.health is Health.UNTESTABLE:
        return ExitCode.SETUP
    if report.rooms_left:
        return ExitCode.ROOMS_LEFT
    return {Health.WRONG: ExitCode.FINDING, Health.UNCLEAR: ExitCode.INCONCLUSIVE}.get(report.health, ExitCode.OK)
