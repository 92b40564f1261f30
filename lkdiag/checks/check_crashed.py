"""A check of lkdiag's own crashed. It loses its own word, and nothing else: the rest of the report stands."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from lkdiag.checks.verdict import Finding, Severity
from lkdiag.errors import JournalError, kind_and_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lkdiag.checks.diagnosis.value import Diagnosis

S = TypeVar("S")
T = TypeVar("T")

SLUG = "check-crashed"
JUDGING = "the judging of the trial"
"""As a whole."""
STORY = "the story of the trial"
IDS = "the list of participant ids"


class NotACrash(Exception):  # noqa: N818 - it is no error
    """Judging code raises it on purpose. It passes through every guard."""


class Guard:
    """Calls judging code. It turns a crash into a finding, and the rest of the judging goes on."""

    def __init__(self, trial: int | None = None) -> None:
        self._crashes: list[Finding] = []
        self._trial = trial

    @property
    def crashes(self) -> tuple[Finding, ...]:
        """Each crash so far, once."""
        return tuple(dict.fromkeys(self._crashes))

    def call(self, judge: Callable[[], T], otherwise: S, name: str) -> T | S:
        """What `judge` returns; `otherwise` if it crashes. Raises JournalError and NotACrash as `judge` does."""
        try:
            return judge()
        except (JournalError, NotACrash):
            raise
        except Exception as error:
            self._crashes.append(of_crash(name, error, self._trial))
            return otherwise

    def findings(self, checks: Iterable[Callable[..., Finding | None]], *subject: object) -> tuple[Finding, ...]:
        """What the checks say about the subject, each called for itself."""
        found = (self.call(partial(check, *subject), None, f"the check {name_of(check)}") for check in checks)
        return tuple(finding for finding in found if finding is not None)

    def first(self, causes: Iterable[Callable[..., Diagnosis | None]], *subject: object) -> Diagnosis | None:
        """What the first cause says that has something to say.

        None if one crashes before that: it might have explained what the causes after it would name wrongly.
        """
        for cause in causes:
            before = len(self._crashes)
            found = self.call(partial(cause, *subject), None, f"the cause {name_of(cause)}")
            if found is not None or len(self._crashes) > before:
                return found
        return None


def name_of(check: Callable[..., object]) -> str:
    """The check's name as its file has it: `false-running`, or `room.came-back` for one of several in a file."""
    module = getattr(check, "__module__", "").removeprefix("lkdiag.checks.").removeprefix("diagnosis.")
    name = getattr(check, "__name__", type(check).__name__)
    parts = [module, *([] if name in ("judge", "diagnose") else [name])]
    return ".".join(part for part in parts if part).replace("_", "-")


def of_crash(name: str, error: BaseException, trial: int | None = None) -> Finding:
    """The finding about the crash of `name`: `the check false-running`."""
    return Finding(
        check=SLUG,
        severity=Severity.INCONCLUSIVE,
        title=f"lkdiag itself failed: {name} crashed",
        fact=kind_and_place(error),
        hint="this says nothing about LiveKit or your worker. What lkdiag says elsewhere in this report stands. Please "
        "attach the journal (`lkdiag bundle`) to a bug report at lkdiag's own tracker",
        trial=trial,
    )
