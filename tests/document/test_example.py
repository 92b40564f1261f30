"""The smallest example in a report: it is a program, and it does on a real server what it says."""

from __future__ import annotations

import ast
import asyncio
import sys
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from markdown_it import MarkdownIt

from lkdiag.document.build import document_of
from lkdiag.render import markdown
from tests.render import sample_reports
from tests.render.sample_reports import HOSTILE_AGENT, HOSTILE_ERROR
from tests.render.teardown_samples import TEARDOWNS

if TYPE_CHECKING:
    from lkdiag.report.value import DispatchReport
    from lkdiag.server.private import PrivateServer

VARIANTS = list(product(("create-room", "create-dispatch", "token"), ("none", "join", "publish")))


def report_with(**options: Any) -> DispatchReport:
    report = sample_reports.delivered()
    return replace(report, run=replace(report.run, options={**report.run.options, **options}))


def program_in(text: str) -> str:
    (found,) = (t.content for t in MarkdownIt("commonmark").parse(text) if t.type == "fence" and t.info == "python")
    return found


@pytest.mark.parametrize(("method", "caller"), VARIANTS)
def test_it_is_a_program_for_every_way_to_dispatch(method: str, caller: str) -> None:
    program = program_in(markdown.render(document_of(report_with(method=method, caller=caller, metadata='{"a": 1}'))))
    ast.parse(program)
    assert 'AGENT = "inbound-agent"\n' in program
    assert "METADATA = '{\"a\": 1}'\n" in program
    assert "TRIALS, TIMEOUT_S = 20, 20\n" in program
    assert ("rtc.Room()" in program) == (method == "token" or caller != "none")


@pytest.mark.parametrize(
    "text", [HOSTILE_AGENT, HOSTILE_ERROR, "it's", '"', "'\"\\'\\\"", "\\", "🙂\n", '"\nimport os\n"']
)
def test_texts_from_elsewhere_stay_texts(text: str) -> None:
    tree = ast.parse(program_in(markdown.render(document_of(report_with(agent_name=text, metadata=text)))))
    assert [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)].count(text) == 2


def test_the_same_room_name_where_it_was_the_same() -> None:
    assert 'name = "lkdiag-example"\n' in program_in(markdown.render(document_of(report_with(reuse_room_name=True))))
    assert 'name = f"lkdiag-example-{number}"\n' in program_in(markdown.render(document_of(report_with())))


def test_with_lkdiags_own_worker_the_command_is_the_example() -> None:
    for report in (report_with(agent_name=None), TEARDOWNS["teardown-grid"]()):
        text = markdown.render(document_of(report))
        assert "```python" not in text
        assert "The command below is the smallest example" in text


@pytest.mark.server
@pytest.mark.parametrize(
    ("method", "caller"), [("create-room", "none"), ("create-dispatch", "join"), ("token", "publish")]
)
async def test_it_runs(method: str, caller: str, private_server: PrivateServer) -> None:
    program = program_in(
        markdown.render(document_of(report_with(method=method, caller=caller, count=2, timeout_s=0.1)))
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", program,
        env={
            "LIVEKIT_URL": private_server.url,
            "LIVEKIT_API_KEY": private_server.api_key,
            "LIVEKIT_API_SECRET": private_server.api_secret,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    first, second = (line for line in said.decode().splitlines() if "NO AGENT" in line)
    assert first.startswith("0 RM_")
    assert second.startswith("1 RM_")
    assert said.decode().count("inbound-agent") == 2
