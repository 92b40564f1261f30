"""What happens to a run as a whole: its beginning and end, its server, lkdiag's own load, shards that are merged."""

from __future__ import annotations

from typing import Annotated, Any

from lkdiag.journal.row import (
    Error,
    Failure,
    MonoNs,
    Ms,
    RoomName,
    RoomSid,
    Row,
    Seconds,
    ServerMs,
    ServerTold,
    Signal,
    Unit,
    WallNs,
)

# -- from its beginning to its end -------------------------------------------------------------------------------------


class RunStarted(Row, kind="run.started"):
    """The first event of every journal: what was run, with what, and where."""

    schema: Annotated[str, "the journal's format"]
    run_id: str
    lkdiag_version: str
    scenario: Annotated[str, "its name"]
    kind: Annotated[str, "dispatch, teardown or watch"]
    title: str
    reported: Annotated[str, "the issue in which the failure was reported"] | None = None
    expect: Annotated[dict[str, Any], "what the scenario expects of its trials"] | None = None
    command: Annotated[str, "the command line that repeats the run, without credentials"]
    options: Annotated[dict[str, Any], "the scenario's settings"]
    project_host: str = ""
    sdk: Annotated[dict[str, str], "versions of LiveKit's packages, by name"]
    python: str
    os: str
    shard: Annotated[dict[str, Any], "the share of one process or machine: index, of, group"] | None = None
    merged: Annotated[dict[str, Any], "of which shards' journals it was put together: of, runs, group"] | None = None


class ScenarioRead(Row, kind="scenario.read"):
    """The scenario's file, as it was read. No check sees it."""

    text: str


class FaultDrawn(Row, kind="fault.drawn"):
    """Which behaviour a trial gets on purpose. No check sees it."""

    behaviour: str
    scenario: str | None = None


class RunInterrupted(Row, kind="run.interrupted"):
    """The user, or a signal, ended it; what has begun is closed."""

    signal: Signal


class RunGivenUp(Row, kind="run.given_up"):
    """A second signal: lkdiag ends at once, and closes nothing."""

    signal: Signal


class RunGaveUp(Row):
    """lkdiag itself ended it."""

    reason: Error


class RunAborted(RunGaveUp, kind="run.aborted"):
    """It could not go on."""


class RunCrashed(RunGaveUp, kind="run.crashed"):
    """A fault of lkdiag's own ended it."""

    trace: Annotated[str, "Python's traceback"]


class RunFinished(Row, kind="run.finished"):
    """The last event of a journal that was not cut off."""


class WatcherCrashed(Row, kind="watcher.crashed"):
    """A fault of lkdiag's own in what shows the run; the run goes on."""

    error: Error


class SweepFailed(Row, kind="sweep.failed"):
    """The server did not say at the end which rooms are left."""

    prefix: Annotated[str, "with which the run's rooms begin"]
    error: Error
    rooms: Annotated[list[RoomName], "that may be left"] | None = None


class RoomLeftOver(Row, kind="room.left_over"):
    """One of the run's rooms was still there at the end."""

    room: RoomName
    sid: RoomSid
    creation_time_ms: ServerMs | None = None
    participants: Annotated[list[dict[str, str]], "who is in it: identity, kind"]


# -- the server --------------------------------------------------------------------------------------------------------


class ServerStarted(Row, kind="server.started"):
    """lkdiag's own private livekit-server."""

    version: str
    url: str
    source: Annotated[str, "where its binary came from"]


class ServerExited(Row, kind="server.exited"):
    """The private server ended before the run did."""

    returncode: int


class ServerDescribed(ServerTold, kind="server.described"):
    """What the server says of itself, where no registration of lkdiag's worker tells it."""


class ServerMissed(Row, kind="server.missed"):
    """Calls have failed without a word of LiveKit's for some time; said again while that lasts."""

    failure: Failure
    error: Error
    for_s: Seconds
    wait_s: Annotated[float, Unit("s"), "for how long lkdiag asks nothing, as the server has said"] | None = None


class ServerHeard(Row, kind="server.heard"):
    """LiveKit answers again."""

    for_s: Annotated[float, Unit("s"), "for how long it had not"]


class ClockSampled(Row, kind="clock.sampled"):
    """A pong of lkdiag's worker's: the server's clock stood so between two times of this machine's."""

    before_ns: WallNs
    after_ns: WallNs
    server_ms: ServerMs


class ClockOff(Row, kind="clock.off"):
    """This machine's clock differs from the server's so much that tokens may be refused."""

    skew_s: Seconds
    told: Annotated[str, "the warning"]


# -- lkdiag's own load -------------------------------------------------------------------------------------------------


class LkdiagLimited(Row, kind="lkdiag.limited"):
    """How many files and sockets lkdiag may have open."""

    descriptors: int | None = None


class LkdiagSampled(Row, kind="lkdiag.sampled"):
    """How busy lkdiag and its machine were for a few seconds."""

    began_mono_ns: MonoNs
    lags_ms: Annotated[list[float], Unit("ms"), "by how much the event loop came late, look after look"]
    cores: Annotated[float, "that lkdiag may use"]
    busy_ms: Annotated[float, Unit("ms"), "for how long all processors were taken"]
    own_cores: Annotated[float, "that lkdiag used"]
    server_cores: Annotated[float, "that the private server used"] | None = None
    machine: Annotated[float, "share of all processors that was taken, 0 to 1"]
    waited_ms: Annotated[float, Unit("ms"), "for how long lkdiag's and the server's threads waited"] | None = None
    descriptors: Annotated[int, "files and sockets that are open"] | None = None
    answers_ms: Annotated[dict[str, float], Unit("ms"), "of API calls: count, p50, p99, max"] | None = None


class LkdiagStalled(Row, kind="lkdiag.stalled"):
    """lkdiag's event loop stood still."""

    began_mono_ns: MonoNs
    late_ms: Ms

    def words(self) -> str:
        return f"lkdiag itself stood still for {self.late_ms:.0f} ms"


# -- several processes or machines -------------------------------------------------------------------------------------


class ShardsStarted(Row, kind="shards.started"):
    """The shards begin."""

    of: Annotated[int, "how many there are"]


class ShardBegan(Row, kind="shard.began"):
    """In a merged journal: the events of a shard's follow."""

    index: Annotated[int, "from 1"]
    of: int
    run_id: str


class ShardEnded(Row, kind="shard.ended"):
    """In a merged journal: the shard's events are over."""

    index: int


class TrialsMissing(Row, kind="trials.missing"):
    """Trials that a shard was to make, and that are in no journal."""

    trials: Annotated[list[int], "their numbers; empty where a duration was set, and nobody knows how many"]
    planned: Annotated[int, "how many the shard was to make"] | None = None
    run_id: Annotated[str, "by which `lkdiag sweep` finds its rooms"] | None = None
    index: int
    of: int
    reason: str


class MergeNoted(Row, kind="merge.noted"):
    """What a reader of the merged run should know."""

    text: str


# -- a watch -----------------------------------------------------------------------------------------------------------


class WatchBegan(Row, kind="watch.began"):
    """lkdiag looks at the project's rooms from here on."""


class WatchStopped(Row, kind="watch.stopped"):
    """The user ended it; one last look follows."""

    signal: Signal
