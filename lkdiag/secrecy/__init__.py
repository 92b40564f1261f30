"""The only scrubber: it takes secrets out of every text that comes from outside, before the text is kept or shown."""

from __future__ import annotations

from lkdiag.secrecy.assigned import is_secret_name
from lkdiag.secrecy.mask import HIDDEN
from lkdiag.secrecy.scrubber import Scrubber, embedded, scrub

__all__ = ["HIDDEN", "Scrubber", "embedded", "is_secret_name", "scrub"]
