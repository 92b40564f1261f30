"""What happened, as facts in the past tense: events and their kinds, the recorder, the file, the queries over them."""

from lkdiag.journal import call_kinds, participant_kinds, run_kinds, trial_kinds, worker_kinds

KINDS_ARE_IN = (run_kinds, trial_kinds, participant_kinds, worker_kinds, call_kinds)
"""Whoever reads an event knows all kinds."""
