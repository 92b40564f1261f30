"""The transfer teardown as a value: which calls are played, who should clean up after them, and how long is watched."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from lkdiag.errors import UsageError
from lkdiag.scenario.address import parse_address


class Cleanup(StrEnum):
    """Who deletes the room when one side has hung up after the agent has gone."""

    LATE_CONTEXT = "late-context"
    CAPTURED_CONTEXT = "captured-context"
    OPTIONAL_CONTEXT = "optional-context"
    OFF = "off"
    WEBHOOK_REAPER = "webhook-reaper"
    POLL_REAPER = "poll-reaper"
    SUBJECT = "subject"


class AgentExit(StrEnum):
    """How the agent leaves the call."""

    SESSION_CLOSED = "session-closed"
    LEFT_ROOM = "left-room"
    CRASHED = "crashed"


class Side(StrEnum):
    """Who hangs up."""

    CALLER = "caller"
    HUMAN = "human"


class HangupStyle(StrEnum):
    """How that side goes."""

    BYE = "bye"
    LOST = "lost"


OWN_CLEANUPS = tuple(cleanup for cleanup in Cleanup if cleanup is not Cleanup.SUBJECT)
"""The cleanups that lkdiag plays itself."""
LOST_LISTED_S = 21.0
"""How long the server lists a participant whose line was cut without a goodbye (measured on livekit-server 1.13.5)."""
CALLS_MAX = 10_000
_SECONDS_MAX = 24 * 3600.0


@dataclass(frozen=True)
class TeardownScenario:
    """All durations are in seconds. Raises UsageError when made of values that make no sense together."""

    cleanups: tuple[Cleanup, ...] = OWN_CLEANUPS
    hangups: tuple[Side, ...] = tuple(Side)
    agent_exits: tuple[AgentExit, ...] = tuple(AgentExit)
    count: int = 1
    """Times that each cell of the grid is played."""
    window_s: float = 8.0
    """How long the room is watched after the hang-up."""
    closed_within_s: float = 5.0
    """A room that is closed later is slow."""
    hangup_style: HangupStyle = HangupStyle.BYE
    agent_name: str | None = None
    """The subject's name, for the cleanup `subject`."""
    agent_leaves_within_s: float = 5.0
    """How long the hang-up waits for the subject to leave by itself: a farewell takes some seconds."""
    remove_agent: bool = False
    """Whether a subject that has not left by then is put out. By default nobody is: its cleanup may need it there."""
    concurrency: int = 6
    webhook_listen: str | None = None

    def __post_init__(self) -> None:
        for name in ("cleanups", "hangups", "agent_exits"):
            if not getattr(self, name):
                raise UsageError(f"--{name.removesuffix('s').replace('_', '-')} names nothing", "name one at least")
        for name in ("count", "concurrency"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name} is {getattr(self, name)}", "it has to be 1 or more")
            if getattr(self, name) > CALLS_MAX:
                raise UsageError(f"--{name} is above {CALLS_MAX:,}", "a run of that size never ends")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_s") and isinstance(value, float) and not 0 < value <= _SECONDS_MAX:
                option = field.name.removesuffix("_s").replace("_", "-")
                raise UsageError(f"--{option} is {value:g} s", "it has to be above 0, and at most a day")
        if self.closed_within_s > self.window_s:
            raise UsageError(
                f"--closed-within ({self.closed_within_s:g} s) is above --window ({self.window_s:g} s)",
                "a room can't be seen to close after the watch has ended",
            )
        if self.hangup_style is HangupStyle.LOST and self.window_s <= LOST_LISTED_S + 2:
            raise UsageError(
                f"--window ({self.window_s:g} s) is too short for --hangup-style lost",
                f"the server lists a lost line for about {LOST_LISTED_S:g} s: nobody can notice the hang-up before",
            )
        parse_address(self.webhook_listen)
        if (Cleanup.SUBJECT in self.cleanups) != (self.agent_name is not None):
            raise UsageError("--cleanup subject and --agent-name go together", "the subject is your own agent")
        if self.remove_agent and Cleanup.SUBJECT not in self.cleanups:
            raise UsageError("--remove-agent is for your own agent", "add --cleanup subject --agent-name NAME")
        if Cleanup.SUBJECT in self.cleanups and len(self.cleanups) > 1:
            raise UsageError("--cleanup subject goes alone", "your agent's calls are played without lkdiag's cleanups")
