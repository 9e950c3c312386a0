"""Private SM2 keys as PEM, by the libcrypto of the system: `cryptography` cannot read them.

What is written is PKCS#8, as `openssl genpkey -algorithm SM2` writes it; what is read is whatever
OpenSSL reads. In memory a private key is its scalar, 32 bytes (`evidence.sm2`). Every call raises
`sm2.Sm2Missing` where libcrypto has no SM2.
"""

from __future__ import annotations

import ctypes
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import CDLL, byref, c_char_p, c_int, c_void_p
from functools import cache

from node.evidence import sm2

PEM_SIZE_MAX = 4_096
"""A key with its password takes less than a tenth of it."""
ITERATIONS = 600_000
"""Of PBKDF2 with SHA-256 (OWASP, 2023): a third of a second for whoever tries one password."""

_PBES2 = -1  # Instead of an old algorithm by number: the cipher given, with PBKDF2.
_FUNCTIONS = {  # Name: what it returns, what it takes.
    "BIO_s_mem": (c_void_p, ()),
    "BIO_new": (c_void_p, (c_void_p,)),
    "BIO_write": (c_int, (c_void_p, c_char_p, c_int)),
    "BIO_read": (c_int, (c_void_p, c_char_p, c_int)),
    "BIO_free": (c_int, (c_void_p,)),
    "BN_bn2binpad": (c_int, (c_void_p, c_char_p, c_int)),
    "BN_clear_free": (None, (c_void_p,)),
    "EVP_aes_256_cbc": (c_void_p, ()),
    "EVP_PKEY_get_bn_param": (c_int, (c_void_p, c_char_p, c_void_p)),
    "EVP_PKEY2PKCS8": (c_void_p, (c_void_p,)),
    "PEM_read_bio_PrivateKey": (c_void_p, (c_void_p, c_void_p, c_void_p, c_char_p)),
    "PEM_write_bio_PKCS8": (c_int, (c_void_p, c_void_p)),
    "PEM_write_bio_PKCS8_PRIV_KEY_INFO": (c_int, (c_void_p, c_void_p)),
    "PKCS8_encrypt": (
        c_void_p,
        (c_int, c_void_p, c_char_p, c_int, c_char_p, c_int, c_int, c_void_p),
    ),
    "PKCS8_PRIV_KEY_INFO_free": (None, (c_void_p,)),
    "X509_SIG_free": (None, (c_void_p,)),
}


def draw() -> bytes:
    """A new private key."""
    return (secrets.randbelow(sm2.CURVE.n - 2) + 1).to_bytes(sm2.PRIVATE_KEY_SIZE)


def read(pem: bytes, password: bytes | None) -> bytes | None:
    """The private key of a file; None if it is no SM2 key, or not with this password."""
    crypto = _library()
    with _memory() as memory:
        crypto.BIO_write(memory, pem, len(pem))
        # A password that is not needed does no harm; without any, libcrypto would ask a terminal.
        key = crypto.PEM_read_bio_PrivateKey(memory, None, None, password or b"")
        crypto.ERR_clear_error()
    if key is None:
        return None
    number = c_void_p()
    try:
        if crypto.EVP_PKEY_is_a(key, b"SM2") != 1:
            return None
        assert crypto.EVP_PKEY_get_bn_param(key, b"priv", byref(number)) == 1
        scalar = ctypes.create_string_buffer(sm2.PRIVATE_KEY_SIZE)
        assert crypto.BN_bn2binpad(number, scalar, len(scalar)) == len(scalar)
        return scalar.raw
    finally:
        crypto.BN_clear_free(number)
        crypto.EVP_PKEY_free(key)


def write(private: bytes, password: bytes | None) -> bytes:
    """The file of a private key."""
    crypto = _library()
    key = sm2.private_key(private)
    plain = crypto.EVP_PKEY2PKCS8(key.handle)
    with _memory() as memory:
        try:
            if password is None:
                assert crypto.PEM_write_bio_PKCS8_PRIV_KEY_INFO(memory, plain) == 1
            else:
                _write_encrypted(memory, plain, password)
        finally:
            crypto.PKCS8_PRIV_KEY_INFO_free(plain)
        pem = ctypes.create_string_buffer(PEM_SIZE_MAX)
        size = crypto.BIO_read(memory, pem, len(pem))
    return pem.raw[:size]


def _write_encrypted(memory: int, plain: int, password: bytes) -> None:
    crypto = _library()
    cipher = crypto.EVP_aes_256_cbc()
    sealed = crypto.PKCS8_encrypt(
        _PBES2, cipher, password, len(password), None, 0, ITERATIONS, plain
    )
    try:
        assert crypto.PEM_write_bio_PKCS8(memory, sealed) == 1
    finally:
        crypto.X509_SIG_free(sealed)


@cache
def _library() -> CDLL:
    crypto = sm2.library()
    for function, (returns, takes) in _FUNCTIONS.items():
        getattr(crypto, function).restype = returns
        getattr(crypto, function).argtypes = takes
    return crypto


@contextmanager
def _memory() -> Iterator[int]:
    """A file in memory, as libcrypto calls it."""
    crypto = _library()
    memory = crypto.BIO_new(crypto.BIO_s_mem())
    try:
        yield memory
    finally:
        crypto.BIO_free(memory)
