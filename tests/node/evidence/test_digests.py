"""The digests against published values, with and without SM3 in the system library."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from node.evidence import digests


@pytest.fixture(params=["system library", "wheel"])
def sm3(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> digests.Digest:
    if request.param == "wheel":

        def refuse(name: str) -> None:
            raise ValueError(f"unsupported hash type {name}")

        monkeypatch.setattr(hashlib, "new", refuse)
    elif "sm3" not in hashlib.algorithms_available:
        pytest.skip("this OpenSSL has no SM3")
    return digests.new("sm3")


def test_sm3_gives_the_published_digests(
    sm3: digests.Digest, published_json: Callable[[str], Any]
) -> None:
    make = type(sm3)
    for case in published_json("sm2-sm3/sm3.json")["sm3"]:
        digest = digests.new("sm3")
        assert type(digest) is make
        digest.update(bytes.fromhex(case["msgHex"]))
        assert digest.hexdigest() == case["digestHex"], case["name"]


def test_sm3_can_be_fed_in_parts_and_asked_twice(sm3: digests.Digest) -> None:
    sm3.update(b"a")
    before = sm3.digest()
    sm3.update(memoryview(b"bc"))
    assert sm3.digest() == sm3.digest() != before
    assert sm3.hexdigest().startswith("66c7f0f462eeedd9")


def test_sha256() -> None:
    digest = digests.new("sha256")
    digest.update(b"abc")
    assert digest.digest() == digests.sha256(b"abc") == hashlib.sha256(b"abc").digest()


@pytest.mark.parametrize("alg", digests.ALGS)
def test_the_digest_of_nothing_is_known(alg: str) -> None:
    assert digests.new(alg).digest() == digests.EMPTY[alg]
    assert len(digests.EMPTY[alg]) == digests.SIZE
