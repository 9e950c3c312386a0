"""Requests signed with an account's own key, and the proof that a key is its own.

Instead of an API key a request may bring a signature by a key registered for the account, in one
header (here on several lines; there one space stands after each comma, or none):

    Authorization: Cunzheng-Signature key="ed25519:...", time="1790000000000",
        nonce="000102030405060708090a0b0c0d0e0f", body="e3b0c44298fc1c14...",
        signature="ed25519:..."

What is signed are these bytes, each line ended by one LF, nothing after the last:

    cunzheng/request/v1
    origin cunzheng.test/devnet
    method POST
    target /v1/anchors?wait=none
    body e3b0c44298fc1c14...
    idempotency-key order-7
    time 1790000000000
    nonce 000102030405060708090a0b0c0d0e0f

The origin is the chain's name as its policy says it; the target is path and query as they stand in
the request line; the body is SHA-256 of the body as it is sent, of nothing if there is none; the
line `idempotency-key` is there if the request has that header, which decides whether it is a retry
or one deposit more: whoever holds a request up on its way cannot make two of one. The time is the
client's clock, milliseconds since 1970 UTC; the nonce is 16 random bytes. The request works once,
and only while its time is within 5 minutes of the gateway's. A retry is a new request: same body
and Idempotency-Key, new time and nonce. Whoever deposits through gateways of several operators has
a key for each, because one operator could show the request to another.

    >>> from node.evidence.keys import Signer
    >>> asked = Asked("cunzheng.test/devnet", "GET", "/v1/account", bytes(32))
    >>> signature = sign_request(Signer(bytes(range(32))), asked, 1790000000000, bytes(16))
    >>> parse_authorization(format_authorization(signature)) == signature
    True
    >>> signature.verify(asked)

A key is registered by whoever has it. These lines are signed with it, in the same manner:

    cunzheng/account-key/v1
    origin cunzheng.test/devnet
    account acme.law
    key ed25519:...
    time 1790000000000
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from node.evidence.atoms import read_decimal, write_decimal
from node.evidence.keys import (
    PublicKey,
    Signature,
    Signer,
    format_signature,
    parse_public_key,
    parse_signature,
    verify,
)
from node.evidence.malformed import Malformed

SCHEME = "Cunzheng-Signature"
TIME_TOLERANCE_MS = 300_000
"""How far a client's clock may be off, and one gateway's from another's: nonces are remembered for
twice as long after the client's time, so that the faster of two forgets none the slower takes."""
NONCE_SIZE = 16
EMPTY_BODY = hashlib.sha256(b"").digest()

_REQUEST_TAG = "cunzheng/request/v1"
_ACCOUNT_KEY_TAG = "cunzheng/account-key/v1"
_WHERE = "request signature"
_PARAMETERS = re.compile(
    r'key="(?P<key>[\x21\x23-\x7e]{1,256})", ?time="(?P<time>[0-9]{1,19})", ?'
    r'nonce="(?P<nonce>[0-9a-f]{32})", ?body="(?P<body>[0-9a-f]{64})", ?'
    r'signature="(?P<signature>[\x21\x23-\x7e]{1,256})"'
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks, as far as its signature covers it."""

    origin: str
    method: str
    target: str
    body: bytes
    """SHA-256."""
    idempotency_key: str | None = None
    """The header of this name, if there is one."""


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """What a signed request brings. `body` is what its client says the body's SHA-256 is."""

    key: PublicKey
    time_ms: int
    nonce: bytes
    body: bytes
    signature: Signature

    @property
    def used(self) -> bytes:
        """What is remembered of it, so that it works once: nobody can use up another's nonces."""
        return hashlib.sha256(self.key.text.encode() + b"\n" + self.nonce).digest()

    def is_timely(self, now_ms: int) -> bool:
        """Whether its time is near enough to the gateway's."""
        return abs(self.time_ms - now_ms) <= TIME_TOLERANCE_MS

    def verify(self, asked: Asked) -> None:
        """Raise `BadSignature` unless the key signed exactly this request."""
        verify(self.key, _request_message(asked, self.time_ms, self.nonce), self.signature)


def sign_request(signer: Signer, asked: Asked, time_ms: int, nonce: bytes) -> RequestSignature:
    """What a client sends along."""
    signature = signer.sign(_request_message(asked, time_ms, nonce))
    return RequestSignature(signer.public, time_ms, nonce, asked.body, signature)


def format_authorization(signed: RequestSignature) -> str:
    """The value of the `Authorization` header."""
    return (
        f'{SCHEME} key="{signed.key.text}", time="{write_decimal(signed.time_ms)}", '
        f'nonce="{signed.nonce.hex()}", body="{signed.body.hex()}", '
        f'signature="{format_signature(signed.signature)}"'
    )


def parse_authorization(header: str) -> RequestSignature:
    """What a header of this scheme says; `Malformed` if it is not written so."""
    scheme, _, parameters = header.partition(" ")
    match = _PARAMETERS.fullmatch(parameters)
    if scheme.lower() != SCHEME.lower() or match is None:
        raise Malformed(_WHERE, "not key, time, nonce, body and signature in this order")
    return RequestSignature(
        parse_public_key(match["key"]),
        read_decimal(_WHERE, match["time"]),
        bytes.fromhex(match["nonce"]),
        bytes.fromhex(match["body"]),
        parse_signature(match["signature"]),
    )


def account_key_message(origin: str, account: str, key: PublicKey, time_ms: int) -> bytes:
    """What is signed with a key to register it."""
    lines = {"origin": origin, "account": account, "key": key.text, "time": write_decimal(time_ms)}
    return _text(_ACCOUNT_KEY_TAG, lines)


def _request_message(asked: Asked, time_ms: int, nonce: bytes) -> bytes:
    lines = {
        "origin": asked.origin,
        "method": asked.method,
        "target": asked.target,
        "body": asked.body.hex(),
        **({} if asked.idempotency_key is None else {"idempotency-key": asked.idempotency_key}),
        "time": write_decimal(time_ms),
        "nonce": nonce.hex(),
    }
    return _text(_REQUEST_TAG, lines)


def _text(tag: str, lines: dict[str, str]) -> bytes:
    return "".join([f"{tag}\n", *(f"{name} {value}\n" for name, value in lines.items())]).encode()
