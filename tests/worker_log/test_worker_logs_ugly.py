"""Logs as they are found: torn, mixed, redirected by another shell, in containers, or no logs at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lkdiag.errors import ExitCode, UsageError
from lkdiag.worker_log import What, WorkerLog, read_worker_log

LOGS = Path(__file__).with_name("logs")
PYTHON = (LOGS / "python-1.8.9-crash.jsonl").read_text()
NODE = (LOGS / "node-1.9.0-full.jsonl").read_text()


def python_line(message: str, **fields: Any) -> str:
    """A line of livekit-agents."""
    line = {"message": message, "level": "INFO", "name": "livekit.agents", "timestamp": "2026-08-22T10:00:00+00:00"}
    return json.dumps(line | fields)


def read(tmp_path: Path, content: str | bytes, **options: Any) -> WorkerLog:
    path = tmp_path / "worker.log"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_worker_log(path, **options)


def told(log: WorkerLog) -> list[tuple[What, str | None, str | None]]:
    return [(line.what, line.worker_id, line.error) for line in log.lines]


@pytest.fixture
def plain(tmp_path: Path) -> list[tuple[What, str | None, str | None]]:
    return told(read(tmp_path, PYTHON))


@pytest.mark.parametrize(
    "content",
    [
        PYTHON.replace("\n", "\r\n").encode(),
        PYTHON.encode("utf-16"),
        b"\xef\xbb\xbf" + PYTHON.encode(),
        gzip.compress(PYTHON.encode()),
        "".join(f"agent-1  | {line}\n" for line in PYTHON.splitlines()).encode(),
        "".join(json.dumps({"log": f"{line}\n", "stream": "stdout"}) + "\n" for line in PYTHON.splitlines()).encode(),
        "".join(f"INFO:     127.0.0.1 - GET / 200\n\n{line}\n" for line in PYTHON.splitlines()).encode(),
        "".join(f"\x1b[32m{line}\x1b[0m\n" for line in PYTHON.splitlines()).encode(),
    ],
    ids=["crlf", "utf-16", "bom", "gzip", "compose", "docker", "between", "ansi"],
)
def test_same_log_in_another_dress(
    tmp_path: Path, content: bytes, plain: list[tuple[What, str | None, str | None]]
) -> None:
    assert told(read(tmp_path, content)) == plain


def test_torn_lines_are_counted_and_passed_over(tmp_path: Path) -> None:
    lines = PYTHON.splitlines()
    log = read(tmp_path, "\n".join([lines[0][30:], *lines, lines[-1][:60]]))
    assert log.notes == ("1 torn or overlong lines of the worker's log were left out",)
    assert [line.what for line in log.lines][-1] is What.SHUTTING_DOWN
    assert log.total == len(lines) + 2


@pytest.mark.parametrize(
    "line",
    [
        "{" * 3_000,
        '{"a":' * 100_000,
        "[" * 100_000,
        "\x00\x01\x02",
        '{"message": 1, "level": []}',
        '{"msg": "received job request", "level": 30, "time": -1, "jobId": {"a": 1}, "room_id": 7}',
        '{"msg": "received job request", "level": 30, "time": 1e400, "jobId": "AJ_\\ud800"}',
        python_line("worker is at full capacity, marking as unavailable", load=10**400, threshold="high"),
        python_line("received job request", timestamp="yesterday", job_id="x" * 100_000),
        python_line("worker failed", exc_info=["no text"], error={"type": None}),
        "2026-13-45 99:99:99,999 - INFO livekit.agents - received job request {",
        "[10:00:00.000] INFO (x): received job request\n    jobId: {\n    room_id: [",
        "null",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    ],
)
def test_no_line_breaks_the_reader(tmp_path: Path, line: str) -> None:
    log = read(tmp_path, f"{PYTHON}{line}\n{NODE}")
    assert What.FULL in {found.what for found in log.lines}
    for found in log.lines:
        json.dumps(found.message).encode()
        (found.job_id or "").encode()
        assert found.load is None or found.load < 1


def test_a_line_without_an_end_is_not_held_in_memory(tmp_path: Path) -> None:
    log = read(tmp_path, f"{PYTHON}" + '{"message": "' + "x" * 5_000_000 + '"}\n' + NODE)
    assert log.total == len(PYTHON.splitlines()) + 1 + len(NODE.splitlines())
    assert log.notes
    assert log.sdks == ("node", "python")


def test_a_compressed_log_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    content = gzip.compress(PYTHON.encode() * 50, compresslevel=0)
    log = read(tmp_path, content[: len(content) // 2])
    assert log.lines
    assert log.notes[-1] == "the worker's log is a compressed file that is cut off"


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        (b"", "is empty", "keep what the worker prints"),
        (b"hello\nworld\n", "not the log of a LiveKit worker", "keep what the worker prints"),
        (b"\x1f\x8bnot gzip", "can't be unpacked", "keep what the worker prints"),
        (b'{"seq":0,"kind":"run.started","at_ns":1,"mono_ns":1,"data":{}}\n', "not the log", "keep what"),
        (
            b'{"level":"info","ts":1795242259.9,"logger":"livekit.agents","msg":"worker registered","workerID":"AW_x"}',
            "not the log of a LiveKit worker",
            "livekit-server's log",
        ),
        (bytes(range(256)) * 40, "not the log", "keep what"),
    ],
    ids=["empty", "prose", "not-gzip", "journal", "server", "binary"],
)
def test_wrong_file(tmp_path: Path, content: bytes, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, content)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code is ExitCode.USAGE


def test_no_file_at_all(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.log"):
        with pytest.raises(UsageError, match="can't be read"):
            read_worker_log(path)


def test_user_code_with_the_same_words_is_not_the_framework(tmp_path: Path) -> None:
    log = read(tmp_path, f"{PYTHON}{python_line('draining worker', name='my.agent')}\n")
    assert [line.what for line in log.lines].count(What.DRAINING) == 1


def test_of_a_job_other_warnings_and_errors_are_kept(tmp_path: Path) -> None:
    job = {"job_id": "AJ_1", "room": "desk-1"}
    lines = [
        python_line("registered worker", id="AW_1"),
        python_line("heard: my card is 4111", name="my.agent", **job),
        python_line("no such customer", name="my.agent", level="ERROR", **job),
        python_line("no such customer", name="my.agent", level="ERROR"),
        # the native client's, at the end of every call
        python_line("data channel '_lossy' closed unexpectedly", name="livekit", level="ERROR", **job),
        python_line(
            'livekit::rtc_engine - failed to connect: Connection("wait_pc_connection timed out"), retrying... (1/3)',
            name="livekit",
            level="WARNING",
            **job,
        ),
    ]
    log = read(tmp_path, "\n".join(lines))
    assert [(line.what, line.number) for line in log.lines] == [
        (What.REGISTERED, 1),
        (What.OTHER, 3),
        (What.JOIN_FAILED, 6),
    ]
    assert "4111" not in repr(log)


def test_secrets_are_taken_out(tmp_path: Path) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    said = (
        f"refused wss://user:hunter2@host/rtc?access_token={token} {token} Authorization: Bearer abc123def "
        "api_secret='s3cr3t-of-mine' OPENAI_API_KEY=sk-proj-abcdefgh12345 Basic mysecretword password: hunter3"
    )
    lines = [
        python_line("registered worker", id="AW_1"),
        python_line("worker failed", error=said, level="ERROR"),
        python_line(said, level="ERROR", job_id="AJ_1"),
    ]
    log = read(tmp_path, "\n".join(lines), secrets=["mysecretword"])
    shown = repr(log)
    for secret in (token, "hunter2", "hunter3", "abc123def", "s3cr3t-of-mine", "sk-proj", "mysecretword", "eyJ"):
        assert secret not in shown, secret
    assert "refused wss://***@host" in shown


def test_long_texts_are_cut_and_stay_on_one_line(tmp_path: Path) -> None:
    lines = [
        python_line("registered worker", id="AW_1"),
        python_line("x" * 50_000 + "\nsecond", level="ERROR", job_id="AJ_1", error="bell\x07 " + "-secret" * 20_000),
    ]
    kept = read(tmp_path, "\n".join(lines)).lines[-1]
    assert len(kept.message) == len(kept.error or "") == 300
    assert kept.message.isprintable()
    assert (kept.error or "").isprintable()


def test_a_traceback_below_a_readable_line_is_its_error(tmp_path: Path) -> None:
    text = (
        "2026-08-22 10:00:00,000 - \x1b[32mINFO\x1b[0m livekit.agents - registered worker \x1b[90m{"
        '"id": "AW_1"}\x1b[0m\n'
        "2026-08-22 10:00:01,000 - \x1b[31mERROR\x1b[0m livekit.agents - unhandled exception while running the job task"
        ' \x1b[90m{"job_id": "AJ_1", "room": "desk {\\"x\\"}"}\x1b[0m\n'
        "Traceback (most recent call last):\n"
        '  File "agent.py", line 5, in entrypoint\n'
        "    raise ValueError(text)\n"
        "ValueError: two\nlines\n"
        '10:00:02 INFO livekit.agents shutting down worker {"id": "AW_1"}\n'
    )
    crash, end = read(tmp_path, text).lines[1:]
    assert (crash.what, crash.error, crash.job_id) == (What.ENTRYPOINT_CRASHED, "ValueError: two", "AJ_1")
    assert crash.room == 'desk {"x"}'
    assert (end.what, end.worker_id) == (What.SHUTTING_DOWN, "AW_1")


def test_a_readable_error_of_node(tmp_path: Path) -> None:
    text = (
        "[10:00:00.000] INFO (20): registered worker\n"
        '    id: "AW_1"\n'
        "[10:00:01.000] ERROR (33): error in entry function\n"
        '    jobID: "AJ_1"\n'
        "    error: {\n"
        '      "type": "Error",\n'
        '      "message": "no voice",\n'
        '      "stack":\n'
        "          Error: no voice\n"
        "    }\n"
    )
    crash = read(tmp_path, text).lines[-1]
    assert (crash.what, crash.job_id, crash.error) == (What.ENTRYPOINT_CRASHED, "AJ_1", "Error: no voice")


def node_line(pid: int, message: str, hostname: str = "a", **fields: Any) -> str:
    return json.dumps(
        {"level": 30, "time": 1_790_000_000_000, "pid": pid, "hostname": hostname, "msg": message} | fields
    )


def test_workers_in_one_file_are_kept_apart(tmp_path: Path) -> None:
    full = "worker is at full capacity, marking as unavailable"
    lines = [
        node_line(1, "registered worker", "a", id="AW_a"),
        node_line(1, "registered worker", "b", id="AW_b"),
        node_line(1, full, "b"),
        node_line(1, full, "a"),
        node_line(1, full, "c"),
    ]
    log = read(tmp_path, "\n".join(lines))
    assert log.worker_ids == ("AW_a", "AW_b")
    assert [line.worker_id for line in log.lines[2:]] == ["AW_b", "AW_a", None]


def test_a_worker_that_reconnects_has_a_new_id(tmp_path: Path) -> None:
    full = "worker is at full capacity, marking as unavailable"
    lines = [
        node_line(1, "registered worker", id="AW_1"),
        node_line(1, "failed to connect to LiveKit server (ws://x), retrying in 2 seconds: (1/10)"),
        node_line(1, full),
        node_line(1, "registered worker", id="AW_2"),
        node_line(1, full),
    ]
    assert [line.worker_id for line in read(tmp_path, "\n".join(lines)).lines] == ["AW_1"] * 3 + ["AW_2"] * 2


def test_two_workers_with_one_process_number_are_not_mistaken_for_each_other(tmp_path: Path) -> None:
    full = "worker is at full capacity, marking as unavailable"
    lines = [
        python_line("registered worker", id="AW_1", pid=1),
        python_line("registered worker", id="AW_2", pid=1),
        python_line(full, pid=1),
        python_line("shutting down worker", id="AW_1", pid=1),
        python_line(full, pid=1),
    ]
    assert [line.worker_id for line in read(tmp_path, "\n".join(lines)).lines] == ["AW_1", "AW_2", None, "AW_1", None]
