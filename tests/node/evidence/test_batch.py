"""The depositor's batch file: strict, whole, and enough to derive every proof of a statement."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from node.evidence import batch as module
from node.evidence.batch import Batch, BatchItem, derive_all, format_batch, parse_batch
from node.evidence.digests import sha256
from node.evidence.item import Opening, format_details
from node.evidence.malformed import Malformed
from node.evidence.proof import public_form
from node.evidence.statement import format_statement

World = Any


def opening(number: int, details: bytes | None = None) -> Opening:
    digests = (("sha256", sha256(b"%d" % number)), ("sm3", sha256(b"sm3 %d" % number)))
    return Opening(sha256(b"salt %d" % number), digests, number, details)


def salted(world: World, count: int, page: int = 1) -> Batch:
    details = format_details({"file_name": (bytes(16), '合同 "1".pdf'), "copies": (bytes(16), 2)})
    openings = [opening(number, details if number % 2 else None) for number in range(count)]
    items = tuple(
        BatchItem(each.item(), each, f"盒/{number}.pdf" if number % 3 else None)
        for number, each in enumerate(openings)
    )
    return signed(world, items, alg="sha256+sm3", page=page)


def plain(world: World) -> Batch:
    items = (BatchItem(sha256(b"a"), None, "a.log"), BatchItem(sha256(b"b")))
    return signed(world, items, mode="digest", alg="sha256")


def signed(world: World, items: tuple[BatchItem, ...], **changes: object) -> Batch:
    packed = b"".join(each.item for each in items)
    statement = format_statement(world.deposit(packed, **changes))
    return Batch(statement, world.depositor.sign(statement), items)


def test_parse_and_format_are_inverse(world: World) -> None:
    for batch in (salted(world, 1), salted(world, 40, page=16), plain(world)):
        assert parse_batch(format_batch(batch)) == batch


def test_its_lines_are_those_of_the_document(world: World) -> None:
    lines = format_batch(plain(world)).decode().splitlines()
    assert lines[0] == "cunzheng/batch/v1"
    assert lines[1].startswith("statement cunzheng/statement/v1 {")
    assert lines[2].startswith("signature ed25519:")
    assert lines[3] == f'item {{"path":"a.log","sha256":"{sha256(b"a").hex()}"}}'
    assert lines[4] == f'item {{"sha256":"{sha256(b"b").hex()}"}}'
    (item,) = format_batch(salted(world, 1)).decode().splitlines()[3:]
    first = opening(0)
    assert item == (
        f'item {{"salt":"{first.salt.hex()}","sha256":"{first.digests[0][1].hex()}","size":0,'
        f'"sm3":"{first.digests[1][1].hex()}"}}'
    )


def test_hostile_bytes_raise_malformed_and_nothing_else(
    world: World, damaged: Callable[[bytes], Iterator[bytes]]
) -> None:
    good = format_batch(plain(world))
    for data in damaged(good):
        try:
            batch = parse_batch(data)
        except Malformed:
            continue
        # No signature is checked here, so the statement can say something else; its items cannot.
        assert format_batch(batch) == data
        assert batch.packed == plain(world).packed


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"cunzheng/batch/v1", b"cunzheng/batch/v0"),
        (b'"size":1', b'"size":2'),
        (b'"size":1', b'"size":"1"'),
        (b'"size":1', b'"size": 1'),
        (b'"size":1,', b'"size":1,"size":1,'),
        (b'"size":1,', b'"sise":1,'),
        (b'"size":1,', b""),
        (b'"copies":["0', b'"copies":["1'),
        (b'"path":"\xe7\x9b\x92/1.pdf"', b'"path":""'),
        (b'"path":"\xe7\x9b\x92/1.pdf"', b'"path":1'),
        (b'"path":"\xe7\x9b\x92/1.pdf"', b'"path":"\\n"'),
        (b'"path":"\xe7\x9b\x92/1.pdf"', b'"path":"\\ud800"'),
        (b'"path":"\xe7\x9b\x92/1.pdf"', b'"path":"\\u76d2/1.pdf"'),
        (b'"path":"\xe7\x9b\x92/1.pdf"', b'"path":"\xe2\x80\xae"'),
    ],
)
def test_what_no_writer_writes_is_refused(world: World, old: bytes, new: bytes) -> None:
    good = format_batch(salted(world, 2))
    assert good.count(old) == 1
    with pytest.raises(Malformed):
        parse_batch(good.replace(old, new))


def test_a_newer_version_is_told_apart(world: World) -> None:
    newer = format_batch(plain(world)).replace(b"batch/v1", b"batch/v2")
    with pytest.raises(Malformed) as refused:
        parse_batch(newer)
    assert refused.value.newer


def test_items_fit_their_statement(world: World) -> None:
    whole, digests = salted(world, 3), plain(world)
    one_alg = Opening(bytes(32), (("sha256", bytes(32)),), 1, None)
    for items in (
        whole.items[:2],
        (whole.items[1], whole.items[0], whole.items[2]),
        (*whole.items[:2], BatchItem(whole.items[2].item)),
        (*whole.items[:2], BatchItem(one_alg.item(), one_alg)),
    ):
        with pytest.raises(Malformed):
            replace(whole, items=items)
    with pytest.raises(Malformed):
        replace(digests, statement_bytes=format_statement(world.event()))
    with pytest.raises(Malformed):
        BatchItem(bytes(32), whole.items[0].opening)


def test_lines_of_a_plain_item(world: World) -> None:
    good = format_batch(plain(world))
    digest = sha256(b"b").hex().encode()
    for line in (b"{}", b'{"sm3":"%s"}' % digest, b'{"sha256":"%s","sm3":"%s"}' % (digest, digest)):
        with pytest.raises(Malformed):
            parse_batch(good.replace(b'{"sha256":"%s"}' % digest, line))


def test_the_limit_holds_for_writer_and_reader(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = plain(world)
    data = format_batch(batch)
    monkeypatch.setattr(module, "BATCH_SIZE_MAX", len(data))
    assert parse_batch(format_batch(batch)) == batch
    monkeypatch.setattr(module, "BATCH_SIZE_MAX", len(data) - 1)
    with pytest.raises(Malformed, match="shorten"):
        format_batch(batch)
    with pytest.raises(Malformed, match="longer"):
        parse_batch(data)


def batch_of(deposited: Any) -> Batch:
    items = tuple(
        BatchItem(deposited.packed[32 * index : 32 * index + 32], opening)
        for index, opening in enumerate(deposited.openings)
    )
    return Batch(deposited.entry.statement_bytes, deposited.entry.signature, items)


@pytest.mark.parametrize("how", [{"page": 1}, {"page": 16}, {"mode": "digest"}])
def test_every_proof_is_derived_from_any_of_them(chain: Any, how: dict[str, Any]) -> None:
    deposited = chain.deposit([b"file %d" % number for number in range(35)], **how)
    note = chain.seal()
    proofs = [chain.proof(deposited, index, note=note) for index in range(35)]
    for index in (0, 15, 34):
        assert list(derive_all(public_form(proofs[index]), batch_of(deposited))) == proofs


def test_nothing_is_derived_from_a_proof_of_another_statement(chain: Any) -> None:
    first, second = chain.deposit([b"a"]), chain.deposit([b"b"])
    with pytest.raises(Malformed, match="another statement"):
        list(derive_all(chain.proof(first, 0), batch_of(second)))
