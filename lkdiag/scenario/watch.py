"""The watch as a value: which rooms are followed, how long, and by which terms what is seen is judged."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import ClassVar

from lkdiag.errors import UsageError
from lkdiag.scenario.expect import DispatchExpect
from lkdiag.scenario.script_file import ScriptHead

_SECONDS_MAX = 24 * 3600.0
API_RATE = 10.0
"""LiveKit Cloud limits the API calls of a project (docs.livekit.io, Quotas and limits), and your own application needs
its share."""
API_RATE_HERE = 300.0
"""A server on this machine counts none."""
API_RATE_MAX = 100.0
TITLE = "Real calls, followed without joining them"


@dataclass(frozen=True)
class WatchScenario:
    """All durations are in seconds. Raises UsageError when made of values that make no sense together."""

    room: str | None = None
    """The one room's name."""
    prefix: str | None = None
    """What the names of the rooms begin with; empty: every room of the project, but for lkdiag's own."""
    agent_name: str | None = None
    """Only dispatches of this name are judged; None: all."""
    for_s: float | None = None
    """How long; None: until it is stopped."""
    calls: int | None = None
    """It ends when so many calls have ended, or were left over."""
    timeout_s: float = 20.0
    delayed_after_s: float = 2.0
    settle_s: float = 6.0
    alone_for_s: float = 60.0
    """Who was left alone for so long is left over. 60 s: above the 21 s for which a lost participant stays listed, and
    above most transfers."""
    api_rate: float | None = None
    """API calls a second at most, on average; None: `API_RATE`, or `API_RATE_HERE` for a server on this machine."""

    def __post_init__(self) -> None:
        if (self.room is None) == (self.prefix is None):
            raise UsageError(
                "name the calls to watch: --room NAME, or --prefix P",
                "one of the two; --prefix '' follows every room of the project",
            )
        if self.room == "":
            raise UsageError("--room is empty", "--prefix '' follows every room of the project")
        if self.calls is not None and self.calls < 1:
            raise UsageError(f"--calls is {self.calls}", "it has to be 1 or more: leave it out to go on until Ctrl-C")
        if self.for_s is not None and self.for_s <= 0:
            raise UsageError(f"--for is {self.for_s:g} s", "it has to be above 0: leave it out to go on until Ctrl-C")
        if self.api_rate is not None and not 1 <= self.api_rate <= API_RATE_MAX:
            raise UsageError(
                f"--api-rate is {self.api_rate:g}", f"it is API calls a second, from 1 to {API_RATE_MAX:g}"
            )
        for one in fields(self):
            if one.name not in ("timeout_s", "delayed_after_s", "settle_s", "alone_for_s"):
                continue
            value = getattr(self, one.name)
            if not (0 < value <= _SECONDS_MAX):
                option = one.name.removesuffix("_s").replace("_", "-")
                raise UsageError(f"--{option} is {value:g} s", "it has to be above 0, and below a day")
        if self.delayed_after_s > self.timeout_s:
            raise UsageError(
                f"--delayed-after ({self.delayed_after_s:g} s) is above --timeout ({self.timeout_s:g} s)",
                "an agent is late only after one and lost after the other",
            )

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
