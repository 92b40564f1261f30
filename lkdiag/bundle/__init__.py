"""Everything about a run in one file that can be attached to a bug report: masked, listed, and always the same."""

from __future__ import annotations

from lkdiag.bundle.archive import archive
from lkdiag.bundle.contents import Bundle, Material, make_bundle

__all__ = ["Bundle", "Material", "archive", "make_bundle"]
