"""Checkpoints (c2sp.org/tlog-checkpoint) and cosignatures (c2sp.org/tlog-cosignature, v1).

A checkpoint is the note text that says what a tree was: origin, size, base64 of the root.

    example.com/behind-the-sofa
    20852163
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

Each line ends with a line feed. We never write the extension lines C2SP allows and refuse them:
some programs cosign only the first three lines and some all of them, and only without extension
lines is that the same.

A cosignature is a note line of type 04 whose payload is u64 time || 64 bytes of Ed25519 over

    cosignature/v1
    time 1679315147
    ...the whole checkpoint, with its last line feed

and says: at that time (POSIX seconds) this was the largest consistent tree this key had seen.

A *further signature* says the same with a key of another suite, for those who must check with that
suite. It is over the same message, in a note line of type ff with the identifier
`cunzheng/p256/v1` or `cunzheng/sm2/v1` and then the key's SubjectPublicKeyInfo; the payload is u64
time || DER. Readers who do not know it pass it over, and it counts for no quorum.

    >>> checkpoint = Checkpoint("example.com/log", 2, bytes(32))
    >>> print(format_checkpoint(checkpoint).decode(), end="")
    example.com/log
    2
    AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    >>> signer = Signer(bytes(range(32)))
    >>> vkey = ed25519_vkey("witness.example/w1", signer.public, TYPE_COSIGNATURE)
    >>> body = format_checkpoint(checkpoint)
    >>> line = cosign(body, 1679315147, vkey.name, signer)
    >>> from node.evidence.note import format_line
    >>> format_line(line).decode()[:34]
    '— witness.example/w1 519lMgAAAABkG'
    >>> verify_cosignature(body, line, vkey)
    1679315147
"""

import re
import struct
from dataclasses import dataclass

from node.evidence.atoms import DECIMAL_MAX, read_base64, read_decimal, write_base64, write_decimal
from node.evidence.curve import SIGNATURE_SIZES as DER_SIZES
from node.evidence.ed25519 import SIGNATURE_SIZE
from node.evidence.keys import ED25519, BadSignature, PublicKey, Signer, verify_raw
from node.evidence.malformed import Malformed
from node.evidence.merkle import HASH_SIZE
from node.evidence.note import TYPE_COSIGNATURE, TYPE_OTHER, SignatureLine, Vkey, ed25519_vkey

# An origin, two short lines; generous so that foreign origins fit.
BODY_SIZE_MAX = 4096
# C2SP: a time must not exceed 2^63 - 1.
TIME_MAX = DECIMAL_MAX

_COSIGNATURE = struct.Struct(f">Q{SIGNATURE_SIZE}s")
_TIME = struct.Struct(">Q")
FURTHER_SIZES = range(_TIME.size + DER_SIZES.start, _TIME.size + DER_SIZES.stop)
"""Of the payload of a further signature."""
_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log, how many leaves, the root over them."""

    origin: str
    size: int
    root: bytes


def format_checkpoint(checkpoint: Checkpoint) -> bytes:
    assert len(checkpoint.root) == HASH_SIZE
    lines = checkpoint.origin, write_decimal(checkpoint.size), write_base64(checkpoint.root)
    return "".join(f"{line}\n" for line in lines).encode()


def parse_checkpoint(body: bytes) -> Checkpoint:
    checkpoint, extensions = parse_foreign_checkpoint(body)
    if extensions:
        raise Malformed("checkpoint", "extension lines")
    return checkpoint


def parse_foreign_checkpoint(body: bytes) -> tuple[Checkpoint, tuple[str, ...]]:
    """A checkpoint of any log, and its extension lines, which nobody vouches for."""
    if len(body) > BODY_SIZE_MAX:
        raise Malformed("checkpoint", f"longer than {BODY_SIZE_MAX} bytes")
    try:
        lines = body.decode().split("\n")
    except UnicodeDecodeError:
        raise Malformed("checkpoint", "not UTF-8") from None
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise Malformed("checkpoint", "not at least three non-empty lines, each ended")
    if any(_CONTROL.search(line) for line in lines):
        raise Malformed("checkpoint", "a control character")
    origin, size, root, *extensions = lines
    return Checkpoint(
        origin,
        read_decimal("checkpoint size", size),
        read_base64("checkpoint root", root, HASH_SIZE),
    ), tuple(extensions)


def cosignature_message(body: bytes, time_s: int) -> bytes:
    return b"cosignature/v1\ntime " + write_decimal(time_s).encode() + b"\n" + body


def cosign(body: bytes, time_s: int, name: str, signer: Signer) -> SignatureLine:
    """A seal: the caller has checked that `body` is what it computed and dares to sign."""
    signature = signer.sign(cosignature_message(body, time_s)).raw
    vkey = ed25519_vkey(name, signer.public, TYPE_COSIGNATURE)
    return SignatureLine(name, vkey.key_id, _COSIGNATURE.pack(time_s, signature))


def cosignature_time(line: SignatureLine) -> int:
    """The time a cosignature line claims, in POSIX seconds; nobody has verified it yet."""
    time_s, _ = _unpack(line)
    return time_s


def verify_cosignature(body: bytes, line: SignatureLine, vkey: Vkey) -> int:
    """The time (POSIX seconds) at which this key (type 04) cosigned `body`, or `BadSignature`."""
    assert vkey.type == TYPE_COSIGNATURE
    if (line.name, line.key_id) != (vkey.name, vkey.key_id):
        raise BadSignature(f"the line is not by {vkey.name}")
    try:
        time_s, signature = _unpack(line)
    except Malformed as error:
        raise BadSignature(str(error)) from None
    verify_raw(PublicKey(ED25519, vkey.public), cosignature_message(body, time_s), signature)
    return time_s


def further_vkey(name: str, key: PublicKey) -> Vkey:
    """The key with which whoever seals under `name` signs besides."""
    assert key.algorithm != ED25519
    return Vkey(name, TYPE_OTHER, f"cunzheng/{key.algorithm}/v1".encode() + key.raw)


def sign_further(body: bytes, time_s: int, name: str, signer: Signer) -> SignatureLine:
    """A further signature, of the time of the cosignature beside it."""
    signature = signer.sign(cosignature_message(body, time_s)).raw
    key_id = further_vkey(name, signer.public).key_id
    return SignatureLine(name, key_id, _TIME.pack(time_s) + signature)


def verify_further(body: bytes, line: SignatureLine, key: PublicKey, time_s: int) -> None:
    """Raise `BadSignature` unless `key` signed `body` besides, for this time."""
    if line.payload[: _TIME.size] != _TIME.pack(time_s):
        raise BadSignature("a further signature of another time than its cosignature")
    verify_raw(key, cosignature_message(body, time_s), line.payload[_TIME.size :])


def _unpack(line: SignatureLine) -> tuple[int, bytes]:
    if len(line.payload) != _COSIGNATURE.size:
        raise Malformed("cosignature", f"{len(line.payload)} bytes instead of {_COSIGNATURE.size}")
    time_s, signature = _COSIGNATURE.unpack(line.payload)
    if time_s > TIME_MAX:
        raise Malformed("cosignature", "a time beyond 2^63 - 1")
    return time_s, signature
