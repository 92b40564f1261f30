"""The watch as a value: which rooms are followed, how long, and by which terms what is seen is judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from lkdiag.errors import UsageError
from lkdiag.scenario.dispatch import DelayedAfter, DispatchScenario, Settle, Timeout, check_delays
from lkdiag.scenario.expect import DispatchExpect
from lkdiag.scenario.option import DAY_S, UNTIL_STOPPED, VERDICT, Option, Options
from lkdiag.scenario.schema import ScriptHead

API_RATE = 10.0
"""LiveKit Cloud limits the API calls of a project (docs.livekit.io, Quotas and limits), and your own application needs
its share."""
API_RATE_HERE = 300.0
"""A server on this machine counts none."""
TITLE = "Real calls, followed without joining them"


CALLS = "Which calls"
END = "How long"


@dataclass(frozen=True)
class WatchScenario(Options):
    """All durations are in seconds. Raises UsageError when made of values that make no sense together."""

    room: Annotated[str | None, Option("The room of this name.", panel=CALLS, metavar="NAME")] = None
    prefix: Annotated[
        str | None,
        Option("Every room whose name begins so; '' for all but lkdiag's own.", panel=CALLS, metavar="P"),
    ] = None
    agent_name: Annotated[str | None, Option("Judge only the dispatches of this name.", panel=CALLS)] = None
    for_s: Annotated[
        float | None,
        Option("End after that time: 10m, 2h. Else at Ctrl-C.", panel=END, above=0, why=UNTIL_STOPPED),
    ] = None
    calls: Annotated[
        int | None,
        Option(
            "End when so many calls have ended, or were left over.",
            panel=END,
            metavar="N",
            least=1,
            why=UNTIL_STOPPED,
        ),
    ] = None
    timeout_s: Timeout = DispatchScenario.timeout_s
    delayed_after_s: DelayedAfter = DispatchScenario.delayed_after_s
    settle_s: Settle = DispatchScenario.settle_s
    alone_for_s: Annotated[
        float,
        Option(
            "Who is alone for so long after the others have left is left over. A lost line stays listed for 21 s.",
            panel=VERDICT,
            above=0,
            most=DAY_S,
        ),
    ] = 60.0
    """60 s: above the 21 s for which a lost participant stays listed, and above most transfers."""
    api_rate: Annotated[
        float | None,
        Option(
            "API calls a second at most; with many calls each is looked at less often.",
            metavar="N",
            unit="API calls a second",
            least=1,
            most=100,
            default=f"{API_RATE:g}; {API_RATE_HERE:g} on this machine",
        ),
    ] = None

    def __post_init__(self) -> None:
        if (self.room is None) == (self.prefix is None):
            raise UsageError(
                "name the calls to watch: --room NAME, or --prefix P",
                "one of the two; --prefix '' follows every room of the project",
            )
        if self.room == "":
            raise UsageError("--room is empty", "--prefix '' follows every room of the project")
        super().__post_init__()
        check_delays(self.timeout_s, self.delayed_after_s)

    def rate(self, *, here: bool) -> float:
        """API calls a second at most; `here`: to a server on this machine."""
        if self.api_rate is not None:
            return self.api_rate
        return API_RATE_HERE if here else API_RATE

    # -- the rest of what a dispatch is judged by: a watch does nothing itself -----------------------------------------

    @property
    def fallback(self) -> bool:
        """A watch dispatches nothing."""
        return False

    @property
    def fallback_timeout_s(self) -> float:
        """Nor does it wait for that."""
        return 0.0

    @property
    def gap_s(self) -> float:
        """The calls make their own pauses."""
        return 0.0

    @property
    def job_type(self) -> str:
        """lkdiag's own worker takes no part."""
        return "room"

    @property
    def webhooks(self) -> None:
        """None are received."""
        return

    @property
    def webhook_listen(self) -> None:
        """None are received."""
        return


@dataclass(frozen=True)
class WatchScript:
    """What a watch says of itself at the head of its journal."""

    kind: ClassVar[str] = "watch"
    settings: WatchScenario
    name: str = "watch"
    title: str = TITLE
    head: ScriptHead = field(default_factory=lambda: ScriptHead(title=TITLE))
    expect: DispatchExpect = field(default_factory=DispatchExpect)
    text: str = ""
