"""What happened, as facts in the past tense: events, the recorder that makes them, the queries over them."""

from lkdiag.timeline.event import Data, Event, is_ground_truth
from lkdiag.timeline.recorder import Recorder, TrialRecorder
from lkdiag.timeline.timeline import Timeline

__all__ = ["Data", "Event", "Recorder", "Timeline", "TrialRecorder", "is_ground_truth"]
