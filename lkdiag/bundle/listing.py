"""What is in a bundle, for the eyes of whoever is about to share it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.text import Text

from lkdiag.bundle.archive import MANIFEST, manifest
from lkdiag.render.terminal_table import Trimmed, indented, labelled, plain, table

if TYPE_CHECKING:
    from rich.console import Console

    from lkdiag.bundle.contents import Bundle

KINDS = {
    "api key": ("API key", "API keys"),
    "folder": ("home folder", "home folders"),
    "host": ("project host", "project hosts"),
    "ip": ("public IP address", "public IP addresses"),
    "machine": ("machine name", "machine names"),
    "mail": ("mail address", "mail addresses"),
    "metadata": ("metadata or text of a call", "metadata or texts of calls"),
    "person": ("identity", "identities"),
    "phone": ("phone number", "phone numbers"),
}
NOT_MASKED = "nothing: no host, number or identity of a person was found"
KEPT = "nothing (--full): hosts, numbers, identities and metadata are in it"


def render_listing(bundle: Bundle, target: str, packed: int, console: Console, *, written: bool) -> None:
    """Every file with its size, what was masked, and where it is."""
    own = [(MANIFEST, "what is in it, with SHA-256 hashes", len(manifest(bundle)))]
    rows = [
        [plain(name), Text(size(count)), plain(about)]
        for name, about, count in (*own, *((file.name, file.about, len(file.data)) for file in bundle.files))
    ]
    where = f"{target}, {size(packed)}" if written else f"{target} would have {size(packed)}; nothing is written"
    console.print(
        Trimmed(
            Group(
                Text.assemble(("lkdiag bundle", "bold"), plain(f"  run {bundle.run['id']}")),
                indented(table((("file", False), ("size", True), ("what it is", False)), rows)),
                "",
                indented(
                    labelled(
                        [
                            ("masked", masked(bundle)),
                            ("never in it", "secrets and tokens"),
                            ("bundle", plain(where, "bold")),
                        ]
                    )
                ),
            )
        )
    )


def masked(bundle: Bundle) -> str:
    """`2 phone numbers, 1 project host`."""
    if bundle.full:
        return KEPT
    told = [f"{count} {KINDS[kind][count > 1]}" for kind, count in bundle.masked.items() if kind in KINDS]
    return ", ".join(told) or NOT_MASKED


def size(count: int) -> str:
    """`318 B`, `12.3 kB`, `4.1 MB`, in steps of a thousand."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 999_950 else f"{count / 1e6:.1f} MB"
