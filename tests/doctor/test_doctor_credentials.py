"""Credentials that are missing, or have a slip in them: exit code 4, the right fix, and the rest is looked at still."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.user import MARK

from .conftest import not_tried_from

if TYPE_CHECKING:
    from lkdiag.server.private import PrivateServer

    from .conftest import Patient

SECRET = f"{MARK}-of-32-characters-or-even-more"


async def test_no_credentials(patient: Patient) -> None:
    examined = await patient.examine()
    assert examined.code == 4
    assert examined.changes == {"source": "failed", **not_tried_from("url")}
    for place in ("environment", ".env.local", ".env", "~/.livekit/cli-config.yaml"):
        assert f"{place}: " in examined.seen("source")
    assert "--local" in examined.fix("source")
    assert examined.done.report["health"] == "untestable"


@pytest.mark.parametrize(
    ("url", "seen", "fix"),
    [
        ("ftp://x.test", "wrong scheme: ftp", "wss, ws, https and http"),
        ("x.livekit.cloud", "no scheme", "wss://x.livekit.cloud"),
        ("https://cloud.livekit.io/projects/p_1", "dashboard", "wss://NAME.livekit.cloud"),
    ],
)
async def test_wrong_url(url: str, seen: str, fix: str, patient: Patient) -> None:
    patient.set(URL=url, API_KEY="APIabcdefgh", API_SECRET=SECRET)
    examined = await patient.examine()
    assert examined.code == 4
    assert examined.changes == {"url": "failed", **not_tried_from("dns")}
    assert seen in examined.seen("url")
    assert fix in examined.fix("url")
    assert examined.seen("dns") == "not tried: it needs “URL”"
    assert examined.seen("round-trip") == "not tried: it needs “URL”"


@pytest.mark.server
async def test_quoted_secret_in_env_local(patient: Patient, private_server: PrivateServer) -> None:
    patient.user.secrets.append(private_server.api_secret)
    (patient.user.cwd / ".env.local").write_text(
        f"LIVEKIT_URL={private_server.url}\nLIVEKIT_API_KEY={private_server.api_key}\n"
        f"LIVEKIT_API_SECRET=“{private_server.api_secret}”\n"
    )
    examined = await patient.examine()
    assert examined.code == 4
    assert examined.changes == {"key": "failed", **not_tried_from("api")}
    assert examined.seen("key") == "LIVEKIT_API_SECRET in .env.local has a quotation mark at its start or end"
    assert examined.fix("key") == "Write the value without it."


@pytest.mark.server
@pytest.mark.parametrize(("field", "seen"), [("API_KEY", "whitespace"), ("API_SECRET", "whitespace")])
async def test_whitespace(field: str, seen: str, owner: Patient) -> None:
    owner.set(**{field: f"{MARK} {MARK}"})
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (4, {"key": "failed", **not_tried_from("api")})
    assert seen in examined.seen("key")
    assert examined.fix("key") == "Copy the value again."


@pytest.mark.server
async def test_key_and_secret_swapped_are_never_sent(owner: Patient, private_server: PrivateServer) -> None:
    """A token names its key in clear text, and the server logs it: the secret must not get there."""
    owner.set(API_KEY=private_server.api_secret, API_SECRET=private_server.api_key)
    owner.user.secrets.append(private_server.api_secret[:6])
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (4, {"key": "failed", **not_tried_from("api")})
    assert "swapped" in examined.seen("key")
    assert examined.fix("key").startswith("Exchange LIVEKIT_API_KEY and LIVEKIT_API_SECRET")
    assert "invalid API key" not in private_server.log_path.read_text()


@pytest.mark.server
async def test_unknown_key(owner: Patient) -> None:
    owner.set(API_KEY="APIunknown")
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (4, {"api": "failed", **not_tried_from("grants")})
    assert "doesn't know the API key APIunk…" in examined.seen("api")
    assert examined.fix("api") == (
        "Copy key and secret of this project again, as a pair, to where they came from: environment."
    )


@pytest.mark.server
async def test_wrong_secret(owner: Patient) -> None:
    owner.set(API_SECRET=SECRET)
    examined = await owner.examine()
    assert (examined.code, examined.changes) == (4, {"api": "failed", **not_tried_from("grants")})
    assert "refused the API secret" in examined.seen("api")
    assert "as a pair" in examined.fix("api")
    assert examined.seen("media") == "not tried: it needs “Credentials taken”"


@pytest.mark.server
async def test_url_without_credentials_is_looked_at_as_far_as_that_goes(
    patient: Patient, private_server: PrivateServer
) -> None:
    patient.set(URL=private_server.url)
    examined = await patient.examine()
    assert examined.code == 4
    assert examined.changes == {"source": "failed", "key": "not-tried", **not_tried_from("api")}
    assert "no key and secret found" in examined.seen("source")


async def test_another_projects_url_is_not_taken_for_a_missing_one(patient: Patient) -> None:
    """lk's default project is not asked when key and secret come from the environment, so its URL is none of ours."""
    folder = patient.user.home / ".livekit"
    folder.mkdir()
    config = folder / "cli-config.yaml"
    config.write_text(
        "default_project: other\nprojects:\n"
        f"- {{name: other, url: 'ws://127.0.0.1:9', api_key: APIother, api_secret: {'s' * 40}}}\n"
    )
    config.chmod(0o600)
    patient.set(API_KEY="APIabcdefgh", API_SECRET=SECRET)
    examined = await patient.examine()
    assert (examined.code, examined.changes) == (4, {"source": "failed", "url": "not-tried", **not_tried_from("dns")})
    assert "127.0.0.1:9" not in examined.done.stdout


@pytest.mark.server
async def test_path_in_the_url(owner: Patient, private_server: PrivateServer) -> None:
    owner.set(URL=f"{private_server.url}/rtc")
    examined = await owner.examine()
    assert examined.code == 4
    assert examined.lines["url"]["mark"] == "warning"
    assert examined.seen("url").endswith("has a path: /rtc")
    assert "without its path" in examined.fix("url")
    assert examined.lines["api"]["mark"] == "failed"
    assert "Write the URL of the LiveKit server itself" in examined.fix("api")
