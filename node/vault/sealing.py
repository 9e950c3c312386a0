"""Values encrypted under a key of their row, and that key under the vault's.

    data key  (stored)  nonce[12] || AES-256-GCM(key for DATA_KEYS, data key[32]; aad = row)
    value     (stored)  nonce[12] || AES-256-GCM(data key, value; aad = place)

`row` names table and primary key; `place` is its length (u32), itself and the column: no ciphertext
can be moved to another row or column. Nonces are random: a data key encrypts the few values of one
row, and the vault's key at most 2^32 data keys (NIST SP 800-38D, 8.3). Whoever destroys a row's
data key has erased its values, in this database and in every copy of it that has not got the data
key either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.vault.keys import KEY_SIZE, Purpose, VaultKey

NONCE_SIZE = 12

Random = Callable[[int], bytes]


class Unreadable(Exception):
    """Not made with this key for this row and column, or changed since."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its table and primary key, and the cipher of the data key that its values have."""

    name: bytes
    cipher: AESGCM = field(repr=False)

    def seal(self, column: str, value: bytes, random: Random) -> bytes:
        """The value as it is stored."""
        return _seal(self.cipher, value, _place(self.name, column), random)

    def open(self, column: str, stored: bytes) -> bytes:
        """The value that `seal` was given; raises `Unreadable`."""
        return _open(self.cipher, stored, _place(self.name, column))


class Vault:
    """Makes and opens data keys."""

    def __init__(self, key: VaultKey) -> None:
        self._wrapping = AESGCM(key.derive(Purpose.DATA_KEYS))

    def new_row(self, table: str, primary_key: bytes, random: Random) -> tuple[Row, bytes]:
        """A row with a fresh data key, and that key as it is stored beside its values."""
        name, data_key = _name(table, primary_key), random(KEY_SIZE)
        return Row(name, AESGCM(data_key)), _seal(self._wrapping, data_key, name, random)

    def row(self, table: str, primary_key: bytes, stored_data_key: bytes) -> Row:
        """The row again; raises `Unreadable`."""
        name = _name(table, primary_key)
        return Row(name, AESGCM(_open(self._wrapping, stored_data_key, name)))


def _name(table: str, primary_key: bytes) -> bytes:
    return table.encode() + b"\0" + primary_key


def _place(row: bytes, column: str) -> bytes:
    return len(row).to_bytes(4, "big") + row + column.encode()


def _seal(cipher: AESGCM, value: bytes, aad: bytes, random: Random) -> bytes:
    nonce = random(NONCE_SIZE)
    return nonce + cipher.encrypt(nonce, value, aad)


def _open(cipher: AESGCM, stored: bytes, aad: bytes) -> bytes:
    try:
        return cipher.decrypt(stored[:NONCE_SIZE], stored[NONCE_SIZE:], aad)
    except (InvalidTag, ValueError) as error:
        raise Unreadable("not made with this key for this row, or changed since") from error
