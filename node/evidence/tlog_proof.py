"""The published proof file (c2sp.org/tlog-proof@v1): this leaf is in the tree of this checkpoint.

    c2sp.org/tlog-proof@v1
    extra BASE64                  optional; signed by nobody, so nothing may rest on it
    index DECIMAL
    BASE64                        inclusion path, leaf's sibling first, 0 or more lines
    <empty line>
    the checkpoint, a signed note, verbatim to the end

    >>> proof = TlogProof(5, (bytes(32),), b"example.com/log\\n")
    >>> print(format_tlog_proof(proof).decode(), end="")
    c2sp.org/tlog-proof@v1
    index 5
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    <BLANKLINE>
    example.com/log
    >>> parse_tlog_proof(format_tlog_proof(proof)) == proof
    True

Reading it verifies nothing: the checkpoint is kept as bytes for `note.py`, the path for
`merkle.py`, and what the leaf is for whoever knows the log.
"""

from dataclasses import dataclass

from node.evidence.atoms import read_base64, read_decimal, write_base64, write_decimal
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE
from node.evidence.note import NOTE_SIZE_MAX

HEADER = "c2sp.org/tlog-proof@v1"

# A tree of 2^63 leaves has paths of 63.
PATH_MAX = 63
# Room for what others put there; the Go reader stops at lines of 64 kB.
EXTRA_SIZE_MAX = 32 * 1024
PROOF_SIZE_MAX = NOTE_SIZE_MAX + 2 * EXTRA_SIZE_MAX


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof as read. `extra` may be empty, which is another text than None."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None


def format_tlog_proof(proof: TlogProof) -> bytes:
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {write_base64(proof.extra)}")
    lines.append(f"index {write_decimal(proof.index)}")
    lines += [write_base64(each) for each in proof.path]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + proof.checkpoint


def parse_tlog_proof(data: bytes) -> TlogProof:
    if len(data) > PROOF_SIZE_MAX:
        raise Malformed("tlog-proof", f"longer than {PROOF_SIZE_MAX} bytes")
    head, separator, checkpoint = data.partition(b"\n\n")
    if not separator or not checkpoint.endswith(b"\n"):
        raise Malformed("tlog-proof", "not a head, an empty line and a checkpoint")
    if not head.isascii():
        raise Malformed("tlog-proof", "a head that is not ASCII")
    lines = head.decode("ascii").split("\n")
    if lines.pop(0) != HEADER:
        raise Malformed("tlog-proof", f"does not begin with {HEADER}")
    extra = _read_extra(lines)
    if not lines or not lines[0].startswith("index "):
        raise Malformed("tlog-proof", "no index line")
    index = read_decimal("tlog-proof index", lines.pop(0).removeprefix("index "))
    if len(lines) > PATH_MAX:
        raise Malformed("tlog-proof", f"a path of more than {PATH_MAX} hashes")
    path = tuple(read_base64("tlog-proof path", line, HASH_SIZE) for line in lines)
    return TlogProof(index, path, checkpoint, extra)


def _read_extra(lines: list[str]) -> bytes | None:
    """The optional line, taken off the front of `lines`."""
    if not lines or not lines[0].startswith("extra "):
        return None
    extra = read_base64("tlog-proof extra", lines.pop(0).removeprefix("extra "))
    if len(extra) > EXTRA_SIZE_MAX:
        raise Malformed("tlog-proof", f"extra data of more than {EXTRA_SIZE_MAX} bytes")
    return extra
