"""What is masked in a text, and what only looks like it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lkdiag.journal.file import read_journal
from lkdiag.privacy.masks import Masks
from lkdiag.report.build import build_report
from lkdiag.report.redact import redact

from . import planted

if TYPE_CHECKING:
    from pathlib import Path

MASKED = [
    ("wss://acme-1.livekit.cloud/rtc", "wss://***.livekit.cloud/rtc"),
    ("acme-1.ofrankfurt1b.production.livekit.cloud", "***.ofrankfurt1b.production.livekit.cloud"),
    ("other-2.livekit.cloud of acme-1", "***2.livekit.cloud of ***"),
    ("sip_+15550100 and 15550100", "sip_***phone-1 and 15550100"),
    ("sip_+15550100123 and 15550100123", "sip_***phone-1 and ***phone-1"),
    ("+1 (555) 010-0123, +15550100123, (555) 010-0199", "***phone-1, ***phone-1, ***phone-2"),
    ("555-010-0199", "***phone-1"),
    ("sip_15550100, tel:15550100", "sip_***phone-1, tel:***phone-1"),
    ("call-_+15550100_x7", "call-_***phone-1_x7"),
    ("caller=%2B15550100", "caller=***phone-1"),
    ("sip:+15550100@pbx.acme.com and a.b@acme.com", "sip:***phone-1@*** and ***mail-1"),
    ("8.8.4.4, [2001:4860:4860::8888]:443", "***ip-1, [***ip-2]:443"),
    ("/home/jane/x.py, /Users/bob/y, C:\\Users\\bob\\z", "/home/***/x.py, /Users/***/y, C:\\Users\\***\\z"),
    ("metadata='{\"a\": 1}'", "metadata='***'"),
    ('room_metadata: "x y", metadata={"a": {"b": 1}}', 'room_metadata: "***", metadata=***'),
    ("key APIx1Y2z3W4v5U6", "key ***"),
]


@pytest.mark.parametrize(("text", "shown"), MASKED)
def test_masked(text: str, shown: str) -> None:
    masks = Masks("acme-1.livekit.cloud")
    masks.learn(text)
    assert masks.text(text) == shown
    assert masks.text(shown) == shown, "what is masked stays as it is"


@pytest.mark.parametrize(
    "text",
    [
        "+0.213 s  room  created: RM_x9pNSbWpxVfm, creation_time_ms 1795244586004",
        "run 20261121-070300-def7, 2026-11-21 07:03:00 – 07:03:25 UTC, 2026-11-21T07:03:00+00:00",
        "lkdiag 1.2.3+20240101, livekit 1.1.21, Linux 6.1.0-18-amd64",
        "127.0.0.1:7880, 10.0.0.3, 192.168.1.20, fe80::1, ::1, 10:14:02, a::b",
        "@livekit/agents, pino@9.3.2, agents@1.9.0, node_modules/.pnpm/x@1.2.3/y",
        "agents.livekit.cloud, cloud.livekit.io",
        "API RoomService.ListRooms, APIs",
        "agent-AJ_iDyaVnqiZD2M of AD_YgsFdicD2uiu by AW_mZY3ruapEDAv on ND_4bRn5YNCHram",
        "private livekit-server",
        'metadata: "", without metadata, metadata of a job',
    ],
)
def test_not_masked(text: str) -> None:
    for host in ("private livekit-server", "localhost:7880", "127.0.0.1:7880", ""):
        masks = Masks(host)
        masks.learn(text)
        assert masks.text(text) == text
        assert masks.masked == {}


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("lkdiag dispatch-trial --metadata x -n 2", "lkdiag dispatch-trial --metadata '***' -n 2"),
        ("lkdiag dispatch-trial --metadata=x", "lkdiag dispatch-trial '--metadata=***'"),
        ("lkdiag run s --set metadata=x --set count=2", "lkdiag run s --set 'metadata=***' --set count=2"),
        (
            "lkdiag run 'unbalanced --url wss://a-1.livekit.cloud",
            "lkdiag run 'unbalanced --url wss://***.livekit.cloud",
        ),
    ],
)
def test_command_lines(command: str, shown: str) -> None:
    assert Masks().value({"command": command}) == {"command": shown}


def test_names_are_found_wherever_they_stand() -> None:
    masks = Masks()
    data = {"identity": "jane.d", "left_in_room": ["Bob M", "caller"], "from_number": 4930123456789}
    masks.learn(data)
    assert masks.value(data) == {
        "identity": "***person-1",
        "left_in_room": ["***person-2", "caller"],
        "from_number": "***phone-1",
    }
    assert (
        masks.text("jane.d saw Bob M, not jane.dee; 4930123456789")
        == "***person-1 saw ***person-2, not jane.dee; ***phone-1"
    )


def test_what_lkdiag_says_itself_is_no_name() -> None:
    masks = Masks()
    masks.learn({"identity": "sip-active"})
    masks.learn({"participant": "running"})
    assert masks.value({"state": "running", "text": "running"}) == {"state": "running", "text": "***person-2"}


def test_a_report_is_masked_as_a_bundle_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text(planted.journal())
    report = build_report(read_journal(path).events)
    masked = redact(report)
    assert type(masked) is type(report)
    assert masked.environment.project_host == "***.livekit.cloud"
    assert masked.run.options["metadata"] == "***"
    assert not [thing for thing in planted.PERSONAL if thing in str(masked)]
    assert redact(masked) == masked
