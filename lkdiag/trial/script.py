"""Plays a scenario's steps, one after another, whatever it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from lkdiag.timeline import TrialRecorder


class Played(Protocol):
    """What steps act on."""

    @property
    def recorder(self) -> TrialRecorder:
        """The trial's."""


S = TypeVar("S", bound=Played)


async def play(
    steps: Iterable[msgspec.Struct],
    table: Mapping[type, Callable[[S, Any], Awaitable[None]]],
    stage: S,
    *,
    under_test: type,
    hidden: tuple[type, ...] = (),
) -> None:
    """Play them. What a step raises ends the story.

    Before the first step of the type `under_test` the prelude ends (`trial.prepared`), if there is one. Steps of the
    types `hidden` leave no trace of their own: they are what is broken on purpose.
    """
    prelude = prepared = False
    for step in steps:
        if isinstance(step, under_test) and prelude and not prepared:
            stage.recorder.record("trial.prepared")
        prepared = prepared or isinstance(step, under_test)
        prelude = True
        if not isinstance(step, hidden):
            words = msgspec.to_builtins(step)
            stage.recorder.record("step.began", **words)
        await table[type(step)](stage, step)
