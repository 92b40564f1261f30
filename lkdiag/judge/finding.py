"""What a check says, and what is said where a check of lkdiag's own crashed: the rest of the report stands then."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar

from lkdiag.contract import CheckSlug, Severity
from lkdiag.errors import JournalError, kind_and_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


S = TypeVar("S")
T = TypeVar("T")

SLUG = CheckSlug.CHECK_CRASHED
JUDGING = "the judging of the trial"
"""As a whole."""
STORY = "the story of the trial"
IDS = "the list of participant ids"


@dataclass(frozen=True)
class Finding:
    """What a check says, with the events that prove it and a hint."""

    check: CheckSlug
    severity: Severity
    title: str
    """What happened, in a few plain words."""
    fact: str
    """What was seen, with the ids and the times."""
    hint: str
    """What it means, and what to do or to look at next."""
    trial: int | None = None
    """The trial that it is about; None for the run as a whole."""
    trials: tuple[int, ...] = ()
    """For a finding about the run: the trials that it rests on."""
    evidence: tuple[int, ...] = ()
    """`seq` of the journal's events that prove it."""
    reference: str = ""
    """The upstream thread or source that explains it."""


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

    def first(self, causes: Iterable[Callable[..., T | None]], *subject: object) -> T | None:
        """What the first cause says that has something to say.

        None if one crashes before that: it might have explained what the causes after it would name wrongly.
        """
        for cause in causes:
            before = len(self._crashes)
            found = self.call(partial(cause, *subject), None, f"the cause {name_of(cause)}")
            if found is not None or len(self._crashes) > before:
                return found
        return None


@cache
def name_of(check: Callable[..., object]) -> str:
    """The check's name as its file has it: `false-running`, or `room.came-back` for one of several causes in a file."""
    module = getattr(check, "__module__", "").rpartition(".")[2]
    name = getattr(check, "__name__", type(check).__name__)
    parts = [module, *([] if name.startswith(("judge", "diagnose")) else [name])]
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
