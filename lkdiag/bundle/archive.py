"""A bundle as a zip: its manifest, and the same bytes for the same files."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lkdiag import __version__

if TYPE_CHECKING:
    from lkdiag.bundle.contents import Bundle

SCHEMA = "lkdiag.bundle/1"
MANIFEST = "manifest.json"
_EARLIEST = datetime(1980, 1, 1, tzinfo=UTC)
"""What a zip can say."""


def folder_name(run_id: str) -> str:
    """The folder inside, and the zip's own name without its suffix: `lkdiag-20261121-034950-19f5`."""
    return f"lkdiag-{re.sub(r'[^A-Za-z0-9_-]', '_', run_id)[:80]}"


def manifest(bundle: Bundle) -> bytes:
    """What is in it, with sizes and hashes, what was masked, and by which version."""
    fields: dict[str, Any] = {
        "schema": SCHEMA,
        "lkdiag_version": __version__,
        "run": {name: value for name, value in bundle.run.items() if name != "started_at_ns"},
        "full": bundle.full,
        "masked": bundle.masked,
        "notes": list(bundle.notes),
        "files": [
            {"name": file.name, "about": file.about, "size": len(file.data), "sha256": _hash(file.data)}
            for file in bundle.files
        ],
    }
    return (json.dumps(fields, indent=2, ensure_ascii=True) + "\n").encode()


def archive(bundle: Bundle) -> bytes:
    """The zip: one folder, in which `lkdiag report FOLDER` finds the journal. Its files bear the run's own time."""
    begun = datetime.fromtimestamp(max(bundle.run["started_at_ns"] / 1e9, _EARLIEST.timestamp()), UTC)
    folder = folder_name(str(bundle.run["id"]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as file:
        for name, data in ((MANIFEST, manifest(bundle)), *((one.name, one.data) for one in bundle.files)):
            about = zipfile.ZipInfo(f"{folder}/{name}", begun.timetuple()[:6])
            about.create_system = 3  # Unix, on every system: else the bytes would differ
            about.external_attr = 0o100644 << 16
            about.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(about, data)
    return packed.getvalue()


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
