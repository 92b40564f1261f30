"""Every kind of secret, in every shape, through every way in: none is in any report, in any format, or in a bundle."""

from __future__ import annotations

import io
import itertools
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lkdiag.bundle import Material, archive, make_bundle
from lkdiag.cli.messages import say_error
from lkdiag.cli.worker_log import worker_log_events
from lkdiag.errors import LkdiagError
from lkdiag.journal.call_kinds import ErrorUnhandled
from lkdiag.journal.file import JournalWriter, append_events, read_journal
from lkdiag.journal.recorder import Recorder
from lkdiag.journal.row import row_of
from lkdiag.journal.trial_kinds import ApiCalled, RoomDeleteFailed, TrialCrashed
from lkdiag.privacy.secrets import Scrubber, scrub
from lkdiag.render import FORMATS
from lkdiag.report.build import build_report
from lkdiag.report.redact import redact

from . import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lkdiag.report.value import Report

JOURNALS = Path(__file__).parents[1] / "journals"
SEEDS = (1, 2, 3)
BLOCK = kinds.key_block(7)
BLOCK_LINES = BLOCK.split("\n")[1:-1]


def seen(text: str, secret: str) -> bool:
    return any(needle in text for needle in kinds.needles(secret))


@pytest.mark.parametrize("seed", SEEDS)
def test_no_kind_in_any_shape_survives(seed: int) -> None:
    left = [(label, shown) for label, text, secret in kinds.planted(seed) if seen(shown := scrub(text), secret)]
    assert left == []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_scrubbed_stays_as_it_is(seed: int) -> None:
    shown = [scrub(text) for _, text, _ in kinds.planted(seed)]
    assert [scrub(text) for text in shown] == shown


@pytest.mark.parametrize("seed", SEEDS)
def test_scrubbed_json_is_json_still(seed: int) -> None:
    for secret in kinds.secrets(seed).values():
        for shape in ("json in json in json", "turn"):
            json.loads(scrub(kinds.NAMED_SHAPES[shape](secret)))


def a_worker_line(number: int, message: str, **fields: Any) -> str:
    about = {"level": "ERROR", "name": "my.agent", "timestamp": f"2026-11-21T04:18:56.{number % 1000:03}+00:00"}
    return json.dumps({"message": message, **about, "pid": 7} | fields)


def worker_lines(job_id: str) -> Iterator[str]:
    """Each text as the message, as the error, and as a traceback; and a key block, line by line."""
    yield a_worker_line(0, "registered worker", name="livekit.agents", level="INFO", id="AW_x")
    number = itertools.count(1)
    for _, text, _ in kinds.sample(SEEDS[0]):
        mark = next(number)
        yield a_worker_line(mark, f"m{mark:04} {text}", job_id=job_id)
        yield a_worker_line(mark, f"e{mark:04}", job_id=job_id, error=text)
        yield a_worker_line(mark, f"t{mark:04}", job_id=job_id, exc_info=f"Traceback:\n{text}")
    for line in BLOCK.split("\n"):
        yield a_worker_line(next(number), line, job_id=job_id)
    yield a_worker_line(next(number), "after the key", job_id=job_id)
    yield from BLOCK.split("\n")


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """The journal of a failing trial to which all of it was said: by the API, by errors, and by a worker."""
    folder = tmp_path_factory.mktemp("run")
    recorded = list(read_journal(JOURNALS / "ghost.jsonl").events)
    job_id = next(event.data["job_id"] for event in recorded if "job_id" in event.data)
    (folder / "worker.log").write_text("\n".join(worker_lines(job_id)) + "\n")
    log = [json.dumps({"level": "info", "msg": text, "logger": "livekit"}) for _, text, _ in kinds.sample(SEEDS[0])]
    plain = [text for _, text, _ in kinds.sample(SEEDS[0])]
    (folder / "livekit-server.log").write_text("\n".join([*log, *plain, *BLOCK.split("\n")]) + "\n")
    with JournalWriter(folder / "journal.jsonl") as journal:
        clock = iter(range(10**9))
        recorder = Recorder(journal.write, wall_ns=lambda: next(clock), mono_ns=lambda: 0)
        for event in recorded[:-1]:
            recorder.adopt(event, event.trial)
        last = recorded[-1]
        recorder = Recorder(journal.write, wall_ns=lambda: last.at_ns, mono_ns=lambda: last.mono_ns)
        for _, text, _ in kinds.sample(SEEDS[0]):
            failed: dict[str, Any] = {"method": "ListDispatch", "began_mono_ns": last.mono_ns, "duration_ms": 1.0}
            recorder.record(ApiCalled(**failed, attempts=1, ok=False, code="x", status=500, error=text), 1)
            recorder.record(ErrorUnhandled(error=text, message=text))
            seen = {"attributes": {"note": text}, "metadata": text, "details": [{"deep": text}]}
            recorder.record(row_of("lkdiag.limited", seen), 1)
        lines = {f"line_{n}": line for n, line in enumerate(BLOCK.split("\n"))}
        recorder.record(row_of("agent.logged", {"text": BLOCK, **lines}))
        recorder.adopt(last, last.trial)
    read = read_journal(folder / "journal.jsonl")
    said = worker_log_events(read.events, folder / "worker.log", quiet=True)
    return Material(read, folder / "livekit-server.log", folder / "worker.log", said)


