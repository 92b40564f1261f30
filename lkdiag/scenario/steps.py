"""The workers that a scenario names: how each behaves, under which name, and since when it is there."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, get_args

from msgspec import Meta

from lkdiag.scenario.dispatch import Method
from lkdiag.scenario.fault import BehaviourSpec, parse_behaviour
from lkdiag.scenario.toml import Duration, Table

MAIN = "main"
"""The worker that is called for."""


class WorkerSpec(Table, frozen=True):
    """A worker that lkdiag plays as somebody else's."""

    behaviour: Annotated[str, Meta(description="How it treats its jobs: honest, ghost, slow:4s, …")] = "honest"
    agent_name: Annotated[
        Literal["dispatched", "other", "none"],
        Meta(description="Registered under the name that is dispatched, under another one, or without a name."),
    ] = "dispatched"
    register: Annotated[
        Literal["at-start", "by-step", "never"],
        Meta(description="There from the start, or once a register-worker step says so, or not at all."),
    ] = "at-start"

    @property
    def spec(self) -> BehaviourSpec:
        """The behaviour, taken apart."""
        return parse_behaviour(self.behaviour)


# The steps of a scenario, in the domain's words. To add one: a class here, and its name in its kind's union.

CALLER = "caller"
Who = Annotated[str, Meta(description="A participant's name in this scenario, as caller.", min_length=1)]
Worker = Annotated[str, Meta(description="A worker's name: main, or another one of [workers].")]


def _word(class_name: str) -> str:
    """`DispatchWaitFor` is written `wait-for`."""
    bare = class_name.removeprefix("Call")
    return re.sub(r"(?<!^)(?=[A-Z])", "-", bare).lower()


class Step(Table, frozen=True, tag_field="do", tag=_word):
    """One thing that happens."""

    @property
    def do(self) -> str:
        """The step's word."""
        return str(self.__struct_config__.tag)


class CreateRoom(Step, frozen=True):
    """Make the trial's room. In a dispatch scenario without a dispatch, in a teardown with the agent's."""


class Watch(Step, frozen=True):
    """Watch what comes of it, until it is decided or the time is up."""


# -- dispatch ----------------------------------------------------------------------------------------------------------


class Dispatch(Step, frozen=True):
    """The dispatch under test. Once a scenario."""

    by: Annotated[Method | None, Meta(description="How it is made; left out: as the settings' method says.")] = None


class Fallback(Step, frozen=True):
    """createDispatch in the same room if nobody came; not with fallback = false in the settings."""


class Retry(Step, frozen=True):
    """createDispatch in the same room, whether somebody came or not."""


class Join(Step, frozen=True):
    """A participant of lkdiag's joins the room."""

    who: Who = CALLER
    publish: Annotated[bool, Meta(description="Whether it publishes an audio track.")] = False


class Leave(Step, frozen=True):
    """That participant leaves the room."""

    who: Who = CALLER


class DeleteRoom(Step, frozen=True):
    """Delete the trial's room."""

    gone: Annotated[bool, Meta(description="Whether to wait until listRooms knows it no longer.")] = False


class Pause(Step, frozen=True):
    """An idle gap, on purpose."""

    for_s: Annotated[Duration, Meta(description="How long.")]


class Awaited(StrEnum):
    """What a trial can wait for."""

    AGENT = "agent"
    AGENTS = "agents"
    NO_AGENT = "no-agent"
    JOB = "job"


Within = Annotated[Duration, Meta(description="How long to wait.")]
WITHIN_S = 10.0


class WaitFor(Step, frozen=True):
    """Wait until the room is so; the trial goes on when the time is up."""

    what: Annotated[
        Awaited,
        Meta(description="An agent in the room, `count` of them, none any more, or a job that is listed."),
    ]
    count: Annotated[int, Meta(description="For agents: how many.", ge=1)] = 1
    within_s: Within = WITHIN_S


class AskClient(Step, frozen=True):
    """Ask that participant's client whom it sees in the room."""

    who: Who = CALLER


class RegisterWorker(Step, frozen=True):
    """A worker of [workers] connects and registers."""

    worker: Worker = MAIN


class StopWorker(Step, frozen=True):
    """A worker of [workers] goes."""

    worker: Worker = MAIN


class ChangeWorker(Step, frozen=True):
    """A worker of [workers] behaves otherwise from now on."""

    behaviour: Annotated[str, Meta(description="How: ghost, slow:4s, …")]
    worker: Worker = MAIN

    @property
    def spec(self) -> BehaviourSpec:
        """The behaviour, taken apart."""
        return parse_behaviour(self.behaviour)


# -- teardown ----------------------------------------------------------------------------------------------------------


class CallJoin(Step, frozen=True):
    """The caller joins the caller room, or the human the second one."""

    who: Annotated[Literal["caller", "human"], Meta(description="Which of the two.")]


class CallWaitFor(Step, frozen=True):
    """Wait until the agent is in the caller room."""

    what: Annotated[Literal["agent"], Meta(description="The only one who is waited for.")] = "agent"
    within_s: Within = WITHIN_S


class Merge(Step, frozen=True):
    """The human is moved into the caller room."""


class AgentLeaves(Step, frozen=True):
    """The agent leaves the call as the settings' agent-exit says. Your own agent is waited for, and may stay."""


class HangUp(Step, frozen=True):
    """The side that the settings' hangup says hangs up."""


DispatchStep = (
    CreateRoom
    | Dispatch
    | Watch
    | Fallback
    | Retry
    | Join
    | Leave
    | DeleteRoom
    | Pause
    | WaitFor
    | AskClient
    | RegisterWorker
    | StopWorker
    | ChangeWorker
)
TeardownStep = CreateRoom | CallJoin | CallWaitFor | Merge | AgentLeaves | HangUp | Watch
AnyStep = DispatchStep | TeardownStep
STEPS: dict[str, dict[str, type[Step]]] = {
    kind: {str(step.__struct_config__.tag): step for step in get_args(union)}
    for kind, union in (("dispatch", DispatchStep), ("teardown", TeardownStep))
}
"""By the kind of the file, and by their words."""
