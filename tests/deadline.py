"""How long a test waits for what must happen."""

from __future__ import annotations

DEADLINE_S = 180.0
"""Only what hangs takes longer, on a busy machine too. A test that passes never waits so long."""
