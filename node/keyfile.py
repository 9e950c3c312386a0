"""Private keys on disk: PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes them.

The file says itself of which suite it is: Ed25519, ECDSA on P-256, or SM2.

A file is readable by its owner only; one that others can read is refused, because whoever read it
can sign in its owner's name and nothing would show. A password, where one is set, comes from the
environment variable CUNZHENG_KEY_PASSWORD and never from a command line, which others can see.

Lost: the key can never sign again; make a new one and have it enrolled, or the policy changed.
Stolen: have it revoked (a signing key) or replaced by a policy change (a member's key) at once.

The vault key of a gateway (`node.vault.keys`) is no signing key, but a file under the same rules.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from node import sm2_file
from node.errors import Misconfigured, zh_reason
from node.evidence import curve
from node.evidence.keys import ED25519, P256, SM2, Signer
from node.evidence.sm2 import Sm2Missing
from node.vault.keys import KEY_SIZE, BadVaultKey, VaultKey, format_vault_key, parse_vault_key

PASSWORD_VARIABLE = "CUNZHENG_KEY_PASSWORD"  # noqa: S105
SIZE_MAX = 16_384
"""A key file is a few hundred bytes; anything longer is something else."""


def load_signer(path: Path, password: str | None = None) -> Signer:
    """The key of a file; `Misconfigured` says what is wrong with it. Without `password` the
    environment's is used, if the file needs one."""
    return _parse(path, _read(path), _password(password))


def load_vault_key(path: Path) -> VaultKey:
    """The vault key of a file; `Misconfigured` says what is wrong with it."""
    try:
        return parse_vault_key(_read(path))
    except BadVaultKey as error:
        zh = f"{path}：不是 64 位小写十六进制数字"
        raise Misconfigured(f"{path}: {error}", zh) from error


def create_vault_key(path: Path) -> VaultKey:
    """Draw a vault key and make its file, which must not exist."""
    key = VaultKey(secrets.token_bytes(KEY_SIZE))
    _write_new(path, format_vault_key(key))
    return key


def create(path: Path, password: str | None = None, algorithm: str = ED25519) -> Signer:
    """Make a key and its file, which must not exist. Its public text is `signer.public.text`."""
    data, signer = _draw(path, algorithm, _password(password))
    _write_new(path, data)
    return signer


def check_private(path: Path) -> None:
    """Refuse a file that others can read."""
    if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Misconfigured(
            f"{path} can be read by others; run `chmod 600` on it",
            f"{path} 可被他人读取；请执行 chmod 600",
        )


def _read(path: Path) -> bytes:
    """What a key file holds, if it is its owner's alone."""
    check_private(path)
    try:
        with path.open("rb") as file:
            return file.read(SIZE_MAX)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}", f"{path}：{zh_reason(error)}") from error


def _write_new(path: Path, data: bytes) -> None:
    # If we stop between creating and syncing, the file is empty or cut and whoever loads it is
    # told so; nobody has used the key yet.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _draw(path: Path, algorithm: str, password: bytes | None) -> tuple[bytes, Signer]:
    """A new key as a file and in memory."""
    if algorithm == SM2:
        try:
            private = sm2_file.draw()
            return sm2_file.write(private, password), Signer(private, SM2)
        except Sm2Missing as error:
            raise Misconfigured(f"{path}: {error}") from error
    assert algorithm in (ED25519, P256)
    key = (
        Ed25519PrivateKey.generate() if algorithm == ED25519 else generate_private_key(SECP256R1())
    )
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        encryption = serialization.BestAvailableEncryption(password)
    data = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return data, _signer(path, key)


def _password(given: str | None) -> bytes | None:
    text = given if given is not None else os.environ.get(PASSWORD_VARIABLE)
    return text.encode() if text else None


def _parse(path: Path, data: bytes, password: bytes | None) -> Signer:
    encrypted = b"ENCRYPTED" in data
    if encrypted and password is None:
        raise Misconfigured(
            f"{path} needs a password; set {PASSWORD_VARIABLE}",
            f"{path} 需要口令；请设置环境变量 {PASSWORD_VARIABLE}",
        )
    try:
        key = serialization.load_pem_private_key(data, password if encrypted else None)
    except UnsupportedAlgorithm:
        return _sm2_signer(path, data, password)
    except (ValueError, TypeError) as error:
        what = "another password or damaged" if encrypted else "not a private key in PEM"
        zh = "口令不符或文件已损坏" if encrypted else "不是 PEM 格式的私钥"
        raise Misconfigured(f"{path}: {what}", f"{path}：{zh}") from error
    return _signer(path, key)


def _signer(path: Path, key: object) -> Signer:
    if isinstance(key, Ed25519PrivateKey):
        return Signer(key.private_bytes_raw())
    if isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1):
        scalar = key.private_numbers().private_value
        return Signer(scalar.to_bytes(curve.SCALAR_SIZE), P256)
    raise _other_suite(path)


def _other_suite(path: Path) -> Misconfigured:
    return Misconfigured(
        f"{path}: not a key of Ed25519, P-256 or SM2",
        f"{path}：不是 Ed25519、P-256 或 SM2 的密钥",
    )


def _sm2_signer(path: Path, data: bytes, password: bytes | None) -> Signer:
    """`cryptography` did not know the curve: it is SM2's or nobody's."""
    try:
        private = sm2_file.read(data, password)
    except Sm2Missing as error:
        raise Misconfigured(f"{path}: {error}") from error
    if private is None:
        raise _other_suite(path)
    return Signer(private, SM2)
