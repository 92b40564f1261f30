"""Steps of lkdiag's own participants: they join, leave, and say whom their client knows of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lkdiag.participant.joining import JoinError

if TYPE_CHECKING:
    from lkdiag.scenario.step import AskClient, Join, Leave
    from lkdiag.trial.stage import Stage


async def join(stage: Stage, step: Join) -> None:
    """Somebody comes into the room."""
    try:
        await stage.join(step.who, publish=step.publish)
    except JoinError as error:
        stage.fail(f"let the {step.who} join", error.message)


async def leave(stage: Stage, step: Leave) -> None:
    """Somebody goes."""
    participant = stage.people.pop(step.who, None)
    if participant is not None:
        await participant.leave()


async def ask_client(stage: Stage, step: AskClient) -> None:
    """Whom that participant's own client knows of, with a look at what the API says right before and after it."""
    participant = stage.people.get(step.who)
    if participant is None:
        stage.fail(f"ask the {step.who}'s client", f"no {step.who} is in the room")
    await stage.watcher.look_at_participants()
    stage.recorder.record("client.looked", who=step.who, sees=sorted(participant.sees()))
    await stage.watcher.look_at_participants()
