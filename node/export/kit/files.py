"""The kit as files of a bundle: the same bytes in every bundle that this version writes."""

from __future__ import annotations

from functools import cache
from importlib import resources

from node.export.bundle import layout
from node.export.kit.generating import verify_py

VERIFY_SH = "verify.sh"
VERIFY_PY = "verify.py"
VERIFY_HTML = "verify.html"
HOW_TO = "HOW-TO-VERIFY.html"
ANCHORS = "trust-anchors.txt"
_STORED = (HOW_TO, VERIFY_HTML, VERIFY_SH, ANCHORS)


@cache
def kit() -> dict[str, bytes]:
    """The files by name."""
    folder = resources.files(__package__)
    return {
        VERIFY_PY: verify_py(),
        **{name: folder.joinpath(name).read_bytes() for name in _STORED},
    }


def kit_files() -> dict[str, bytes]:
    """The same by their paths in a bundle."""
    return {f"{layout.VERIFY}{name}": data for name, data in kit().items()}
