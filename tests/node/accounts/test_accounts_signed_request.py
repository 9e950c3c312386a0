"""Signed requests: every byte of what is asked counts, in every suite."""

import doctest
import importlib
from dataclasses import replace

import pytest

from node.accounts.signed_request import (
    EMPTY_BODY,
    TIME_TOLERANCE_MS,
    Asked,
    account_key_message,
    format_authorization,
    parse_authorization,
    sign_request,
)
from node.evidence.keys import ALGORITHMS, SM2, BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.sm2 import Sm2Missing

NOW = 1_790_000_000_000
ASKED = Asked("cunzheng.test/devnet", "POST", "/v1/anchors?wait=none", b"\x07" * 32, "order-7")


@pytest.mark.parametrize("name", ["identity", "api_key", "signed_request"])
def test_docstring_examples_are_true(name: str) -> None:
    result = doctest.testmod(importlib.import_module(f"node.accounts.{name}"))
    assert result.attempted
    assert not result.failed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_header_is_read_as_it_was_written(algorithm: str) -> None:
    try:
        made = sign_request(Signer(bytes(range(32)), algorithm), ASKED, NOW, bytes(16))
    except Sm2Missing:
        assert algorithm == SM2
        pytest.skip("the OpenSSL of this machine has no SM2")
    read = parse_authorization(format_authorization(made))
    assert read == made
    read.verify(ASKED)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "cunzheng.test/other"},
        {"method": "PUT"},
        {"target": "/v1/anchors?wait=final"},
        {"target": "/v1/anchors"},
        {"body": EMPTY_BODY},
        {"idempotency_key": "order-8"},
        {"idempotency_key": None},
    ],
    ids=lambda change: "-".join(change),
)
def test_another_request_is_not_the_signed_one(change: dict[str, object]) -> None:
    made = sign_request(Signer(bytes(range(32))), ASKED, NOW, bytes(16))
    with pytest.raises(BadSignature):
        made.verify(replace(ASKED, **change))  # type: ignore[arg-type]


def test_time_and_nonce_are_signed_too() -> None:
    made = sign_request(Signer(bytes(range(32))), ASKED, NOW, bytes(16))
    for other in (replace(made, time_ms=NOW + 1), replace(made, nonce=b"\x01" * 16)):
        with pytest.raises(BadSignature):
            other.verify(ASKED)


def test_the_signed_bytes_are_the_documented_ones() -> None:
    """Written out by hand: what a client in any language has to build."""
    signer = Signer(bytes(range(32)))
    made = sign_request(signer, ASKED, NOW, bytes(range(16)))
    message = (
        b"cunzheng/request/v1\n"
        b"origin cunzheng.test/devnet\n"
        b"method POST\n"
        b"target /v1/anchors?wait=none\n"
        b"body " + b"07" * 32 + b"\n"
        b"idempotency-key order-7\n"
        b"time 1790000000000\n"
        b"nonce 000102030405060708090a0b0c0d0e0f\n"
    )
    assert made.signature == signer.sign(message)
    assert account_key_message(ASKED.origin, "acme", signer.public, NOW) == (
        b"cunzheng/account-key/v1\n"
        b"origin cunzheng.test/devnet\n"
        b"account acme\n"
        b"key " + signer.public.text.encode() + b"\n"
        b"time 1790000000000\n"
    )


@pytest.mark.parametrize("by_ms", [-TIME_TOLERANCE_MS, 0, TIME_TOLERANCE_MS])
def test_it_is_good_for_five_minutes_either_way(by_ms: int) -> None:
    made = sign_request(Signer(bytes(range(32))), ASKED, NOW, bytes(16))
    assert made.is_timely(NOW + by_ms)
    beyond = NOW + by_ms + (1 if by_ms >= 0 else -1)
    assert made.is_timely(beyond) == (by_ms == 0)


def test_nobody_uses_up_anothers_nonces() -> None:
    one, two = (sign_request(Signer(bytes([n]) * 32), ASKED, NOW, bytes(16)) for n in (1, 2))
    assert one.used != two.used
    assert len(one.used) == 32


HEADER = format_authorization(sign_request(Signer(bytes(range(32))), ASKED, NOW, bytes(range(16))))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Cunzheng-Signature",
        HEADER.replace("Cunzheng-Signature", "Bearer"),
        HEADER.replace('time="1790000000000", ', ""),
        HEADER.replace('time="1', 'time="0'),
        HEADER.replace('nonce="00', 'nonce="0'),
        HEADER.replace('key="ed25519:', 'key="rsa:'),
        HEADER.replace('", signature', '";signature'),
        HEADER + ' extra="1"',
        HEADER.replace('body="07', 'body="0G'),
        HEADER[:-3] + '"',
    ],
)
def test_headers_that_are_not_read(header: str) -> None:
    with pytest.raises(Malformed):
        parse_authorization(header)
    assert parse_authorization(HEADER.replace(", ", ",")) == parse_authorization(HEADER)
