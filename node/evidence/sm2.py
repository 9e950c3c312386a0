"""SM2 signatures with SM3 (GB/T 32918.2, GM/T 0009), by the libcrypto of the system.

`cryptography` has no SM2, so this calls OpenSSL 3 through ctypes, behind the one spelling of
`curve`. The signer's identity that goes into the hash is always `1234567812345678` and always said:
what a library takes in silence differs from one to the next. A private key is the scalar, 32 bytes
big-endian, from 1 to n - 2; signing draws a random number inside libcrypto.

Importing this asks nothing of the machine. Where libcrypto is missing or was built without SM2,
every call raises `Sm2Missing`: then nothing can be said about a signature, least of all that it is
bad.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CDLL, byref, c_char_p, c_int, c_long, c_size_t, c_void_p
from functools import cache, lru_cache

from node.evidence import curve

PUBLIC_KEY_SIZE = curve.PUBLIC_KEY_SIZE
PRIVATE_KEY_SIZE = curve.SCALAR_SIZE
SIGNATURE_SIZES = curve.SIGNATURE_SIZES
IDENTITY = b"1234567812345678"

CURVE = curve.Curve(
    spki=bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"),
    p=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
    b=0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
    n=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
)

KEPT = 256
"""Public keys kept as read: a depositor signs again and again, and reading is a quarter of it."""
LIBRARIES = ("libcrypto.so.3", "libcrypto.3.dylib")
"""OpenSSL 3's libcrypto, by its names; what is called here came with 3.0."""

# PrivateKeyInfo (RFC 5958) and in it ECPrivateKey (RFC 5915), up to the scalar: without a public
# key, which libcrypto then computes, and with one, as others expect it in a file.
_BARE = bytes.fromhex("3041020100301306072a8648ce3d020106082a811ccf5501822d042730250201010420")
_WHOLE = bytes.fromhex("308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420")
_PUBLIC = bytes.fromhex("a14403420004")

_FUNCTIONS = {  # Name: what it returns, what it takes.
    "ERR_clear_error": (None, ()),
    "EVP_PKEY_CTX_new_from_name": (c_void_p, (c_void_p, c_char_p, c_char_p)),
    "EVP_PKEY_CTX_new": (c_void_p, (c_void_p, c_void_p)),
    "EVP_PKEY_CTX_set1_id": (c_int, (c_void_p, c_char_p, c_int)),
    "EVP_PKEY_CTX_free": (None, (c_void_p,)),
    "EVP_PKEY_is_a": (c_int, (c_void_p, c_char_p)),
    "EVP_PKEY_free": (None, (c_void_p,)),
    "EVP_MD_CTX_new": (c_void_p, ()),
    "EVP_MD_CTX_set_pkey_ctx": (None, (c_void_p, c_void_p)),
    "EVP_MD_CTX_free": (None, (c_void_p,)),
    "EVP_DigestSignInit_ex": (c_int, (c_void_p, c_void_p, c_char_p, *[c_void_p] * 4)),
    "EVP_DigestSign": (c_int, (c_void_p, c_char_p, c_void_p, c_char_p, c_size_t)),
    "EVP_DigestVerifyInit_ex": (c_int, (c_void_p, c_void_p, c_char_p, *[c_void_p] * 4)),
    "EVP_DigestVerify": (c_int, (c_void_p, c_char_p, c_size_t, c_char_p, c_size_t)),
    "d2i_AutoPrivateKey": (c_void_p, (c_void_p, c_void_p, c_long)),
    "d2i_PUBKEY": (c_void_p, (c_void_p, c_void_p, c_long)),
    "i2d_PUBKEY": (c_int, (c_void_p, c_void_p)),
}


class Sm2Missing(Exception):
    """This machine's libcrypto has no SM2: nothing can be signed or checked with it here."""


def is_available() -> bool:
    """Whether this machine can sign and check."""
    try:
        library()
    except Sm2Missing:
        return False
    return True


