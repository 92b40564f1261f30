"""What holds for every format and every report."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lkdiag.document.selection import trials_of
from lkdiag.render import FORMATS

from .sample_reports import SAMPLES
from .teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from collections.abc import Callable

    from lkdiag.report.value import Report

EVERY: dict[str, Callable[[], Report]] = {**SAMPLES, **TEARDOWNS}


@pytest.mark.parametrize("sample", EVERY)
@pytest.mark.parametrize("name", FORMATS)
class TestEveryFormat:
    def text(self, name: str, sample: str) -> str:
        file = io.StringIO()
        FORMATS[name](EVERY[sample](), file)
        return file.getvalue()

    def test_says_the_run_and_the_verdict(self, name: str, sample: str) -> None:
        text = self.text(name, sample)
        report = EVERY[sample]()
        assert report.run.id in text
        assert report.verdict.value in text.lower()

    def test_names_the_page_of_every_finding(self, name: str, sample: str) -> None:
        text = self.text(name, sample)
        checks = {finding.check for finding in EVERY[sample]().findings}
        for check in checks if name not in ("json", "svg") else ():
            assert f"lkdiag explain {check}" in text

    def test_has_every_id_uncut(self, name: str, sample: str) -> None:
        text = self.text(name, sample)
        for trial in trials_of(EVERY[sample]()):
            for id_name in ("room_sid", "dispatch_id", "job_id", "worker_id", "fallback_dispatch_id"):
                found = getattr(trial, id_name, None)
                assert found is None or found in text

    def test_is_clean_text_that_ends_with_a_newline(self, name: str, sample: str) -> None:
        text = self.text(name, sample)
        assert text.endswith("\n")
        assert not [line for line in text.split("\n") if not line.isprintable()]
        assert text.encode("utf-8")

    def test_is_the_same_every_time(self, name: str, sample: str) -> None:
        assert self.text(name, sample) == self.text(name, sample)


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("lkdiag.render", {"rich", "msgspec", "livekit", "aiohttp"}),
        ("lkdiag.render.terminal", {"livekit", "aiohttp"}),
        ("lkdiag.render.markdown", {"rich", "livekit", "aiohttp"}),
        ("lkdiag.render.json", {"rich", "livekit", "aiohttp"}),
    ],
)
def test_a_renderer_loads_no_more_than_it_needs(module: str, absent: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {module}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert not absent & set(done.stdout.split())
