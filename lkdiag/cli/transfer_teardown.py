"""`lkdiag transfer-teardown`: a merged call whose agent has gone; one side hangs up. What is left?"""

from __future__ import annotations

import typer

from lkdiag.cli.options import OutputOptions, ServerOptions
from lkdiag.cli.scenario_run import RunOptions, run_scenario
from lkdiag.scenario.call import TeardownScenario

EXAMPLES = """[bold]Examples[/]

lkdiag transfer-teardown --local [dim]– the reported bug and its fixes, side by side[/]

lkdiag transfer-teardown --cleanup captured-context --hangup caller [dim]– one of them, on your project[/]

lkdiag transfer-teardown --cleanup subject --agent-name my-agent [dim]– does your own agent leave rooms behind?[/]
"""


def transfer_teardown(scenario: TeardownScenario, server: ServerOptions, output: OutputOptions) -> None:
    """Merge a phone call with a human, let the agent go, hang up on one side, and see what is left.

    Caller and human are simulated SIP participants, the agent is dispatched for real. Without options every cleanup
    meets both sides and each way for the agent to leave, in rooms of their own, and a grid shows which survive. Rooms
    are watched by the API alone, as whoever joins one holds it open, and deleted afterwards.
    """
    from lkdiag.client.behaviours import BEHAVIOURS, make_behaviour
    from lkdiag.scenario.script import load_script, with_settings

    script = with_settings(load_script("transfer-teardown", tuple(BEHAVIOURS), make_behaviour), **scenario.given)
    options = RunOptions(server, output)
    raise typer.Exit(run_scenario(script, options, options.check(script.kind)))
