"""A run on a project, with somebody's life planted into every file of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

JOURNALS = Path(__file__).parents[1] / "journals"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYW5lIn0.c2lnbmF0dXJlLXBsYW50ZWQ"
API_SECRET = "kPq7fJ2mXw9ZrT4vYb6NcL8sHdG3aE5uQi1oWx0pRtV"
HEX_SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
TURN_PASSWORD = "3J98t1WpEZ73CNmQviecrnyiWrn="
PROVIDER_KEY = "sk-proj-abcdefghijklmnop1234"
ICE_PWD = "zRUjV3wqT2KeXKh7EPOHn1Hw"
SECRETS = (JWT, API_SECRET, HEX_SECRET, TURN_PASSWORD, PROVIDER_KEY, ICE_PWD, "hunter2hunter2")
"""Never in a bundle; the words of `SAID` show in which ways they get into files."""

HOST = "acme-voice-x1y2z3.livekit.cloud"
CUSTOM_HOST = "rtc.acme.example"
PHONE = "+4930123456789"
MAIL = "jane.doe@acme.example"
IDENTITY = "jane-doe-77"
SHORT_IDENTITY = "Bo"
METADATA = '{"customer": "Jane Doe", "ticket": 4711}'
ADDRESS = "203.0.113.9".replace("203.0.113", "8.8.4")
API_KEY = "APIx1Y2z3W4v5U6"
PERSONAL = (
    "acme-voice-x1y2z3", "4930123456789", "jane.doe@", "acme.example", IDENTITY, "Jane Doe", "4711", ADDRESS, API_KEY,
    "my balance is", "janes-laptop", "/home/jane",
)  # fmt: skip
"""Never in a bundle unless everything is to be kept."""

SAID = (
    f"connecting to wss://{HOST}/rtc?access_token={JWT}",
    f"api_secret={API_SECRET} and apiSecret: '{HEX_SECRET}'",
    f"signed with {API_SECRET}",
    f"Authorization: Bearer {JWT}",
    f"https://jane:hunter2hunter2@{HOST}/ refused",
    f"iceServers: turn:turn.livekit.cloud credential={TURN_PASSWORD}",
    f"relay answered {TURN_PASSWORD}",
    f"OPENAI_API_KEY was {PROVIDER_KEY}",
    f"a=ice-ufrag:abcd\r\na=ice-pwd:{ICE_PWD}\r\n",
    f"call from {PHONE} ({PHONE.removeprefix('+')}), sip:{PHONE}@acme.example, %2B{PHONE.removeprefix('+')}",
    "call from +49 30 1234567-89",
    f"participant {IDENTITY} left; mail {MAIL}; from {ADDRESS} with {API_KEY}",
    f"metadata: {METADATA}",
    "File /home/jane/agent.py, line 3",
)


def event(seq: int, kind: str, /, trial: int | None = None, **data: Any) -> dict[str, Any]:
    return {"seq": seq, "kind": kind, "at_ns": 10**18 + seq, "mono_ns": seq, "trial": trial, "data": data}


def journal(name: str = "ghost") -> str:
    """A recorded run that now was on a project, with everything planted in it."""
    lines = [json.loads(line) for line in (JOURNALS / f"{name}.jsonl").read_text().splitlines()]
    head = lines[0]["data"]
    head["project_host"] = HOST
    head["options"]["metadata"] = METADATA
    head["command"] = f"lkdiag dispatch-trial --agent-name x --metadata '{METADATA}' --url wss://{HOST}"
    last = lines[-1]
    for number, said in enumerate(SAID):
        lines.insert(-1, event(last["seq"] + number, "note.made", text=said, error=f"failed: {said}"))
    planted: dict[str, Any] = {
        "identity": IDENTITY,
        "attributes": {"sip.phoneNumber": PHONE, "lk.agent.state": "idle", "order": "4711"},
        "participants": [
            {"identity": IDENTITY, "kind": "sip"},
            {"identity": SHORT_IDENTITY, "kind": "standard"},
            {"identity": "lkdiag-caller", "kind": "standard"},
        ],
        "token": JWT,
        "apiSecret": "hunter2hunter2",
        "embedded": json.dumps({"password": "hunter2hunter2", "identity": IDENTITY}),
    }
    lines.insert(-1, event(last["seq"] + 99, "people.seen", **planted))
    last["seq"] += 100
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def server_log() -> str:
    lines = [
        {
            "level": "info",
            "ts": 1795244605.9,
            "logger": "livekit",
            "msg": said,
            "participant": IDENTITY,
            "apiKey": API_KEY,
        }
        for said in SAID
    ]
    grants = {"Identity": IDENTITY, "Metadata": METADATA, "Video": {"CanUpdateOwnMetadata": "not-set"}}
    lines.append({"level": "info", "msg": "starting", "participantInit": {"Grants": grants, "sdp": SAID[8]}})
    plain = [f"panic: {said!r}" for said in SAID]
    return "".join(f"{json.dumps(line)}\n" for line in lines) + "\n".join(plain) + "\n"


def worker_log() -> str:
    """Of a worker in production mode, with a crash in between, and the last line torn."""
    lines = [
        {"message": "registered worker", "level": "INFO", "name": "livekit.agents", "id": "AW_x", "pid": 7,
         "url": f"wss://{HOST}", "timestamp": "2026-11-21T04:18:54+00:00"},
        {"message": "received user transcript", "level": "DEBUG", "name": "livekit.agents",
         "user_transcript": "my balance is 4711", "timestamp": "2026-11-21T04:18:55+00:00"},
        {"msg": "in", "level": 30, "time": 1795234735000, "pid": 3, "hostname": "janes-laptop",
         "lk.pii.participant_identity": IDENTITY, "phone_number": int(PHONE.removeprefix("+"))},
        *({"message": said, "level": "INFO", "name": "agent", "timestamp": "2026-11-21T04:18:56Z"} for said in SAID),
    ]  # fmt: skip
    development = (
        f'2026-11-21 04:18:57,1 - \x1b[32mINFO\x1b[0m agent - hello {{"identity": "{IDENTITY}", "token": "{JWT}"}}'
    )
    torn = f'{{"message": "end", "identity": "{IDENTITY}", "token": "{JWT}'
    pem = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhunter2hunter2/+abc\n-----END PRIVATE KEY-----"
    return "".join(f"{json.dumps(line)}\n" for line in lines) + f"{development}\n{pem}\n{torn}"