@pytest.fixture(scope="module")
def report(material: Material) -> Report:
    append_events(material.journal.path, material.worker_events)
    return build_report(read_journal(material.journal.path).events)


def assert_none_in(name: str, text: str) -> None:
    every = {**kinds.secrets(SEEDS[0]), **kinds.named_secrets(SEEDS[0])}
    assert [kind for kind, secret in every.items() if seen(text, secret)] == [], name
    assert [line for line in BLOCK_LINES if line in text] == [], name


@pytest.mark.parametrize("masked", [False, True], ids=["as it is", "--redact"])
@pytest.mark.parametrize("format_", FORMATS)
def test_no_report_has_one(format_: str, masked: bool, report: Report) -> None:
    text = io.StringIO()
    FORMATS[format_](redact(report) if masked else report, text, verbose=True)
    if format_ == "json":
        last = len(kinds.sample(SEEDS[0]))
        assert all(f"{kind}{number:04}" in text.getvalue() for kind in "met" for number in (1, last)), "all was read"
        assert "after the key" in text.getvalue()
    assert_none_in(format_, text.getvalue())


@pytest.mark.parametrize("full", [False, True], ids=["masked", "--full"])
def test_no_file_of_a_bundle_has_one(full: bool, material: Material) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(make_bundle(material, full=full)))) as file:
        assert len(file.namelist()) > 8
        for name in file.namelist():
            assert_none_in(name, file.read(name).decode())


def test_the_journal_has_none(material: Material) -> None:
    assert_none_in("journal", material.journal.path.read_text())


def test_a_key_block_is_hidden_line_by_line() -> None:
    scrubber = Scrubber()
    shown = [scrubber.text(line) for line in ["before", *BLOCK.split("\n"), "after the block", *BLOCK_LINES[-1:]]]
    assert shown[0] == "before"
    assert shown[-2] == "after the block"
    assert not [line for line in BLOCK_LINES if line in shown[:-1]]
    assert shown[-1] == BLOCK_LINES[-1], "behind its end a short line is nothing special"


def test_a_key_block_that_never_ends_hides_no_story() -> None:
    scrubber = Scrubber()
    said = ["-----BEGIN PRIVATE KEY-----", "delivered", "agent AJ_x9pNSbWpxVfm left", "room is empty"]
    assert [scrubber.text(text) for text in said][1:] == said[1:]


def test_a_secret_that_is_known_is_hidden_in_every_form() -> None:
    secret = 'correct "horse"/battery+staple'
    recorder_events: list[str] = []
    recorder = Recorder(lambda e: recorder_events.append(json.dumps(e.data)), wall_ns=lambda: 0, mono_ns=lambda: 0)
    recorder.hide(secret)
    for write in kinds.BARE.values():
        recorder.record(RoomDeleteFailed(error=write(secret), room=f"room of {secret}"))
    recorder.record(TrialCrashed(error=json.dumps({"a": json.dumps({"b": secret})})))
    assert not [text for text in recorder_events if "horse" in text or "battery" in text]
    assert not [text for text in recorder_events if kinds._base64(secret)[4:-6] in text]


def test_what_is_said_on_stderr_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    for _, text, _ in kinds.sample(SEEDS[0]):
        say_error(LkdiagError(f"refused: {text}", text))
    # a path may look made up: where a run is recorded has to be said
    certain = {kind: secret for kind, secret in kinds.secrets(SEEDS[0]).items() if kind != "livekit"}
    said = capsys.readouterr().err
    assert [kind for kind, secret in certain.items() if seen(said, secret)] == []
