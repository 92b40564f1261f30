"""A participant with media: joins a room by `livekit.rtc`, and may publish a track."""

from __future__ import annotations

import array
import asyncio
import contextlib
import logging
import math
from typing import TYPE_CHECKING, Any

from livekit import rtc

from lkdiag.client.participant import JoinError
from lkdiag.journal.participant_kinds import (
    Disconnected,
    Joined,
    JoinFailed,
    Joining,
    LeaveTimedOut,
    OwnParticipant,
    Reconnected,
    Reconnecting,
    TrackPublished,
)
from lkdiag.privacy.secrets import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from lkdiag.journal.recorder import TrialRecorder


CONNECT_TIMEOUT_S = 20.0
LEAVE_TIMEOUT_S = 5.0
SAMPLE_RATE_HZ = 48_000
FRAME_MS = 10
TONE_HZ = 400
"""A frame holds whole periods, so that there is no click between frames."""
TONE_LEVEL = 1000

# livekit.rtc logs its own retries there; exceptions and events report what matters of them
logging.getLogger("livekit").addHandler(logging.NullHandler())
logging.getLogger("livekit").propagate = False


class MediaParticipant:
    """One participant. `who` begins the kinds of its events: `probe` (the probe's agent), `caller`, …

    `about` holds fields of each of its events, for example the job that it joins for.
    """

    def __init__(self, recorder: TrialRecorder, who: str, **about: str) -> None:
        self._recorder = recorder
        self._who = who
        self._about = about
        self._room = rtc.Room()
        self._connecting: asyncio.Task[None] | None = None
        self._publishing: asyncio.Task[rtc.LocalTrackPublication] | None = None
        self._tone: asyncio.Task[None] | None = None
        self._source: rtc.AudioSource | None = None
        self.on_participant_left: Callable[[str], None] | None = None
        """Called with the identity of each participant that leaves the room while this one is in it."""
        self._others_changed = asyncio.Event()
        self.gone = asyncio.Event()
        """Set when it was disconnected, by itself or by the server."""

    async def join(self, url: str, token: str, on_agent_track: Callable[[str, str], None] | None = None) -> None:
        """Join. `on_agent_track` is called for each track of another participant (identity, track SID).

        Raises JoinError if the server or the network prevents it.
        """
        room = self._room
        room.on("disconnected", self._on_disconnected)
        room.on("participant_connected", lambda _participant: self._others_changed.set())
        room.on("participant_disconnected", self._on_participant_left)
        room.on("reconnecting", lambda: self._record(Reconnecting))
        room.on("reconnected", lambda: self._record(Reconnected))
        if on_agent_track is not None:
            tell = on_agent_track

            def published(track: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
                tell(participant.identity, track.sid)

            room.on("track_published", published)
        self._record(Joining)
        options = rtc.RoomOptions(auto_subscribe=False, connect_timeout=CONNECT_TIMEOUT_S)
        # Never cancelled: livekit-ffi ends the whole process if nobody takes the room of a connect that has begun
        # ("timed out waiting for ReadyForRoomEventRequest after ConnectCallback", livekit 1.1.21). It has a timeout.
        self._connecting = asyncio.create_task(room.connect(url, token, options), name=f"{self._who} connects")
        try:
            await asyncio.shield(self._connecting)
        except rtc.ConnectError as error:
            reason = scrub(str(error), [token]) or "no answer"
            self._record(JoinFailed, error=reason)
            raise JoinError(f"the {self._who} could not join: {reason}") from None
        self._record(Joined, identity=room.local_participant.identity, sid=room.local_participant.sid, by="media")
        if on_agent_track is not None:
            for participant in room.remote_participants.values():
                for track in participant.track_publications.values():
                    on_agent_track(participant.identity, track.sid)

    async def wait_sees(self, identities: Collection[str], timeout_s: float) -> bool:
        """Whether its own client knows of all these participants, now or within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while not set(identities) <= set(self._room.remote_participants):
                    self._others_changed.clear()
                    await self._others_changed.wait()
        except TimeoutError:
            return False
        return True

    def sees(self) -> set[str]:
        """The identities of the other participants that its own client knows of now."""
        return set(self._room.remote_participants)

    async def wait_connected(self, timeout_s: float) -> None:
        """Wait until a join, or the publishing after it, has succeeded or failed, or the time is up."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                if self._connecting is not None:
                    await asyncio.wait({self._connecting})
                if self._publishing is not None:
                    await self._wait_published()

    async def _wait_published(self) -> None:
        """Wait until the track is published or the room is disconnected, after which publishing is never answered."""
        assert self._publishing is not None, "it was begun"
        gone = asyncio.create_task(self.gone.wait())
        try:
            await asyncio.wait({self._publishing, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()

    async def publish_audio(self) -> None:
        """Publish a microphone track, with a second of a quiet tone on it."""
        self._source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track("lkdiag", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        # Not cancelled while connected: livekit.rtc then writes a traceback to stderr (KeyError in its own listener,
        # livekit 1.1.21).
        publish = self._room.local_participant.publish_track(track, options)
        self._publishing = asyncio.create_task(publish, name=f"{self._who} publishes")
        publication = await asyncio.shield(self._publishing)
        self._record(TrackPublished, sid=publication.sid)
        self._tone = asyncio.create_task(_send_tone(self._source), name=f"{self._who}'s tone")

    async def leave(self) -> None:
        """Leave if still in the room, and free everything."""
        if self._connecting is None:
            return
        await self.wait_connected(CONNECT_TIMEOUT_S)
        if self._tone is not None:
            self._tone.cancel()
            await asyncio.gather(self._tone, return_exceptions=True)
        was_in = self._room.isconnected()
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                await self._room.disconnect()
        except TimeoutError:
            self._record(LeaveTimedOut, timeout_s=LEAVE_TIMEOUT_S)
        else:
            # On a busy machine livekit.rtc may return from disconnect() without its `disconnected` event: its listener
            # ends first (livekit 1.1.21). Its state says in any case that the room is left.
            if was_in and not self.gone.is_set():
                self._on_disconnected(rtc.DisconnectReason.CLIENT_INITIATED)
        if self._publishing is not None:
            self._publishing.cancel()  # harmless now: a disconnected room has no events
            await asyncio.gather(self._publishing, return_exceptions=True)
        if self._source is not None:
            await self._source.aclose()

    def _on_disconnected(self, reason: object) -> None:
        name = rtc.DisconnectReason.Name(reason) if isinstance(reason, int) else str(reason)  # type: ignore[arg-type]
        self._record(Disconnected, reason=name)
        self.gone.set()

    def _on_participant_left(self, participant: rtc.RemoteParticipant) -> None:
        if self.on_participant_left is not None:
            self.on_participant_left(participant.identity)

    def _record(self, what: type[OwnParticipant], **data: Any) -> None:
        self._recorder.record(what.for_who(self._who)(**self._about, **data))


async def _send_tone(source: rtc.AudioSource) -> None:
    samples = SAMPLE_RATE_HZ * FRAME_MS // 1000
    wave = [round(TONE_LEVEL * math.sin(math.tau * TONE_HZ * i / SAMPLE_RATE_HZ)) for i in range(samples)]
    frame = rtc.AudioFrame(array.array("h", wave).tobytes(), SAMPLE_RATE_HZ, 1, samples)
    for _ in range(1000 // FRAME_MS):
        await source.capture_frame(frame)  # blocks once 100 ms are queued, which paces it
