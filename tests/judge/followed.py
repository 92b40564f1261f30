"""A call that is followed, made by hand: what the looks showed, when. Every time is in milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from lkdiag.facts.run import RunFacts
from lkdiag.facts.watched_call import WatchedCallFacts
from lkdiag.judge.checks import left_alone
from lkdiag.judge.tables import WATCH_CHECKS
from lkdiag.judge.watched import judge_watched_dispatch, observed
from lkdiag.scenario.watch import WatchScenario

from .story import MONO_MS, WALL_MS, Story

if TYPE_CHECKING:
    from lkdiag.judge.diagnosed import DiagnosedTrial
    from lkdiag.judge.finding import Finding


class Followed(Story):
    """`existed`: the room was there before the watch began; `lacked`: a look so long before its creation had it not.

    Options are the watch's.
    """

    def __init__(
        self, *, existed: bool = False, found: float = 300, creation: float = 0, lacked: float = 600, **options: Any
    ) -> None:
        super().__init__(room=False)
        self.watch = WatchScenario(**{"prefix": "", **options})
        self.events.clear()
        self.event(
            found, "trial.started", role="subject", warmup=False, on_probe=False, method="observed", room="r",
            agent_name="",
        )  # fmt: skip
        about = {"room": "r", "sid": "RM_1", "creation_time_ms": int(WALL_MS + creation), "departure_timeout_s": 20}
        if existed:
            self.event(found, "room.existed", **about)
        else:
            self.event(found, "room.created", **about, lacked_mono_ns=int((MONO_MS + creation - lacked) * 1e6))

    def person(self, at: float, identity: str, kind: str = "sip", *, tracks: int = 1, **data: Any) -> Self:
        """Somebody is seen for the first time."""
        fields = {"sid": f"PA_{identity}", "state": "active", "joined_at_ms": int(WALL_MS + at - 100), **data}
        names = [f"TR_{number}" for number in range(tracks)]
        return self.event(at, "participant.joined", identity=identity, kind=kind, tracks=names, **fields)

    def gone(self, at: float, identity: str) -> Self:
        """Somebody is seen to have left."""
        return self.event(at, "participant.left", identity=identity, sid=f"PA_{identity}")

    def done(self, at: float, *, came: bool, dispatch: str = "AD_1") -> Self:
        """That dispatch is waited for no longer."""
        return self.event(at, "observation.ended", dispatch_id=dispatch, agent_came=came)

    def shut(self, at: float) -> Self:
        """listRooms knows the room no longer."""
        self.event(at, "room.closed", room="r", missing_mono_ns=int((MONO_MS + at) * 1e6))
        return self.event(at, "trial.finished")

    def over(self, at: float) -> Self:
        """The watch ends."""
        self.look(at - 5)
        self.event(at, "room.occupied", room="r", participants=[])
        return self.event(at, "trial.finished")

    @property
    def facts_of_call(self) -> WatchedCallFacts:
        """What is judged of the call itself."""
        return WatchedCallFacts(self.index, self.timeline().by_trial()[self.index])

    def judged(self) -> dict[str, DiagnosedTrial]:
        """Each dispatch's verdict, by its id."""
        timeline = self.timeline()
        found = observed([self.facts_of_call], RunFacts.of(self.watch, timeline), self.watch.agent_name)
        return {facts.under_test: judge_watched_dispatch(facts) for facts in found}

    def judge(self) -> DiagnosedTrial:
        """The only dispatch's verdict."""
        (judged,) = self.judged().values()
        return judged

    def findings(self) -> dict[str, Finding]:
        """The checks' findings about the only dispatch, by the check's name."""
        judged = self.judge()
        return {found.check: found for check in WATCH_CHECKS if (found := check(judged)) is not None}

    def left_over(self) -> Finding | None:
        """Whether somebody was left alone."""
        return left_alone.judge(self.facts_of_call, self.watch.alone_for_s)


def known(dispatch: dict[str, Any], job_type: str = "JT_ROOM") -> dict[str, Any]:
    """The same dispatch, its jobs of that type."""
    return {**dispatch, "jobs": [{**job, "type": job_type} for job in dispatch["jobs"]]}
