"""The vault key and what is made from it.

One key of 32 bytes, as 64 lower-case hex digits in a file of its own, is shared by all gateways of
one database and stored nowhere else. Each purpose has its own key, HKDF-SHA256 (RFC 5869) of it
with the purpose as `info`, so that what leaks about one says nothing about another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_SIZE = 32

_TEXT = re.compile(rb"([0-9a-f]{64})\n?")


class Purpose(Enum):
    """What a key is for; the values are part of the format and never change."""

    DATA_KEYS = "cunzheng/vault/data-keys/v1"
    BLIND_SHA256 = "cunzheng/vault/blind-sha256/v1"
    BLIND_SM3 = "cunzheng/vault/blind-sm3/v1"
    BLIND_ID_NO = "cunzheng/vault/blind-id-no/v1"
    API_KEYS = "cunzheng/vault/api-keys/v1"
    EXTRACTION_CODES = "cunzheng/vault/extraction-codes/v1"
    WEBHOOK_SECRETS = "cunzheng/vault/webhook-secrets/v1"
    PROFILE_SALTS = "cunzheng/vault/profile-salts/v1"


class BadVaultKey(ValueError):
    """The key file is not 64 lower-case hex digits."""


@dataclass(frozen=True, slots=True)
class VaultKey:
    """The key all others are made from. Never printed."""

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert len(self.raw) == KEY_SIZE

    def derive(self, purpose: Purpose) -> bytes:
        """The key for this purpose, 32 bytes."""
        return HKDF(SHA256(), KEY_SIZE, salt=None, info=purpose.value.encode()).derive(self.raw)


def format_vault_key(key: VaultKey) -> bytes:
    """The content of the key file."""
    return key.raw.hex().encode() + b"\n"


def parse_vault_key(text: bytes) -> VaultKey:
    """The key of a key file; raises `BadVaultKey`."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise BadVaultKey("not 64 lower-case hex digits")
    return VaultKey(bytes.fromhex(match.group(1).decode()))
