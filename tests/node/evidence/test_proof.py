"""The proof as a value and as a file: whole at birth, spelled in one way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.digests import EMPTY
from node.evidence.entry import parse_entry
from node.evidence.malformed import Malformed
from node.evidence.number import parse_number
from node.evidence.proof import Later, LeafProof, Proof, derive, public_form
from node.evidence.proof_text import KEYS_MAX, PROOF_SIZE_MAX, format_proof, parse_proof

CONTENTS = [b"file %d\n" % n for n in range(20)]


@pytest.fixture
def proof(chain: Any) -> Proof:
    """The proof of item 17 of 20 on pages of 16, after a policy change, with a later checkpoint."""
    deposited = chain.deposit(CONTENTS, page=16, details={"file_name": "合同.pdf"})
    chain.change_policy(quorum=3)
    chain.block([], carries="nothing")
    size = len(chain.leaves)
    chain.block([], carries="nothing")
    return chain.proof(deposited, 17, size=size, later=True)


def test_round_trip(chain: Any, proof: Proof) -> None:
    for each in (
        proof,
        public_form(proof),
        replace(proof, later=None),
        replace(proof, keys=()),
        chain.proof(chain.deposit([b"x"], mode="digest", alg="sm3")),
        chain.proof(chain.deposit([b"x"], alg="sm3", key="gateway")),
    ):
        data = format_proof(each)
        assert parse_proof(data) == each
        assert format_proof(parse_proof(data)) == data


def test_what_it_says(chain: Any, proof: Proof) -> None:
    assert proof.opening is not None
    assert proof.item == proof.opening.item()
    assert parse_number(proof.number) == ("20261121", 17)
    assert [member.name for member in proof.members] == list(chain.names)
    assert proof.seal_time_s == proof.sealed.seals[2].time_s
    few = replace(proof.tlog, checkpoint=chain.seal(sealers=("court", "notary")))
    assert replace(proof, tlog=few).seal_time_s is None


def test_the_head(chain: Any) -> None:
    deposited = chain.deposit([b"x"], mode="digest", key="gateway")
    head = format_proof(chain.proof(deposited)).split(b"\n\n")[0].decode().split("\n")
    assert head == [
        "cunzheng/proof/v1",
        "以下由本文件自身算出，须经核验 "
        "Computed from this file itself; verify before relying on it",
        "存证编号 Evidence number: EV20261121000000000000-76",
        "联签时间 Sealed no later than: "
        "2026-11-21 00:00:06 北京时间 UTC+8 (2026-11-20 16:00:06 UTC)",
        "区块时间 Block time, by its proposer's clock: "
        "2026-11-21 00:00:04.500 北京时间 UTC+8 (2026-11-20 16:00:04.500 UTC)",
        f"数据项 Item: {deposited.packed.hex()}",
        f"SHA-256: {deposited.packed.hex()}",
        "联签 Cosignatures: 3 of 3 members, quorum 2: court, notary, forensic",
        head[8],
        "链 Chain: cunzheng.test/example",
        "存证主体未自行签名，由网关依据账户认证代为提交 "
        "The depositor did not sign; the gateway attested",
        "测试链，不得作为证据 Test network, not to be used as evidence",
    ]
    assert head[8].startswith("策略指纹 Policy fingerprint: ")
    few = chain.proof(deposited, note=chain.seal(sealers=("court",)))
    assert "联签不足 not enough cosignatures\n".encode() in format_proof(few)


def test_every_item_is_derived_from_one_proof_and_the_batch(chain: Any) -> None:
    deposited = chain.deposit(CONTENTS, page=16)
    note = chain.seal()
    first = chain.proof(deposited, 0, note=note)
    for index, opening in enumerate(deposited.openings):
        derived = derive(first, index, deposited.packed, opening)
        assert derived == chain.proof(deposited, index, note=note)


def test_nothing_is_derived_from_other_items(chain: Any) -> None:
    deposited = chain.deposit(CONTENTS)
    proof, opening = chain.proof(deposited, 0), deposited.openings[1]
    for index, packed, which in (
        (1, deposited.packed[:-32], opening),
        (1, deposited.packed[32:] + bytes(32), opening),
        (20, deposited.packed, opening),
        (-1, deposited.packed, opening),
        (2, deposited.packed, opening),
    ):
        with pytest.raises(Malformed):
            derive(proof, index, packed, which)


def key_leaf(chain: Any, name: str) -> LeafProof:
    chain.enrol(name, "depositor")
    return chain.leaf_proof(chain.key_entries[-1][0])


Break = Callable[[Any, Proof], dict[str, Any]]
BREAKS: dict[str, Break] = {
    "index beyond count": lambda chain, proof: {"item_index": 20},
    "page too short": lambda chain, proof: {"page": proof.page[:-1]},
    "page too long": lambda chain, proof: {"page": (*proof.page, bytes(32))},
    "page empty": lambda chain, proof: {"page": ()},
    "opening of another item": lambda chain, proof: {"item_index": 18},
    "opening of other algorithms": lambda chain, proof: {
        "opening": replace(proof.opening, digests=proof.opening.digests[:1])
    },
    "a key's entry": lambda chain, proof: {"entry_bytes": proof.keys[0].entry_bytes},
    "keys out of order": lambda chain, proof: {"keys": proof.keys[::-1]},
    "a key twice": lambda chain, proof: {"keys": (*proof.keys[:1], *proof.keys[:1])},
    "another's key": lambda chain, proof: {"keys": (key_leaf(chain, "other"),)},
    "a key after the entry": lambda chain, proof: {"keys": (replace(proof.keys[0], index=99),)},
    "a key section with a policy": lambda chain, proof: {"keys": proof.policy_entries[:1]},
    "no policy entries": lambda chain, proof: {"policy_entries": ()},
    "a policy left out": lambda chain, proof: {"policy_entries": proof.policy_entries[1:]},
    "policies out of order": lambda chain, proof: {"policy_entries": proof.policy_entries[::-1]},
    "a policy twice": lambda chain, proof: {"policy_entries": proof.policy_entries[:1] * 2},
    "the first at another leaf": lambda chain, proof: {
        "policy_entries": (replace(proof.policy_entries[0], index=2), proof.policy_entries[1])
    },
    "serials wrong": lambda chain, proof: {
        "policy_entries": (proof.policy_entries[0], replace(proof.policy_entries[0], index=9))
    },
    "a policy section with a key": lambda chain, proof: {
        "policy_entries": (proof.policy_entries[0], proof.keys[0])
    },
    "another policy's text": lambda chain, proof: {
        "policy_text": chain.policy_texts(2, quorum=1)[0]
    },
    "other members": lambda chain, proof: {
        "members_text": chain.policy_texts(2, names=("court", "notary"))[1]
    },
    "surplus policy entries": lambda chain, proof: {
        "policy_text": chain.policies[0].policy_text,
        "members_text": chain.policies[0].members_text,
    },
    "extra data": lambda chain, proof: {"tlog": replace(proof.tlog, extra=b"")},
    "index beyond integers": lambda chain, proof: {"tlog": replace(proof.tlog, index=2**53)},
    "later is earlier": lambda chain, proof: {"later": Later((), chain.seal(4))},
    "later of another chain": lambda chain, proof: {
        "later": Later((), chain.seal().replace(b"test/example", b"test/another"))
    },
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_proof_is_born_whole(chain: Any, proof: Proof, name: str) -> None:
    changes = BREAKS[name](chain, proof)
    with pytest.raises(Malformed) as caught:
        replace(proof, **changes)
    assert not caught.value.newer


def test_records_of_a_key_are_not_left_out(chain: Any) -> None:
    """Without the first one nobody would see that the second is not all."""
    chain.enrol("depositor", "depositor", "revoke", effective=2**40 + 2**39)
    proof = chain.proof(chain.deposit())
    assert len(proof.keys) == 3
    with pytest.raises(Malformed, match="left out"):
        replace(proof, keys=(proof.keys[0], proof.keys[2]))


def test_a_predecessors_rotation_stands_without_its_enrolment(chain: Any) -> None:
    chain.enrol("depositor", "depositor", "rotate", successor="next")
    proof = chain.proof(chain.deposit(key="next"))
    assert [entry.record.action for entry in proof.key_entries] == ["enrol", "rotate"]


def test_the_digest_of_the_empty_content_is_refused(chain: Any) -> None:
    with pytest.raises(Malformed, match="empty"):
        chain.proof(chain.deposit([b""], mode="digest"))
    assert EMPTY


def test_an_opening_in_digest_mode_is_refused(chain: Any) -> None:
    proof = chain.proof(chain.deposit([b"x"], mode="digest"))
    with pytest.raises(Malformed, match="mode"):
        replace(proof, opening=chain.opening(b"x", "sha256", None))


def test_an_events_entry_is_no_deposits(chain: Any, proof: Proof) -> None:
    with pytest.raises(Malformed, match="deposit"):
        replace(proof, entry_bytes=chain.leaves[0])


def test_a_policy_entry_of_newer_rules_is_newer(chain: Any) -> None:
    text, members = chain.policy_texts(2)
    leaf = chain.change_policy(
        chain.next_note(texts=(text.replace(b"rules 1", b"rules 3"), members))
    )
    assert parse_entry(chain.leaves[leaf])
    with pytest.raises(Malformed) as caught:
        chain.leaf_proof(leaf)
    assert caught.value.newer


SPELLINGS: list[tuple[bytes, bytes]] = [
    (b"\n\nopening\n", b"\n\nOpening\n"),
    (b"\n\npage\n", b"\npage\n"),
    (b"\n\npage\n", b"\n\n\npage\n"),
    (b"item-index 17", b"item-index 017"),
    (b"\nitem ", b"\nitem  "),
    (b"\npath ", b"\nPath "),
    (b"\nentry 1", b"\nentry 01"),
    (b"\n\nkey\nindex", b"\n\nkeys\nindex"),
    (b"\n\nkey\nindex", b"\n\nkey \nindex"),
    (b"\n\npolicy ", b"\n\nPolicy "),
    (b"\n\nmembers 4", b"\n\nmembers 3"),
    (b"\n\nmembers 4", b"\n\nmembers 9007199254740991"),
    (b"\n\npolicy-entry\n", b"\n\npolicy-entries\n"),
    (b"\n\nlater\n", b"\n\nlatest\n"),
    (b"\nnote ", b"\nnote 0"),
    (b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
    (b"c2sp.org/tlog-proof@v1\n", b"c2sp.org/tlog-proof@v1\nextra \n"),
    (b"c2sp.org/tlog-proof@v1\nindex ", b"c2sp.org/tlog-proof@v1\nindex 0"),
    ("\n链 Chain: ".encode(), "\n链 Chain:  ".encode()),
]


@pytest.mark.parametrize(("old", "new"), SPELLINGS)
def test_another_spelling_is_refused(proof: Proof, old: bytes, new: bytes) -> None:
    data = format_proof(proof)
    assert old in data
    with pytest.raises(Malformed) as caught:
        parse_proof(data.replace(old, new, 1))
    assert not caught.value.newer


def test_limits(chain: Any, proof: Proof) -> None:
    data = format_proof(proof)
    key = data[data.index(b"\nkey\n") : data.index(b"\npolicy ")]
    later = data[data.index(b"\nlater\n") : data.index(b"\nc2sp.org/tlog-proof@v1\n")]
    for bad in (
        data.split(b"\n\n")[0],
        data + b"\n" * PROOF_SIZE_MAX,
        data.replace(key, key * KEYS_MAX),
        data.replace(later, later * 2),
        data.replace(b"\npath ", (b"\npath " + b"00" * 32) * 63 + b"\npath ", 1),
        data.replace(b"\nitem ", b"\nitem " + b"00" * 32 + b"\nitem ", 1),
        data.replace(b"\nitem ", (b"\nitem " + b"00" * 32) * 16 + b"\nitem ", 1),
    ):
        with pytest.raises(Malformed):
            parse_proof(bad)


def test_what_the_writer_would_not_write_is_refused(
    proof: Proof, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No such text is known; should a parser ever take one, the writer has the last word."""
    data = format_proof(proof)
    monkeypatch.setattr("node.evidence.proof_text.format_proof", lambda _: b"")
    with pytest.raises(Malformed, match="not spelled"):
        parse_proof(data)


def test_a_newer_proof_is_newer_however_long_it_is(proof: Proof) -> None:
    data = format_proof(proof).replace(b"/proof/v1", b"/proof/v2") + b"\n" * PROOF_SIZE_MAX
    with pytest.raises(Malformed) as caught:
        parse_proof(data)
    assert caught.value.newer


def test_what_is_wrong_first_decides_between_newer_and_damaged(proof: Proof) -> None:
    """Each text inside the proof is read before the next: section 13, reading."""
    data = format_proof(proof)
    newer_policy = data.replace(b"#cunzheng policy v1", b"#cunzheng policy v2", 1)
    for bad, newer in (
        (newer_policy.replace(b"tlog-proof@v1", b"tlog-proof@v2"), True),
        (newer_policy.replace(b"entry/v1", b"entry/v0", 1), False),
        (data.replace(b"statement/v1", b"statement/v2").replace(b"\npolicy ", b"\nPolicy "), True),
    ):
        with pytest.raises(Malformed) as caught:
            parse_proof(bad)
        assert caught.value.newer is newer
