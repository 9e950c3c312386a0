"""Files that only named auditors can read.

Entries and bodies hold what all depositors signed, so a copy is kept for those who may audit and
for nobody else, not even for whoever runs the mirror: to write, only public keys are needed, and
each file stands for itself, so that a mirror has no secret to keep between its runs. A file is

    cunzheng/encrypted/v1
    path tile/entries/000
    to x25519:<base64 of a recipient's public key> <base64: its wrapped key>
    (one such line for each recipient)
    (empty line)
    <the content under AES-256-GCM>

Every file has a content key of its own, 32 random bytes, used once: so the nonce is zeros. HPKE
(RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, info = the tag line)
wraps it for each recipient. The head, up to and with the empty line, is the associated data: a file
that is renamed, or moved between recipients, does not open.

An identity is an X25519 private key, PKCS#8 in PEM, as `openssl genpkey -algorithm X25519` writes
it. Lost: what was written for it alone cannot be read again, and has to be mirrored again for
another one. Stolen: who has it and the files reads them; new files need another recipient.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke, serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.errors import Misconfigured, zh_reason
from node.evidence.atoms import read_base64, write_base64
from node.evidence.malformed import Malformed
from node.evidence.spelling import Lines

TAG = "cunzheng/encrypted/v1"
RECIPIENTS_MAX = 32
"""Each costs a tenth of a millisecond and 150 bytes in every file."""
PREFIX = "x25519:"

_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)
_INFO = f"{TAG}\n".encode()
_NONCE = bytes(12)
_IDENTITY_SIZE_MAX = 16_384


class CannotOpen(Exception):
    """This identity does not open this file: it is not for it, or it was changed."""


def encrypt(path: str, content: bytes, recipients: Sequence[X25519PublicKey]) -> bytes:
    """The file of `path`, for these recipients."""
    assert 0 < len(recipients) <= RECIPIENTS_MAX
    key = AESGCM.generate_key(256)
    lines = [TAG, f"path {path}"]
    for each in recipients:
        wrapped = _SUITE.encrypt(key, each, _INFO)
        lines.append(f"to {format_recipient(each)} {write_base64(wrapped)}")
    head = "".join(f"{line}\n" for line in [*lines, ""]).encode()
    return head + AESGCM(key).encrypt(_NONCE, content, head)


def decrypt(path: str, data: bytes, identity: X25519PrivateKey) -> bytes:
    """The content of the file of `path`; raises `CannotOpen`."""
    head, empty, sealed = data.partition(b"\n\n")
    head += empty
    try:
        wrapped = _parse_head(head, path, format_recipient(identity.public_key()))
        key = _SUITE.decrypt(wrapped, identity, _INFO)
        return AESGCM(key).decrypt(_NONCE, sealed, head)
    except Malformed as error:
        raise CannotOpen(f"{path}: {error}") from error
    except (InvalidTag, ValueError) as error:
        raise CannotOpen(f"{path}: it was changed") from error


def format_recipient(key: X25519PublicKey) -> str:
    """A public key as it is spelled in files and on command lines."""
    return PREFIX + write_base64(key.public_bytes_raw())


def parse_recipient(text: str) -> X25519PublicKey:
    """The public key of a recipient."""
    raw = read_base64("recipient", text.removeprefix(PREFIX))
    if not text.startswith(PREFIX) or len(raw) != 32:
        raise Malformed("recipient", f"not `{PREFIX}` and the base64 of 32 bytes")
    return X25519PublicKey.from_public_bytes(raw)


def make_identity(path: Path) -> X25519PublicKey:
    """Make a private key and its file, which must not exist; returns the recipient."""
    key = X25519PrivateKey.generate()
    data = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return key.public_key()


def load_identity(path: Path) -> X25519PrivateKey:
    """The private key of a file that nobody else can read."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Misconfigured(
                f"{path} can be read by others; run `chmod 600` on it",
                f"{path} 可被他人读取；请执行 chmod 600",
            )
        with path.open("rb") as file:
            data = file.read(_IDENTITY_SIZE_MAX)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}", f"{path}：{zh_reason(error)}") from error
    try:
        key = serialization.load_pem_private_key(data, None)
    except (ValueError, TypeError) as error:
        raise Misconfigured(
            f"{path}: not a private key in PEM without a password",
            f"{path}：不是未加口令的 PEM 私钥",
        ) from error
    if not isinstance(key, X25519PrivateKey):
        raise Misconfigured(f"{path}: not an X25519 key", f"{path}：不是 X25519 密钥")
    return key


def _parse_head(head: bytes, path: str, recipient: str) -> bytes:
    """The key wrapped for this recipient."""
    lines = Lines("encrypted file", head)
    lines.tag(TAG)
    lines.expect(f"path {path}")
    found = dict(line.partition(" ")[::2] for line in lines.values("to", RECIPIENTS_MAX))
    if recipient not in found:
        raise Malformed("encrypted file", "it is not for this identity")
    return read_base64("encrypted file", found[recipient])
