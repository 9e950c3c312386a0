"""An opening as lines, for the holder's copy of a proof (docs/proof-format.md, section 12).

opening
salt <64 hex>
sha256 <64 hex>             the digests the statement's alg names, in that order
sm3 <64 hex>
size <bytes>
details <canonical JSON>    if there are any

>>> opening = Opening(bytes(32), (("sha256", b"a" * 32),), 7, None)
>>> print(format_opening(opening).decode().replace("0" * 64, "<64 zeros>"), end="")
opening
salt <64 zeros>
sha256 6161616161616161616161616161616161616161616161616161616161616161
size 7
>>> parse_opening(Lines("proof", format_opening(opening))) == opening
True
"""

from __future__ import annotations

from node.evidence.digests import ALGS
from node.evidence.item import Opening
from node.evidence.spelling import Lines, parse_hex


def format_opening(opening: Opening) -> bytes:
    """The section, each line ended."""
    lines = [
        "opening",
        f"salt {opening.salt.hex()}",
        *(f"{alg} {digest.hex()}" for alg, digest in opening.digests),
        f"size {opening.size}",
    ]
    if opening.details is not None:
        lines.append(f"details {opening.details.decode()}")
    return "".join(f"{line}\n" for line in lines).encode()


def parse_opening(lines: Lines) -> Opening:
    """The next lines as an opening."""
    lines.expect("opening")
    salt = lines.digest("salt")
    digests = []
    for alg in ALGS:
        value = lines.value_if(alg)
        if value is not None:
            digests.append((alg, parse_hex(value, f"opening: {alg}")))
    size = lines.integer("size")
    details = lines.value_if("details")
    return Opening(salt, tuple(digests), size, None if details is None else details.encode())
