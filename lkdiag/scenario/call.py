"""The transfer teardown as a value: which calls are made, who should clean up, and how long lkdiag watches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from lkdiag.errors import UsageError
from lkdiag.scenario.option import DAY_S, PACE, VERDICT, Option, Options, parse_address


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
"""The cleanups that lkdiag carries out itself."""
LOST_LISTED_S = 21.0
"""How long the server lists a participant whose line was cut without a goodbye (measured on livekit-server 1.13.5)."""
CALLS_MAX = 10_000

CALL = "The call"


@dataclass(frozen=True)
class TeardownScenario(Options):
    """All durations are in seconds. Raises UsageError when made of values that make no sense together."""

    cleanups: Annotated[
        tuple[Cleanup, ...],
        Option("Who cleans up when one side has hung up.", panel=CALL, key="cleanup", default="each of lkdiag's own"),
    ] = OWN_CLEANUPS
    hangups: Annotated[tuple[Side, ...], Option("Which side hangs up.", panel=CALL, key="hangup", default="both")] = (
        tuple(Side)
    )
    agent_exits: Annotated[
        tuple[AgentExit, ...],
        Option("How the agent leaves the call.", panel=CALL, key="agent-exit", default="each"),
    ] = tuple(AgentExit)
    hangup_style: Annotated[
        HangupStyle,
        Option(
            "bye leaves cleanly; lost dies like a cut line, which the server lists for about 21 s more.", panel=CALL
        ),
    ] = HangupStyle.BYE
    agent_name: Annotated[str | None, Option("Your own agent, for --cleanup subject.", panel=CALL)] = None
    agent_leaves_within_s: Annotated[
        float,
        Option(
            "How long to wait for your agent to leave. Then one side hangs up, whether the agent is there or not.",
            panel=CALL,
            above=0,
            most=DAY_S,
        ),
    ] = 5.0
    """A farewell takes some seconds."""
    remove_agent: Annotated[
        bool,
        Option("Put your agent out when it has not left by then: does something outside of it clean up?", panel=CALL),
    ] = False
    """By default nobody is put out: its cleanup may need it there."""
    webhook_listen: Annotated[
        str | None,
        Option(
            "Receive a project's webhooks at HOST:PORT, under /webhook; the project has to send them to it. With "
            "--local they come by themselves.",
            panel=CALL,
            metavar="HOST:PORT",
        ),
    ] = None

    window_s: Annotated[
        float,
        Option(
            "How long to watch after the hang-up.",
            panel=VERDICT,
            above=0,
            most=DAY_S,
            default="8 s; 29 s for lost lines",
        ),
    ] = 8.0
    closed_within_s: Annotated[
        float,
        Option(
            "A room that is closed later is slow.",
            panel=VERDICT,
            above=0,
            most=DAY_S,
            default="5 s; 26 s for lost lines",
        ),
    ] = 5.0

    count: Annotated[
        int, Option("Calls for each cell of the grid.", panel=PACE, short="-n", least=1, most=CALLS_MAX)
    ] = 1
    concurrency: Annotated[
        int,
        Option("Calls at a time.", panel=PACE, short="-c", least=1, most=CALLS_MAX, default="6; 1 with your own agent"),
    ] = 6

    def __post_init__(self) -> None:
        super().__post_init__()
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
        if self.webhook_listen is not None:
            parse_address(self.webhook_listen, "--webhook-listen")
        if (Cleanup.SUBJECT in self.cleanups) != (self.agent_name is not None):
            raise UsageError("--cleanup subject and --agent-name go together", "the subject is your own agent")
        if self.remove_agent and Cleanup.SUBJECT not in self.cleanups:
            raise UsageError("--remove-agent is for your own agent", "add --cleanup subject --agent-name NAME")
        if Cleanup.SUBJECT in self.cleanups and len(self.cleanups) > 1:
            raise UsageError("--cleanup subject goes alone", "your agent's calls run without lkdiag's cleanups")

    @classmethod
    def defaults(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """Longer for a lost line, which the server lists for 21 s; for the user's own agent its own cleanup, alone.

        One call at a time then: livekit-agents calls itself full while a job starts.
        """
        defaults: dict[str, Any] = {}
        if given.get("hangup_style") is HangupStyle.LOST:
            defaults |= {
                "window_s": cls.window_s + LOST_LISTED_S,
                "closed_within_s": cls.closed_within_s + LOST_LISTED_S,
            }
        if given.get("agent_name") is not None:
            defaults |= {"cleanups": (Cleanup.SUBJECT,), "concurrency": 1}
        return defaults
