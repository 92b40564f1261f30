"""What happened, as facts in the past tense: events, the recorder that makes them, the queries over them."""

from lkdiag.timeline.event import GROUND_TRUTH_KINDS, Data, Event
from lkdiag.timeline.recorder import Recorder, TrialRecorder
from lkdiag.timeline.timeline import Timeline

__all__ = ["GROUND_TRUTH_KINDS", "Data", "Event", "Recorder", "Timeline", "TrialRecorder"]
