"""Private Ed25519 keys on disk: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes them.

A file is readable by its owner only; one that others can read is refused, because whoever read it
can sign in its owner's name and nothing would show. A password, where one is set, comes from the
environment variable CUNZHENG_KEY_PASSWORD and never from a command line, which others can see.

Lost: the key can never sign again; make a new one and have it enrolled, or the policy changed.
Stolen: have it revoked (a signing key) or replaced by a policy change (a member's key) at once.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node.errors import Misconfigured
from node.evidence.keys import Signer

PASSWORD_VARIABLE = "CUNZHENG_KEY_PASSWORD"  # noqa: S105
SIZE_MAX = 16_384
"""A key file is a few hundred bytes; anything longer is something else."""


def load_signer(path: Path, password: str | None = None) -> Signer:
    """The key of a file; `Misconfigured` says what is wrong with it. Without `password` the
    environment's is used, if the file needs one."""
    if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured(f"{path} can be read by others; run `chmod 600` on it")
    try:
        with path.open("rb") as file:
            data = file.read(SIZE_MAX)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}") from error
    return Signer(_parse(path, data, _password(password)).private_bytes_raw())


def create(path: Path, password: str | None = None) -> Signer:
    """Make a key and its file, which must not exist. Its public text is `signer.public.text`."""
    key = Ed25519PrivateKey.generate()
    secret = _password(password)
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if secret is not None:
        encryption = serialization.BestAvailableEncryption(secret)
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    # If we stop between creating and syncing, the file is empty or cut and `load_signer` says so;
    # nobody has seen the key yet.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return Signer(key.private_bytes_raw())


def _password(given: str | None) -> bytes | None:
    text = given if given is not None else os.environ.get(PASSWORD_VARIABLE)
    return text.encode() if text else None


def _parse(path: Path, data: bytes, password: bytes | None) -> Ed25519PrivateKey:
    encrypted = b"ENCRYPTED" in data
    if encrypted and password is None:
        raise Misconfigured(f"{path} needs a password; set {PASSWORD_VARIABLE}")
    try:
        key = serialization.load_pem_private_key(data, password if encrypted else None)
    except (ValueError, TypeError) as error:
        what = "another password or damaged" if encrypted else "not a private key in PEM"
        raise Misconfigured(f"{path}: {what}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise Misconfigured(f"{path}: not an Ed25519 key")
    return key
