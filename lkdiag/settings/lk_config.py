"""The projects of LiveKit's own CLI, `lk`."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from lkdiag.errors import CredentialsError
from lkdiag.settings.source import FIELDS, Source, source_of
from lkdiag.settings.text_file import read_text
from lkdiag.settings.wording import printable

if TYPE_CHECKING:
    from pathlib import Path

    import yaml

_LK_CONFIG = "~/.livekit/cli-config.yaml"


def from_lk_config(home: Path, wanted: str | None) -> Source:
    """The project called `wanted`, which must be there, or the default one, which need not."""
    path = home / ".livekit" / "cli-config.yaml"
    text = read_text(path, _LK_CONFIG)
    default, projects = _parsed_lk_config(text) if text is not None else ("", [])
    names = [project["name"] for project in projects if project.get("name")]
    name = wanted or default
    project = next((project for project in projects if project.get("name") == name), None)
    if name and project is not None:
        title = f'{"" if wanted else "default "}project "{printable(name)}" of {_LK_CONFIG}'
        mode = path.stat().st_mode & 0o777
        # lk warns of the same: the file holds secrets
        others = f"{_LK_CONFIG} is open to other users (mode {mode:04o}); chmod 600 makes it yours alone"
        fields = {key: value for key, value in project.items() if key in FIELDS}
        return source_of(title, fields, "{lower}", warnings=(others,) if mode & 0o077 else ())
    if wanted is None:
        named = f'its default project "{printable(name)}" is not in it' if name else "no default project"
        return Source(_LK_CONFIG, {}, absent="no such file" if text is None else named)
    if text is None:
        raise CredentialsError(
            f'no project "{printable(wanted)}": there is no {_LK_CONFIG}',
            "`lk project add` writes it; or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
        )
    listed = ", ".join(f'"{printable(other)}"' for other in names)
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(wanted.casefold(), folded, n=1)
    raise CredentialsError(
        f'no project "{printable(wanted)}" in {_LK_CONFIG}, which has {listed or "no projects"}',
        f'Did you mean "{printable(folded[near[0]])}"?' if near else "`lk project list` shows them.",
    )


def _parsed_lk_config(text: str) -> tuple[str, list[dict[str, str]]]:
    """The default project's name, and the projects; raises CredentialsError with the line.

    Works on YAML's nodes, which know their lines and keep scalars as written: a name or a key of digits only is
    text to lk, too.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        # the error's own text quotes the file, secrets and all
        raise _bad_lk_config(error.problem_mark, "not YAML") from None
    except (yaml.YAMLError, RecursionError):
        raise _bad_lk_config(None, "not YAML") from None
    if root is None:
        return "", []

    def entries(node: yaml.Node) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            raise _bad_lk_config(node.start_mark, "names with values expected")
        return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}

    def scalar(node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise _bad_lk_config(node.start_mark, "a plain text expected")
        return "" if node.tag == "tag:yaml.org,2002:null" else str(node.value)

    top = entries(root)
    projects = top.get("projects")
    items: list[yaml.Node] = []
    if isinstance(projects, yaml.SequenceNode):
        items = projects.value
    elif projects is not None and scalar(projects):
        raise _bad_lk_config(projects.start_mark, "a list of projects expected")
    keys = ("name", *FIELDS)
    read = [{key: scalar(node) for key, node in entries(item).items() if key in keys} for item in items]
    return (scalar(top["default_project"]) if "default_project" in top else ""), read


def _bad_lk_config(mark: yaml.Mark | None, what: str) -> CredentialsError:
    where = f", line {mark.line + 1}" if mark is not None else ""
    return CredentialsError(
        f"{_LK_CONFIG}{where}: {what}",
        "`lk` writes default_project, and a list of projects with name, url, api_key and api_secret.",
    )
