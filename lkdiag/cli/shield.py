"""Keeps what only shows a run (a tally, a line, a metric) from reaching the run: a crash there must not end a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lkdiag.cli.notes import say
from lkdiag.errors import kind_and_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.timeline import Recorder

T = TypeVar("T")


class Shield:
    """Records the first crash as `watcher.crashed`, and tells it once on stderr. The watchers are called further."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None
        """Where crashes are recorded, once there is one."""
        self._told = False

    def around(self, watcher: Callable[[T], object]) -> Callable[[T], None]:
        """The watcher, without its crashes."""

        def shielded(value: T) -> None:
            try:
                watcher(value)
            except Exception as error:
                self.tell(kind_and_place(error))

        return shielded

    def tell(self, what: str) -> None:
        """Record and tell a crash, if it is the first one."""
        if self._told:
            return
        self._told = True
        if self.recorder is not None:
            self.recorder.record("watcher.crashed", error=what)
        say(
            f"warning: lkdiag itself failed while it showed the run ({what}); the run goes on, and its report does not "
            "rest on that. Please report it at lkdiag's own tracker"
        )
