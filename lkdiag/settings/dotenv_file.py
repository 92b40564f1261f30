"""`.env.local` and `.env`, read as LiveKit's own examples read them."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from lkdiag.errors import CredentialsError
from lkdiag.settings.source import Source, from_variables
from lkdiag.settings.text_file import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def from_dotenv(name: str, cwd: Path, environ: Mapping[str, str]) -> Source:
    text = read_text(cwd / name, name)
    if text is None:
        return Source(name, {}, absent="no such file")
    # Not dotenv_values: it looks ${NAME} up in os.environ, whatever it is given, and only logs a broken line.
    from dotenv.parser import parse_stream
    from dotenv.variables import parse_variables

    values: dict[str, str | None] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error and re.search(r"LIVEKIT_(?:URL|API_KEY|API_SECRET)\b", binding.original.string):
            before = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + binding.original.string[:before].count("\n")
            raise CredentialsError(
                f"{name}, line {line}: not of the form NAME=value", "Look for a quotation mark that is not closed."
            )
        if binding.key is not None:
            # the environment beats the file, as in load_dotenv(), which LiveKit's own examples call
            known = {**values, **environ}
            atoms = parse_variables(binding.value or "")
            values[binding.key] = "".join(atom.resolve(known) for atom in atoms)
    return from_variables(name, values)