def key_fault(raw: bytes) -> str | None:
    """Why these 91 bytes are no public key."""
    return CURVE.key_fault(raw)


def signature_fault(signature: bytes) -> str | None:
    """Why these bytes are no signature of anything."""
    return CURVE.signature_fault(signature)


def holds(raw: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the equation holds."""
    crypto = library()
    with _context(_read_public(raw), "Verify") as context:
        found: int = crypto.EVP_DigestVerify(
            context, signature, len(signature), message, len(message)
        )
    assert found in (0, 1), "a well-formed signature is good or bad"
    return found == 1


def private_key(private: bytes) -> Key:
    """A private key in libcrypto, which knows its public key."""
    read = library().d2i_AutoPrivateKey
    point = _public_key(Key(read, _BARE + private))[len(CURVE.spki) :]
    return Key(read, _WHOLE + private + _PUBLIC + point)


def signer(private: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    """The public key of a private one, and what signs with it."""
    crypto = library()
    key = private_key(private)

    def sign(message: bytes) -> bytes:
        size = c_size_t(SIGNATURE_SIZES.stop)
        signature = ctypes.create_string_buffer(size.value)
        with _context(key, "Sign") as context:
            done = crypto.EVP_DigestSign(context, signature, byref(size), message, len(message))
        assert done == 1, "a private key signs"
        return signature.raw[: size.value]

    return _public_key(key), sign


@cache
def library() -> CDLL:
    """libcrypto with the types of what is called in it; `Sm2Missing` if it cannot do SM2."""
    for name in LIBRARIES:
        try:
            crypto = CDLL(name)
        except OSError:
            continue
        for function, (returns, takes) in _FUNCTIONS.items():
            getattr(crypto, function).restype = returns
            getattr(crypto, function).argtypes = takes
        context = crypto.EVP_PKEY_CTX_new_from_name(None, b"SM2", None)
        crypto.EVP_PKEY_CTX_free(context)
        if context is not None:
            return crypto
        crypto.ERR_clear_error()
    raise Sm2Missing(f"no SM2 in {' or '.join(LIBRARIES)}: install OpenSSL 3 with SM2")


@lru_cache(KEPT)
def _read_public(raw: bytes) -> Key:
    return Key(library().d2i_PUBKEY, raw)


def _public_key(key: Key) -> bytes:
    public = ctypes.create_string_buffer(PUBLIC_KEY_SIZE)
    size = library().i2d_PUBKEY(key.handle, byref(ctypes.pointer(public)))
    assert size == PUBLIC_KEY_SIZE, "written as `curve` reads it"
    return public.raw


class Key:
    """A key of libcrypto, freed with the last who holds it; any thread may use it."""

    def __init__(self, read: Callable[..., int | None], der: bytes) -> None:
        self.handle = read(None, byref(c_char_p(der)), len(der))
        assert self.handle is not None, "read from what was checked"
        self._free = library().EVP_PKEY_free  # By its name it may be gone when the process ends.
        assert library().EVP_PKEY_is_a(self.handle, b"SM2") == 1

    def __del__(self) -> None:
        self._free(self.handle)


@contextmanager
def _context(key: Key, act: str) -> Iterator[int]:
    """A context to sign or verify one message with SM3 and our identity. Errors must not stay in
    this thread's queue, where TLS would take them for its own."""
    crypto = library()
    asymmetric = crypto.EVP_PKEY_CTX_new(key.handle, None)
    context = crypto.EVP_MD_CTX_new()
    try:
        assert crypto.EVP_PKEY_CTX_set1_id(asymmetric, IDENTITY, len(IDENTITY)) == 1
        crypto.EVP_MD_CTX_set_pkey_ctx(context, asymmetric)
        begin = getattr(crypto, f"EVP_Digest{act}Init_ex")
        assert begin(context, None, b"SM3", None, None, key.handle, None) == 1
        yield context
    finally:
        crypto.EVP_MD_CTX_free(context)
        crypto.EVP_PKEY_CTX_free(asymmetric)
        crypto.ERR_clear_error()
