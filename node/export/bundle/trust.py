"""What a verifier knows from elsewhere (docs/bundle-format.md, section 10).

It is read from a directory, a court notice, a command line: never from the bundle itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from node.evidence.steps import Anchor


@dataclass(frozen=True, slots=True)
class Trust:
    """The policy or its fingerprint, and roots as PEM files, by what they vouch for."""

    anchor: Anchor | None = None
    tsa_roots: tuple[bytes, ...] = ()
    platform_roots: tuple[bytes, ...] = ()


def trust_of(anchor: Anchor | None, roots: Iterable[tuple[str, bytes]]) -> Trust:
    """Roots by the names of their files: `tsa*` for timestamps, `platform*` for the platform's
    signatures, any other for both."""
    files = list(roots)
    return Trust(
        anchor,
        tuple(data for name, data in files if not name.startswith("platform")),
        tuple(data for name, data in files if not name.startswith("tsa")),
    )
