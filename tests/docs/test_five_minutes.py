"""README's first page, as a newcomer follows it: from a `.env.local` to a file to attach."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lkdiag.client.workers import SimulatedWorker
from lkdiag.journal.recorder import Recorder
from lkdiag.pages import find_page
from lkdiag.scenario.dispatch import JobType
from lkdiag.scenario.fault import BehaviourSpec
from lkdiag.settings import Credentials
from tests.cli.user import User
from tests.docs.command_lines import blocks, commands_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from lkdiag.server.private import PrivateServer

ROOT = Path(__file__).parents[2]
AGENT = "my-agent"


def first_page() -> str:
    (found,) = re.findall(r"^## Five minutes.*?(?=^## )", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(found)


def steps() -> list[list[str]]:
    scripts = [text for language, text in blocks(first_page()) if language == "sh"]
    return list(commands_of(scripts[1]))


@pytest.fixture
def newcomer(private_server: PrivateServer, tmp_path: Path) -> User:
    """Has a project in the `.env.local` of the folder, and nothing in the environment."""
    root = tmp_path / "newcomer"
    root.mkdir()
    user = User(root, secrets=[private_server.api_secret])
    lines = (
        f"LIVEKIT_URL={private_server.url}",
        f"LIVEKIT_API_KEY={private_server.api_key}",
        f"LIVEKIT_API_SECRET={private_server.api_secret}",
    )
    (user.cwd / ".env.local").write_text("".join(f"{line}\n" for line in lines))
    return user


def test_the_page_has_three_commands_and_what_each_of_them_printed() -> None:
    (output,) = [text for language, text in blocks(first_page()) if not language]
    printed = [line.removeprefix("$ ") for line in output.splitlines() if line.startswith("$ ")]
    assert len(steps()) == 3
    assert list(commands_of("\n".join(printed))) == steps()


@pytest.fixture
async def agent(private_server: PrivateServer) -> AsyncIterator[None]:
    """The newcomer's own worker is there."""
    server = private_server
    credentials = Credentials(server.url, server.api_key, server.api_secret, "the test", ())
    recorder = Recorder(lambda _: None, wall_ns=time.time_ns, mono_ns=time.monotonic_ns)
    worker = SimulatedWorker(credentials, recorder.for_trial(None), AGENT, JobType.ROOM, BehaviourSpec("honest"))
    await worker.open()
    yield
    await worker.close()


@pytest.mark.server
@pytest.mark.usefixtures("agent")
async def test_the_three_commands_end_with_a_file_to_attach(newcomer: User) -> None:
    doctor, trial, bundle = [await newcomer.run(*arguments) for arguments in steps()]
    assert doctor.code == 0, doctor.stdout
    assert trial.code in (0, 1, 3), trial.stderr  # on a busy machine an agent may be late
    assert "✓ delivered" in trial.stdout
    assert "credentials from .env.local" in trial.stderr
    assert bundle.code == 0, bundle.stderr
    (packed,) = newcomer.cwd.glob("lkdiag-*.zip")
    assert packed.name in bundle.stdout
    with zipfile.ZipFile(packed) as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert {"report.md", "journal.jsonl", "manifest.json"} <= names


def test_the_wheel_has_what_the_commands_read(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    unpacked = tmp_path / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    environ = {"PYTHONPATH": str(unpacked), "PATH": "", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    told = "import lkdiag.pages as p; print(p.folder(), p.find_page('tls').text)"
    done = subprocess.run([sys.executable, "-c", told], env=environ, cwd=tmp_path, check=True, capture_output=True)
    assert done.stdout.decode() == f"{unpacked / 'lkdiag' / '_docs'} {find_page('tls').text}\n"
    assert (unpacked / "lkdiag" / "_scenarios" / "dispatch-trial.toml").is_file()
