"""The words of the contract: what lkdiag may say of a trial, a call and a run. The values stand in the report's JSON.

Everything else imports them from here: the checks, the scenarios' `[expect]`, their schema, and the renderers.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What became of a dispatch: exactly one a trial."""

    DELIVERED = "delivered"
    DELAYED = "delayed"
    DROPPED = "dropped"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"


class TeardownOutcome(StrEnum):
    """What became of a room after one side had hung up: exactly one a call."""

    CLOSED = "closed"
    SLOW = "slow"
    LEFTOVER = "leftover"
    ERROR = "error"
    INCONCLUSIVE = "inconclusive"


class CallEnd(StrEnum):
    """How a call that was watched was found when it, or the watch, ended."""

    CLOSED = "closed"
    LEFT_OVER = "left-over"
    """Somebody was left alone in it, for --alone-for and longer; it may have been closed since."""
    EMPTY = "empty"
    """Everybody had left, and its timeouts had yet to pass."""
    OPEN = "open"
    """It was going on."""


class State(StrEnum):
    """What listDispatch said of the dispatch under test at the end."""

    NO_DISPATCH = "no-dispatch"
    NO_JOB = "no-job"
    PENDING = "pending"
    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Mismatch(StrEnum):
    """Where the dispatch state and the room contradict each other."""

    FALSE_RUNNING = "false-running"
    UNREPORTED = "unreported"
    FAILED_PRESENT = "failed-present"
    WRONG_WORKER = "wrong-worker"


class Fallback(StrEnum):
    """What a second dispatch, by createDispatch, did for a trial whose agent never came."""

    NOT_NEEDED = "not-needed"
    RESCUED = "rescued"
    LOST = "lost"
    UNCLEAR = "unclear"
    """It was tried, and what came of it can't be told: cut short, or an agent came and no job tells whose it is."""
    OFF = "off"


class Verdict(StrEnum):
    """What a whole run says."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Severity(StrEnum):
    """How much a finding weighs."""

    FAIL = "fail"
    """Something of the user's project did not do what it should: exit code 1."""
    INCONCLUSIVE = "inconclusive"
    """lkdiag was not fit to judge: exit code 3."""
    NOTE = "note"
    """Worth knowing; no verdict rests on it."""


class Cause(StrEnum):
    """Why a trial went wrong."""

    LOST_BEFORE_WORKER = "lost-before-worker"
    WORKER_SILENT = "worker-silent"
    WORKER_DECLINED = "worker-declined"
    WORKER_ANSWERED_LATE = "worker-answered-late"
    ASSIGNMENT_LOST = "assignment-lost"
    WORKER_NEVER_JOINED = "worker-never-joined"
    NO_WORKER = "no-worker"
    WORKER_FULL = "worker-full"
    WRONG_NAME = "wrong-name"
    ROOM_EXISTED = "room-existed"
    ROOM_CAME_BACK = "room-came-back"
    SLOW_PLATFORM = "slow-platform"
    SLOW_ANSWER = "slow-answer"
    SLOW_JOIN = "slow-join"
    COLD_START = "cold-start"
    FOREIGN_WORKER = "foreign-worker"
    SECOND_AGENT = "second-agent"
    LEFT_EARLY = "left-early"
    WAITS_FOR_PARTICIPANT = "waits-for-participant"
    WAITS_FOR_TRACK = "waits-for-track"
    CLIENT_BLIND = "client-blind"
    WEBHOOK_MISSING = "webhook-missing"
    WEBHOOK_LATE = "webhook-late"
    WEBHOOK_DOUBLED = "webhook-doubled"


class CheckSlug(StrEnum):
    """The slug of each check: its file's name with dashes."""

    CHANGING_WORKER = "changing-worker"
    CHECK_CRASHED = "check-crashed"
    CLIENT_BLIND = "client-blind"
    COLD_START = "cold-start"
    CONTROL_COMPARISON = "control-comparison"
    DELAYED = "delayed"
    DROPPED = "dropped"
    FAILED_PRESENT = "failed-present"
    FALSE_RUNNING = "false-running"
    LEFTOVER_ROOM = "leftover-room"
    LEFT_EARLY = "left-early"
    MISSING_TRIALS = "missing-trials"
    NAME_REUSE = "name-reuse"
    NOBODY_ANSWERS = "nobody-answers"
    NOT_CARRIED_OUT = "not-carried-out"
    NOT_FIT = "not-fit"
    SECOND_AGENT = "second-agent"
    UNREPORTED = "unreported"
    WEBHOOK_DOUBLED = "webhook-doubled"
    WEBHOOK_LATE = "webhook-late"
    WEBHOOK_MISSING = "webhook-missing"
    WRONG_WORKER = "wrong-worker"
    CLEANUP_NEVER_RAN = "cleanup-never-ran"
    CLEANUP_RAISED = "cleanup-raised"
    CUT_SHORT = "cut-short"
    SLOW_CLOSE = "slow-close"
    SURVIVOR_STRANDED = "survivor-stranded"
    UNHANDLED_ERROR = "unhandled-error"
    LEFT_ALONE = "left-alone"
    OUT_OF_SIGHT = "out-of-sight"
    SEEN_IN_PART = "seen-in-part"


_OF_CALLS_ALONE = (
    CheckSlug.CLEANUP_NEVER_RAN,
    CheckSlug.CLEANUP_RAISED,
    CheckSlug.CUT_SHORT,
    CheckSlug.SLOW_CLOSE,
    CheckSlug.SURVIVOR_STRANDED,
    CheckSlug.UNHANDLED_ERROR,
)
_OF_WATCHES_ALONE = (CheckSlug.LEFT_ALONE, CheckSlug.OUT_OF_SIGHT, CheckSlug.SEEN_IN_PART)
TEARDOWN_CHECKS = (
    *_OF_CALLS_ALONE,
    CheckSlug.LEFTOVER_ROOM,
    CheckSlug.NOT_CARRIED_OUT,
    CheckSlug.NOT_FIT,
    CheckSlug.WEBHOOK_MISSING,
)
"""What a scenario may expect to be found of a transfer teardown."""
DISPATCH_CHECKS = tuple(check for check in CheckSlug if check not in (*_OF_CALLS_ALONE, *_OF_WATCHES_ALONE))
"""What a scenario may expect to be found of a dispatch."""


# What a call of LiveKit's API that failed says: the word that journals keep, and that checks judge by.


class CallFailure(StrEnum):
    """Only REFUSED is LiveKit's own word. The others say nothing of LiveKit, of a worker or of a room."""

    REFUSED = "refused"
    """LiveKit answered with an error of its own."""
    THROTTLED = "throttled"
    """HTTP 429, whoever says it: lkdiag, or others of the project, made too many calls."""
    UNANSWERED = "unanswered"
    """No answer: no connection, a lost one, or the time was up. The call may have been carried out."""
    GARBLED = "garbled"
    """An answer that is not LiveKit's own whole one: HTML, empty, cut, of another type. The call may have been carried
    out."""

    @property
    def may_be_done(self) -> bool:
        """Whether the call may have been carried out all the same."""
        return self in (CallFailure.UNANSWERED, CallFailure.GARBLED)
