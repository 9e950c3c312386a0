"""Signed notes (c2sp.org/signed-note): a text a person can read, and lines of who signed it.

    TEXT
    <empty line>
    U+2014 SP name SP base64(key id[4] || payload)      one line per signature

A note is UTF-8 without control characters except the line feed, which ends every line; its last
empty line separates the text from the signature lines. A name is not empty and has neither spaces
nor `+`. What is signed is the text with its last line feed, and not the empty line.

A **verifier key** (vkey) is what a policy lists, `name+key id in hex+base64(type || public key)`;
types are 01 (Ed25519 over the text), 04 (Ed25519 cosignature, `checkpoint.py`) and ff followed by
a longer identifier. The key id is the first 4 bytes of SHA-256(name || 0A || type || public key).

    >>> signer = Signer(bytes(range(32)))
    >>> vkey = ed25519_vkey("example.com/log", signer.public)
    >>> format_vkey(vkey)
    'example.com/log+d455c521+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4'
    >>> text = b"example.com/log\\n0\\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\\n"
    >>> data = format_note(Note(text, (sign_ed25519(text, vkey.name, signer),)))
    >>> print(data.decode()[:-40])
    example.com/log
    0
    47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
    <BLANKLINE>
    — example.com/log 1FXFIXIShRBLxRBEZXqVdy1Nkx+1zbp9Y0+6j7NZG/kHjr9NfsYnV
    >>> verify_ed25519(parse_note(data), vkey)
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass

from node.evidence.atoms import read_base64, write_base64
from node.evidence.ed25519 import PUBLIC_KEY_SIZE
from node.evidence.keys import ED25519, BadSignature, PublicKey, Signer, verify_raw
from node.evidence.malformed import Malformed

TYPE_ED25519 = 0x01
TYPE_COSIGNATURE = 0x04
TYPE_ML_DSA_44 = 0x06
TYPE_OTHER = 0xFF

KEY_ID_SIZE = 4
# C2SP asks for 16 at least; golang.org/x/mod stops at 100 too. Each costs a search for its key.
SIGNATURES_MAX = 100
# A whole note: 100 post-quantum lines of 5 kB, and as much text again.
NOTE_SIZE_MAX = 1_000_000
# Names are host names with a path. Longer ones only hide what is being read.
NAME_LENGTH_MAX = 255
# An RSA-8192 or ML-DSA key with its type and a generous identifier.
VKEY_LENGTH_MAX = 8192

_CONTROL = re.compile(rb"[\x00-\x09\x0b-\x1f]")
_LINE_START = "\N{EM DASH} "
# Unicode's White_Space, written out so that no version of a table decides, and lone surrogates.
_NAME = re.compile(
    "[^\x00-\x20+\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]+"
)
_KEY_SIZES = {
    TYPE_ED25519: PUBLIC_KEY_SIZE,
    TYPE_COSIGNATURE: PUBLIC_KEY_SIZE,
    TYPE_ML_DSA_44: 1312,
}


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature: whose it claims to be, and the bytes its type defines."""

    name: str
    key_id: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A note as read: nothing in it counts before a signature by a known key was verified."""

    text: bytes
    signatures: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class Vkey:
    """A key with the name it signs under; `public` includes the identifier where type is ff."""

    name: str
    type: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, bytes([self.type]) + self.public)


def format_note(note: Note) -> bytes:
    return note.text + b"\n" + b"".join(format_line(line) for line in note.signatures)


def parse_note(data: bytes) -> Note:
    if len(data) > NOTE_SIZE_MAX:
        raise Malformed("note", f"longer than {NOTE_SIZE_MAX} bytes")
    if _CONTROL.search(data):
        raise Malformed("note", "a control character other than line feed")
    try:
        data.decode()
    except UnicodeDecodeError:
        raise Malformed("note", "not UTF-8") from None
    text, separator, lines = data.rpartition(b"\n\n")
    if not separator or not lines.endswith(b"\n"):
        raise Malformed("note", "not a text, an empty line and signature lines")
    signatures = lines[:-1].split(b"\n")
    if len(signatures) > SIGNATURES_MAX:
        raise Malformed("note", f"more than {SIGNATURES_MAX} signatures")
    return Note(text + b"\n", tuple(parse_line(line + b"\n") for line in signatures))


def format_line(line: SignatureLine) -> bytes:
    return f"{_LINE_START}{line.name} {write_base64(line.key_id + line.payload)}\n".encode()


def parse_line(data: bytes) -> SignatureLine:
    """One signature line with its line feed, as members send their seals to each other."""
    try:
        line = data.decode()
    except UnicodeDecodeError:
        raise Malformed("signature line", "not UTF-8") from None
    if not line.startswith(_LINE_START) or not line.endswith("\n"):
        raise Malformed("signature line", "does not start with an em dash or does not end")
    name, space, encoded = line[len(_LINE_START) : -1].partition(" ")
    if not space:
        raise Malformed("signature line", "no signature after the name")
    _check_name("signature line", name)
    signature = read_base64("signature line", encoded)
    if len(signature) <= KEY_ID_SIZE:
        raise Malformed("signature line", "no signature after the key id")
    return SignatureLine(name, signature[:KEY_ID_SIZE], signature[KEY_ID_SIZE:])


def key_id(name: str, typed_key: bytes) -> bytes:
    """What a line calls its key; `typed_key` is the type byte, an identifier if ff, the key."""
    return hashlib.sha256(name.encode() + b"\n" + typed_key).digest()[:KEY_ID_SIZE]


def ed25519_vkey(name: str, key: PublicKey, type: int = TYPE_ED25519) -> Vkey:
    assert key.algorithm == ED25519
    return Vkey(name, type, key.raw)


def format_vkey(vkey: Vkey) -> str:
    return f"{vkey.name}+{vkey.key_id.hex()}+{write_base64(bytes([vkey.type]) + vkey.public)}"


def parse_vkey(text: str) -> Vkey:
    """A verifier key whose id is computed as above, which excludes type 02 (its own rule)."""
    if len(text) > VKEY_LENGTH_MAX:
        raise Malformed("vkey", f"longer than {VKEY_LENGTH_MAX} characters")
    name, _, rest = text.partition("+")
    hexid, _, encoded = rest.partition("+")
    _check_name("vkey", name)
    typed_key = read_base64("vkey", encoded)
    if len(typed_key) < 2:
        raise Malformed("vkey", "no key")
    vkey = Vkey(name, typed_key[0], typed_key[1:])
    if vkey.key_id.hex() != hexid:
        raise Malformed("vkey", "the key id is not that of this name and key")
    if len(vkey.public) != _KEY_SIZES.get(vkey.type, len(vkey.public)):
        raise Malformed("vkey", f"{len(vkey.public)} bytes are no key of type {vkey.type:02x}")
    if vkey.type in (TYPE_ED25519, TYPE_COSIGNATURE):
        PublicKey(ED25519, vkey.public)  # Refuses what may not be enrolled.
    return vkey


def lines_by(note: Note, vkey: Vkey) -> tuple[SignatureLine, ...]:
    """The lines that claim to be by this key; a line by another name or id is not ours to judge."""
    wanted = (vkey.name, vkey.key_id)
    return tuple(line for line in note.signatures if (line.name, line.key_id) == wanted)


def sign_ed25519(text: bytes, name: str, signer: Signer) -> SignatureLine:
    """A line of type 01."""
    return SignatureLine(name, ed25519_vkey(name, signer.public).key_id, signer.sign(text).raw)


def verify_ed25519(note: Note, vkey: Vkey) -> None:
    """Return if this key (type 01) signed; raise `BadSignature` if not, or one line is wrong."""
    assert vkey.type == TYPE_ED25519
    lines = lines_by(note, vkey)
    if not lines:
        raise BadSignature(f"{vkey.name} did not sign this note")
    for line in lines:
        verify_raw(PublicKey(ED25519, vkey.public), note.text, line.payload)


def verified_signers(note: Note, known: Collection[Vkey]) -> tuple[Vkey, ...]:
    """Which of these keys (type 01) signed, in the order of `known`; at least one did.

    Lines by unknown keys mean nothing. A line by a known key that does not verify spoils the note,
    and so does a note that no known key signed: both raise `BadSignature`.
    """
    signers = tuple(vkey for vkey in known if lines_by(note, vkey))
    if not signers:
        raise BadSignature("no known key signed this note")
    for vkey in signers:
        verify_ed25519(note, vkey)
    return signers


def _check_name(where: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise Malformed(where, "a name is empty or holds a space, a plus or a control character")
    if len(name) > NAME_LENGTH_MAX:
        raise Malformed(where, f"a name is longer than {NAME_LENGTH_MAX} characters")
