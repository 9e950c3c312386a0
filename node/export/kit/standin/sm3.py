"""SM3 (GB/T 32905-2016) in plain integers: for machines whose OpenSSL was built without it.

Some megabytes a minute: enough for proofs and their folders, not for a film.
"""

from __future__ import annotations

import struct

BLOCK_SIZE = 64
_WORD = 0xFFFFFFFF
_START = (
    *(0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600),
    *(0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E),
)


def _rotated(word: int, count: int) -> int:
    count %= 32
    return (word << count | word >> (32 - count)) & _WORD


_CONSTANTS = tuple(_rotated(0x79CC4519 if j < 16 else 0x7A879D8A, j) for j in range(64))


class Sm3:
    """A running digest."""

    __slots__ = ("_rest", "_size", "_state")

    def __init__(self) -> None:
        self._state: tuple[int, ...] = _START
        self._rest = b""
        self._size = 0

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """More of the message."""
        whole = self._rest + bytes(data)
        self._size += len(data)
        end = len(whole) // BLOCK_SIZE * BLOCK_SIZE
        for at in range(0, end, BLOCK_SIZE):
            self._state = _compressed(self._state, whole[at : at + BLOCK_SIZE])
        self._rest = whole[end:]

    def digest(self) -> bytes:
        """Of all of it so far."""
        zeros = b"\0" * ((55 - self._size) % BLOCK_SIZE)
        last = self._rest + b"\x80" + zeros + struct.pack(">Q", 8 * self._size)
        state = self._state
        for at in range(0, len(last), BLOCK_SIZE):
            state = _compressed(state, last[at : at + BLOCK_SIZE])
        return struct.pack(">8I", *state)


def sm3(data: bytes) -> bytes:
    """The digest of these bytes."""
    running = Sm3()
    running.update(data)
    return running.digest()


def _compressed(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = list(struct.unpack(">16I", block))
    for j in range(16, 68):
        mixed = words[j - 16] ^ words[j - 9] ^ _rotated(words[j - 3], 15)
        mixed ^= _rotated(mixed, 15) ^ _rotated(mixed, 23)
        words.append(mixed ^ _rotated(words[j - 13], 7) ^ words[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        twelve = _rotated(a, 12)
        one = _rotated((twelve + e + _CONSTANTS[j]) & _WORD, 7)
        if j < 16:
            majority, choice = a ^ b ^ c, e ^ f ^ g
        else:
            majority, choice = a & b | a & c | b & c, e & f | ~e & g
        two = (majority + d + (one ^ twelve) + (words[j] ^ words[j + 4])) & _WORD
        three = (choice + h + one + words[j]) & _WORD
        a, b, c, d = two, a, _rotated(b, 9), c
        e, f, g, h = three ^ _rotated(three, 9) ^ _rotated(three, 17), e, _rotated(f, 19), g
    return tuple(x ^ y for x, y in zip((a, b, c, d, e, f, g, h), state, strict=True))
