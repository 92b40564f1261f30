"""The examples for Kubernetes and for a CI matrix: they are YAML, and their commands do what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from .conftest import Owner

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRETS = {"LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"}


def kubernetes() -> dict[tuple[str, str], dict[str, Any]]:
    """Each of its objects, by kind and name."""
    text = (EXAMPLES / "kubernetes-job.yml").read_text(encoding="utf-8")
    return {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(text)}


def script_of(job: dict[str, Any]) -> str:
    """What its pods do, but for the installation."""
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (script,) = container["args"]
    return "\n".join(line for line in script.splitlines() if "pip install" not in line).replace("exec ", "")


def test_the_job_has_as_many_shards_as_pods_and_tries_none_twice() -> None:
    objects = kubernetes()
    job, settings = objects["Job", "lkdiag"]["spec"], objects["ConfigMap", "lkdiag"]["data"]
    assert job["completionMode"] == "Indexed"
    assert str(job["completions"]) == settings["SHARDS"]
    assert job["backoffLimitPerIndex"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert objects["Job", "lkdiag-merge"]["spec"]["suspend"] is True
    assert not SECRETS & set(settings)


@pytest.mark.server
async def test_the_pods_play_their_shards_and_one_more_merges_them(owner: Owner, tmp_path: Path) -> None:
    objects = kubernetes()
    settings = objects["ConfigMap", "lkdiag"]["data"] | {"SHARDS": "2", "TRIALS": "2"}
    # no worker has that name here: lkdiag's own takes its place
    own = script_of(objects["Job", "lkdiag"]).replace('--agent-name "$AGENT_NAME" --control', "--warmup 0 --settle 0s")
    merging = script_of(objects["Job", "lkdiag-merge"])
    export = "\n".join(f"export {name}='{value}'" for name, value in settings.items())
    pods = "\n".join(f"(JOB_COMPLETION_INDEX={index}\n{own}) &" for index in range(2)) + "\nwait"
    script = f"{export}\n{pods}\n{merging} -f json".replace("/runs/", f"{tmp_path}/runs/")
    done = await owner.user.shell(script)
    assert done.code == 0, done.stderr
    report = json.loads(done.stdout[done.stdout.index('{\n  "schema"') :])
    assert [trial["index"] for trial in report["trials"]] == [1, 2]
    assert (tmp_path / "runs" / "release-1-merged" / "journal.jsonl").is_file()
    owner.user.assert_silent(done)


def test_the_matrix_has_every_shard_and_hands_secrets_to_the_trials_alone() -> None:
    found = yaml.safe_load((EXAMPLES / "github-actions-matrix.yml").read_text(encoding="utf-8"))
    shard, report = found["jobs"]["shard"], found["jobs"]["report"]
    shards = shard["strategy"]["matrix"]["shard"]
    assert shards == list(range(1, len(shards) + 1))
    assert shard["env"]["SHARD"].endswith(f"/{len(shards)}")
    assert shard["strategy"]["fail-fast"] is False
    assert report["needs"] == "shard"
    with_secrets = [step for job in (shard, report) for step in job["steps"] if SECRETS & set(step.get("env", {}))]
    assert [step["name"] for step in with_secrets] == ["Dispatch trials"]
    assert "--shard" in with_secrets[0]["run"]
