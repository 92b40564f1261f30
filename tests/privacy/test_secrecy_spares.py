"""What looks like a secret and is none stays: without it no story could be read, and no verdict reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lkdiag.privacy.names import is_secret_name
from lkdiag.privacy.secrets import Scrubber, scrub

TESTS = Path(__file__).parents[1]

SPARED = [
    # ids, names, hashes
    "RM_x9pNSbWpxVfm AD_YgsFdicD2uiu AJ_iDyaVnqiZD2M AW_mZY3ruapEDAv PA_x9pNSbWpxVfm TR_AMx9pNSbWpxVfm",
    "EV_x9pNSbWpxVfm",
    "agent-AJ_iDyaVnqiZD2M of AD_YgsFdicD2uiu by AW_mZY3ruapEDAv on ND_4bRn5YNCHram",
    "SIP SCL_x9pNSbWpxVfm ST_x9pNSbWpxVf",
    "lkdiag-20261121-070300-def7-001-human in RM_x9pNSbWpxVfm, fdb40d9f-82e0-425a-8932-0584df23ddb9",
    "run 20261121-070300-def7, jane-doe-77, sip_+15550100123, desk-1234567890abcdefghij, user@pbx.example",
    "sha256 3b1c9d00aa8e4d5f6a7b8c9d0e1f2a3b4c5d6e7f3b1c9d00aa8e4d5f6a7b8c9d",
    "commit 0e0803f8c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
    "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=, sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
    # hosts, paths, frames, versions
    "wss://acme-voice-x1.livekit.cloud/rtc?protocol=15&sdk=python&version=1.1.21&auto_subscribe=1",
    "sip:alice@pbx.example:5060, turn:relay.example:3478?transport=udp, 127.0.0.1:7880, [2001:4860::8888]:443",
    'File "/home/jane/app/agents/token_server.py", line 3, in get_token',
    "at run (/node_modules/.pnpm/@livekit+agents@1.9.0_abcdefghij1234567890/node_modules/dist/worker.js:423:12)",
    "/var/lib/App2Data/Releases/V12Build7/Worker/site/packages/livekit/agents/ipc/supervised_proc",
    "    token = make_token(x)",
    "    password = os.environ[name]",
    "@livekit/agents 1.9.0, livekit-agents 1.8.9, lkdiag 1.2.3+20240101, Linux 6.1.0-18-amd64",
    "POST /twirp/livekit.RoomService/ListRooms 401, GET /settings/regions 200 12.5 ms",
    # words
    "the call returns: username=jane, room=desk-1",
    "methods ['token', 'create-room'], fields ['secret', 'room'], ('password', 'required')",
    "token expired",
    "token: expired",
    "Token: Expired.",
    "token: InvalidSignatureError, auth: authentication/authorization",
    "--local and --api-key exclude each other, --api-secret is empty, set --url, --api-key and --api-secret",
    'error="token: expired"',
    "invalid token: signature has expired",
    "invalid token: go-jose/go-jose: error in cryptographic primitive",
    "invalid API key: APIx1Y2z3W4v5U6",
    "api key: not found",
    "password: required",
    "secret is not set, token=None, password=null, secret: missing",
    "key lkdiag…, secret of 43 characters",
    "authorization: missing; basic authentication failed; bearer token expired; auth: failed; auth=basic",
    "Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
    "SyntaxError: Unexpected token: <",
    "max_tokens=100, TokenExpiresAt: 1795266206, tokens: 3, prompt_token: 512, token_type=bearer, secret_name=foo",
    "method = token, create-room; a token is made; --method token --count 2",
    "pass=3 fail=1, PWD=/home/jane, private key: /etc/ssl/private/key.pem, password=${PASSWORD}, token={token}",
    "unauthenticated: invalid token; permission denied: token lacks grants",
    '{"token": "expired", "password": null, "auth": false, "secret": "", "cookie": "***"}',
    "task_0123456789abcdefghijkl risk-0123456789abcdefghijkl deskey-0123456789abcdefghijkl",
]


@pytest.mark.parametrize("text", SPARED)
def test_spared(text: str) -> None:
    assert scrub(text) == text
    assert Scrubber().value({"error": text, "deep": [{"message": text}]}) == {
        "error": text,
        "deep": [{"message": text}],
    }


@pytest.mark.parametrize("path", sorted((TESTS / "journals").rglob("*.jsonl")), ids=lambda path: path.stem)
def test_a_recorded_run_stays_as_it_is(path: Path) -> None:
    scrubber = Scrubber()
    for line in path.read_text().splitlines():
        data = json.loads(line)["data"]
        assert scrubber.value(data) == data


def test_of_real_logs_nothing_goes_but_turn_passwords() -> None:
    """Their password is what the excerpts have in place of a real one."""
    turn_password = "the-password-of-the-turn-server"
    for path in (TESTS / "worker_log" / "logs").iterdir():
        if path.suffix in (".log", ".jsonl"):
            text = path.read_text()
            assert scrub(text) == text.replace(turn_password, "***"), path.name


def test_names_that_look_made_up_stay_for_verdicts_rest_on_them() -> None:
    name = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3gH5jK7mN9pQ"
    seen = {"room": name, "identity": name, "participants": [name], "room_id": name, "name": name, "roomName": name}
    assert Scrubber().value(seen) == seen
    assert Scrubber().value({"error": name}) == {"error": "***"}


@pytest.mark.parametrize("name", ["method", "tokens", "max_tokens", "TokenExpiresAt", "secretary", "", "key", "author"])
def test_names_of_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["apiSecret", "api_secret", "API_SECRET", "token", "accessToken", "ice-pwd", "password", "OPENAI_API_KEY",
     "passphrase", "turnPassword", "Set-Cookie", "aws_secret_access_key", "private_key", "auth"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)
