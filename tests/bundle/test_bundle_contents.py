"""Nothing secret in any bundle, nothing personal in a default one, and the story as it was."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING

import pytest

from lkdiag import bundle as bundle_contents
from lkdiag.bundle import Material, archive, make_bundle
from lkdiag.cli.worker_log import worker_log_events
from lkdiag.errors import LkdiagError
from lkdiag.journal.file import read_journal
from lkdiag.report.build import build_report
from lkdiag.report.value import DispatchReport

from . import planted

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(path.stem for path in planted.JOURNALS.glob("*.jsonl"))
RUN_FOLDER = "lkdiag-20261121-041854-10df"


def a_material(folder: Path, name: str = "ghost") -> Material:
    for file, text in (
        ("journal.jsonl", planted.journal(name)),
        ("livekit-server.log", planted.server_log()),
        ("worker.log", planted.worker_log()),
    ):
        (folder / file).write_text(text, encoding="utf-8")
    journal = read_journal(folder / "journal.jsonl")
    worker_log = folder / "worker.log"
    events = worker_log_events(journal.events, worker_log)
    return Material(journal, folder / "livekit-server.log", worker_log, events)


def files_of(packed: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert file.testzip() is None
        return {name.partition("/")[2]: file.read(name).decode() for name in file.namelist()}


@pytest.fixture(params=[False, True], ids=["masked", "full"])
def full(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_the_material_has_what_is_searched_for(tmp_path: Path) -> None:
    """Else the tests below would pass of themselves."""
    material = a_material(tmp_path)
    assert material.server_log is not None
    assert material.worker_log is not None
    texts = [path.read_text() for path in (material.journal.path, material.server_log, material.worker_log)]
    for secret in planted.SECRETS:
        assert all(secret in text for text in texts[:1]), secret
    assert all(any(thing in text for text in texts) for thing in planted.PERSONAL)


def test_no_secret_is_in_any_file(full: bool, tmp_path: Path) -> None:
    for name, text in files_of(archive(make_bundle(a_material(tmp_path), full=full))).items():
        assert not [secret for secret in planted.SECRETS if secret in text], name


def test_a_known_secret_that_looks_like_nothing_is_in_no_file(full: bool, tmp_path: Path) -> None:
    material = a_material(tmp_path)
    for path in (material.journal.path, material.server_log, material.worker_log):
        assert path is not None
        path.write_text(
            path.read_text().replace("signed with", "signed with correcthorse%2Fbattery or correcthorse/battery")
        )
    material = Material(read_journal(material.journal.path), material.server_log, material.worker_log)
    bundle = make_bundle(material, full=full, secrets=["correcthorse/battery", "secret"])
    for name, text in files_of(archive(bundle)).items():
        assert "correcthorse" not in text, name
    assert "apiSecret" in files_of(archive(bundle))["journal.jsonl"], "a short secret is a word like any other"


def test_nothing_personal_is_in_a_default_bundle(tmp_path: Path) -> None:
    found = files_of(archive(make_bundle(a_material(tmp_path))))
    assert {"journal.jsonl", "livekit-server.log", "worker.log", "report.md", "report.json", "report.txt"} <= set(found)
    for name, text in found.items():
        assert not [thing for thing in planted.PERSONAL if thing in text], name


def test_full_keeps_it(tmp_path: Path) -> None:
    bundle = make_bundle(a_material(tmp_path), full=True)
    journal = files_of(archive(bundle))["journal.jsonl"]
    assert [thing for thing in planted.PERSONAL[:9] if thing not in journal] == []
    assert bundle.masked == {}


def test_the_same_thing_has_the_same_mask_in_every_file(tmp_path: Path) -> None:
    found = files_of(archive(make_bundle(a_material(tmp_path))))
    logs = [found[name] for name in ("journal.jsonl", "livekit-server.log", "worker.log")]
    (phone,) = {
        json.loads(line)["data"]["attributes"]["sip.phoneNumber"] for line in logs[0].splitlines() if "sip.ph" in line
    }
    person = next(json.loads(line)["participant"] for line in logs[1].splitlines() if '"participant":' in line)
    assert phone == "***phone-1"
    assert person == "***person-1"
    for text in logs:
        assert f"call from {phone} ({phone}), sip:{phone}@***, {phone}" in text
        assert f"participant {person} left; mail ***mail-1; from ***ip-1 with ***" in text
        assert "wss://***.livekit.cloud/rtc?access_token=***" in text
    assert '"identity": "***person-1"' in logs[2] or '"identity":"***person-1"' in logs[2]


def test_what_is_nobodys_stays(tmp_path: Path) -> None:
    journal = files_of(archive(make_bundle(a_material(tmp_path))))["journal.jsonl"]
    for kept in (
        "agent-AJ_",
        "RM_i2msuA6wxZbc",
        "lkdiag-20261121-041854-10df-001",
        "lkdiag-caller",
        '"lk.agent.state":"idle"',
    ):
        assert kept in journal
    (people,) = (json.loads(line)["data"]["participants"] for line in journal.splitlines() if "people.seen" in line)
    assert [(one["identity"], one["kind"]) for one in people] == [
        ("***person-1", "sip"),
        ("***person-2", "standard"),
        ("lkdiag-caller", "standard"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_a_masked_journal_is_judged_as_the_run_was(name: str, tmp_path: Path) -> None:
    material = a_material(tmp_path, name)
    (tmp_path / "masked.jsonl").write_text(files_of(archive(make_bundle(material)))["journal.jsonl"])
    before = build_report(material.journal.events)
    after = build_report(read_journal(tmp_path / "masked.jsonl").events)
    assert isinstance(before, DispatchReport)
    assert isinstance(after, DispatchReport)
    assert after.verdict == before.verdict
    assert after.headline == before.headline
    assert after.summary == before.summary
    seen = [(t.outcome, t.state, t.mismatch, t.fallback, t.room, t.room_sid, t.diagnosis) for t in before.trials]
    assert [(t.outcome, t.state, t.mismatch, t.fallback, t.room, t.room_sid, t.diagnosis) for t in after.trials] == seen


@pytest.mark.parametrize("name", NAMES)
def test_a_journal_without_anything_to_hide_stays_as_it_is(name: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes((planted.JOURNALS / f"{name}.jsonl").read_bytes())
    bundle = make_bundle(Material(read_journal(path)))
    assert bundle.files[0].data == path.read_bytes()
    assert bundle.masked == {}


def test_identities_that_are_words_of_lkdiag_do_not_change_the_story(tmp_path: Path) -> None:
    """Somebody may be called `sip` or `active`: the fields that say so keep their words."""
    text = planted.journal().replace(planted.IDENTITY, "active")
    path = tmp_path / "journal.jsonl"
    path.write_text(text)
    make_bundle(Material(read_journal(path)))


def test_the_same_material_gives_the_same_bytes(full: bool, tmp_path: Path) -> None:
    material = a_material(tmp_path)
    assert archive(make_bundle(material, full=full)) == archive(make_bundle(material, full=full))


def test_manifest_names_every_file_with_its_hash(tmp_path: Path) -> None:
    packed = archive(make_bundle(a_material(tmp_path)))
    found = files_of(packed)
    manifest = json.loads(found.pop("manifest.json"))
    assert manifest["schema"] == "lkdiag.bundle/1"
    assert manifest["run"] == {"id": "20261121-041854-10df", "scenario": "dispatch-trial", "lkdiag_version": "0.1.0"}
    assert manifest["full"] is False
    assert {one["name"]: (one["size"], one["sha256"]) for one in manifest["files"]} == {
        name: (len(text.encode()), hashlib.sha256(text.encode()).hexdigest()) for name, text in found.items()
    }
    assert manifest["masked"]["phone"] == 1
    assert manifest["masked"]["person"] == 2
    with zipfile.ZipFile(io.BytesIO(packed)) as file:
        assert {name.partition("/")[0] for name in file.namelist()} == {RUN_FOLDER}


def test_killed_run_whose_last_line_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    torn = f'{{"seq":999,"kind":"note.made","data":{{"text":"call from {planted.PHONE} with {planted.JWT}'
    path.write_text(planted.journal("killed") + torn)
    bundle = make_bundle(Material(read_journal(path)))
    found = files_of(archive(bundle))
    assert found["journal.jsonl"].endswith("call from ***phone-1 with ***")
    assert len(bundle.notes) == 1
    assert "is torn" in bundle.notes[0]
    assert json.loads(found["report.json"])["run"]["interrupted"] is True
    (tmp_path / "masked.jsonl").write_text(found["journal.jsonl"])
    assert read_journal(tmp_path / "masked.jsonl").notes == bundle.notes


def test_a_run_that_can_not_be_judged_is_bundled_without_a_report(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(planted.journal().replace('"count": 1', '"count": "ten"'))
    bundle = make_bundle(Material(read_journal(path)))
    assert [file.name for file in bundle.files] == ["journal.jsonl", "environment.json"]
    assert "there is no report in it" in bundle.notes[0]
    assert json.loads(bundle.files[1].data)["python"]


def test_a_masked_journal_that_is_judged_otherwise_is_not_bundled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    material = a_material(tmp_path)
    verdicts = iter([["dropped"], ["delivered"]])
    monkeypatch.setattr(bundle_contents, "_verdicts", lambda _report: next(verdicts))
    with pytest.raises(LkdiagError, match="judged otherwise"):
        make_bundle(material)


@pytest.mark.parametrize("how", ["gzip", "gzip cut off", "utf-16"])
def test_worker_log_packed_or_from_powershell(how: str, tmp_path: Path) -> None:
    material = a_material(tmp_path)
    text = planted.worker_log() + "\n"
    data = text.encode("utf-16") if how == "utf-16" else gzip.compress(text.encode())
    (tmp_path / "w").write_bytes(data[:-9] if how == "gzip cut off" else data)
    bundle = make_bundle(Material(material.journal, None, tmp_path / "w"))
    (log,) = (file.data.decode() for file in bundle.files if file.name == "worker.log")
    assert log.startswith('{"message":"registered worker"')
    assert not [thing for thing in (*planted.SECRETS, *planted.PERSONAL) if thing in log]


def test_huge_log_keeps_its_beginning_and_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkdiag.bundle.HEAD_MAX", 30)
    monkeypatch.setattr("lkdiag.bundle.TAIL_MAX", 30)
    material = a_material(tmp_path)
    (tmp_path / "huge.log").write_text("".join(f"line {number:04d}\n" for number in range(500)))
    bundle = make_bundle(Material(material.journal, tmp_path / "huge.log"))
    (log,) = (file.data.decode() for file in bundle.files if file.name == "livekit-server.log")
    assert log == (
        "line 0000\nline 0001\nline 0002\n… 494 lines left out of the bundle …\nline 0497\nline 0498\nline 0499\n"
    )
    assert "494 lines in its middle were left out" in bundle.notes[-1]


def test_a_journal_that_says_little_of_its_run_is_packed_too(tmp_path: Path) -> None:
    """All that a journal needs for that is its schema and its run's id."""
    path = tmp_path / "journal.jsonl"
    started = {"schema": "lkdiag.journal/1", "run_id": "20261121-041855-10df"}
    line = {"seq": 0, "kind": "run.started", "at_ns": 1, "mono_ns": 1, "trial": None, "data": started}
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    made = make_bundle(Material(read_journal(path), None, None, ()))
    assert (made.run["id"], made.run["scenario"], made.run["lkdiag_version"]) == (started["run_id"], None, None)
