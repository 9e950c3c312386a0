"""Folders 02 to 06 follow from the proof, and stock tools find in them what the proof says."""

import base64
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import pytest

from node.evidence.explain import explain
from node.evidence.malformed import Malformed
from node.evidence.merkle import BadPath, consistency_path, inclusion_path, root
from node.evidence.proof import Proof
from node.evidence.proof_text import format_proof, parse_proof
from node.export.bundle import layout
from node.export.bundle.canonical import format_json, parse_json, parse_json_lines
from node.export.bundle.core import Certificates, Deposit, Stamped, core
from node.export.bundle.derived import proof_files, signature_files
from node.export.bundle.paths import format_consistency, format_path, parse_consistency
from node.export.bundle.writing import write_directory
from tests.node.export.bundle.bundles import deposit_of, example_bundle
from tests.vectors.example_chain import Chain

PROOFS = ("example/sample", "example/sample.public", "example/log", "example-2/sample")
OPTIONS = {
    "ed25519": [],
    "p256": ["-digest", "sha256"],
    "sm2": ["-digest", "sm3", "-pkeyopt", "distid:1234567812345678"],
}


def walk(leaf: bytes, path: bytes) -> str:
    """The loop of the document: what a shell script does with sha256sum."""
    above = hashlib.sha256(b"\0" + leaf).digest()
    for line in path.decode().splitlines():
        side, text = line.split()
        sibling = bytes.fromhex(text)
        pair = sibling + above if side == "L" else above + sibling
        above = hashlib.sha256(b"\1" + pair).digest()
    return above.hex()


def walk_consistency(text: bytes) -> tuple[str, str]:
    """(earlier root, later root) as the document has it."""
    first, *lines = text.decode().splitlines()
    old = new = bytes.fromhex(first.removeprefix("= "))
    for line in lines:
        side, sibling = line[0], bytes.fromhex(line[2:])
        if side == "L":
            old = hashlib.sha256(b"\1" + sibling + old).digest()
            new = hashlib.sha256(b"\1" + sibling + new).digest()
        else:
            new = hashlib.sha256(b"\1" + new + sibling).digest()
    return old.hex(), new.hex()


def in_memory() -> tuple[Chain, Proof]:
    """A proof with everything a proof can have: openings, two policies, a later checkpoint."""
    chain = Chain(seed="bundle", rules=2, further=("p256", "sm2"))
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    deposited = chain.deposit([b"a", b"b", b"c"], page=1, details={"file_name": "证据.txt"})
    chain.change_policy(names=("court", "notary", "forensic", "industry"))
    proof = chain.proof(deposited, 1, size=len(chain.leaves))
    chain.deposit([b"d"])
    return chain, chain.proof(deposited, 1, size=proof.sealed.checkpoint.size, later=True)


def proofs() -> list[bytes]:
    return [deposit_of(name).proof_bytes for name in PROOFS] + [format_proof(in_memory()[1])]


@pytest.mark.parametrize("data", proofs())
def test_the_paths_lead_where_the_proof_says(data: bytes) -> None:
    files = proof_files(parse_proof(data))
    place = dict(line.split(" ", 1) for line in files["place.txt"].decode().splitlines())
    assert walk(files["page.bin"], files["page-path.txt"]) == place["items-root"]
    entries = [name.removesuffix("-path.txt") for name in files if name.endswith("-path.txt")]
    assert {"entry", "page", "key-1"} <= set(entries)
    for stem in entries:
        if stem != "page":
            assert walk(files[f"{stem}.txt"], files[f"{stem}-path.txt"]) == place["root"], stem
    slot = 32 * int(place["slot"])
    assert files["page.bin"][slot : slot + 32].hex() == files["item.txt"].decode().strip()
    size, root_line = files["checkpoint.txt"].decode().splitlines()[1:]
    assert (size, base64.b64decode(root_line).hex()) == (place["tree-size"], place["root"])
    assert f'"items_root":"{place["items-root"]}"'.encode() in files["statement.txt"]
    assert files["entry.txt"].endswith(files["statement.txt"] + b"\n")
    if "opening.bin" in files:
        assert hashlib.sha256(files["opening.bin"]).hexdigest() == files["item.txt"].decode()[:-1]


def test_a_later_checkpoint_extends_the_first() -> None:
    _, proof = in_memory()
    files = proof_files(proof)
    old, new = walk_consistency(files["later-consistency.txt"])
    assert proof.later is not None
    assert old == proof.sealed.checkpoint.root.hex()
    assert new == proof.later.sealed.checkpoint.root.hex() != old


@pytest.mark.parametrize("data", proofs())
def test_openssl_verifies_every_signature_listed(data: bytes, tmp_path: Path) -> None:
    """And each key stands in the text that the list names."""
    proof = parse_proof(data)
    signed, texts = signature_files(proof), proof_files(proof)
    for name, content in signed.items():
        (tmp_path / name).write_bytes(content)
    lines = signed["signatures.txt"].decode().splitlines()
    assert {line.split()[1] for line in lines} == {
        name.removesuffix(".msg") for name in signed if name.endswith(".msg")
    }
    assert [int(line[0]) for line in lines] == sorted(int(line[0]) for line in lines)
    for line in lines:
        _, name, algorithm, kind, listed = line.split()
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", f"{name}.pub.pem"]
        command += [*OPTIONS[algorithm], "-rawin", "-in", f"{name}.msg", "-sigfile", f"{name}.sig"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "Signature Verified Successfully" in done.stdout, (line, done.stderr)
        der = base64.b64decode("".join(signed[f"{name}.pub.pem"].decode().splitlines()[1:-1]))
        key = der[-32:] if algorithm == "ed25519" else der
        typed = key if kind == "-" else bytes([int(kind)]) + key
        assert base64.b64encode(typed) in texts[listed], line


@pytest.mark.parametrize("data", proofs())
def test_the_list_of_signatures_is_that_of_explain(data: bytes) -> None:
    """Two listings of one proof's signatures, made apart from each other: message, key, value."""
    proof = parse_proof(data)
    shown = {each.name: each.data for each in explain(proof)}
    theirs = {
        (shown[f"{stem}.txt"], shown[f"{stem}-key.pem"], value)
        for stem, value in ((n.removesuffix(".sig"), d) for n, d in shown.items())
        if f"{stem}.sig" in shown
    }
    signed = signature_files(proof)
    ours = {
        (signed[f"{stem}.msg"], signed[f"{stem}.pub.pem"], value)
        for stem, value in ((n.removesuffix(".sig"), d) for n, d in signed.items())
        if f"{stem}.sig" in signed
    }
    assert len(ours) > 5
    assert ours == theirs


def test_the_quorum_says_who_did_not_cosign() -> None:
    chain = Chain()
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    deposited = chain.deposit()
    proof = chain.proof(deposited, note=chain.seal(sealers=("court", "forensic")))
    told: Any = parse_json(signature_files(proof)["quorum.json"], "quorum")
    assert [(each["name"], each["cosigned"]) for each in told["members"]] == [
        ("court", True),
        ("notary", False),
        ("forensic", True),
    ]
    assert told["quorum"] == 2
    assert [("time_s" in each) for each in told["members"]] == [True, False, True]


def test_the_core_is_the_same_whenever_it_is_made() -> None:
    deposits = [deposit_of("example/sample", b'{"title":"\xe5\x90\x88\xe5\x90\x8c"}')]
    again = [Deposit(bytes(bytearray(each.proof_bytes)), each.declared) for each in deposits]
    assert core(deposits) == core(again)
    assert all(layout.has_place(path) for path in core(deposits))
    assert all(path.startswith(layout.CORE) for path in core(deposits))


def test_stock_tools_check_every_list(tmp_path: Path) -> None:
    """As the document says: SHA-256 of all three lists, and SM3 with coreutils 9."""
    bag = write_directory(tmp_path, example_bundle())
    lists = [layout.MANIFEST_SHA256, layout.TAG_MANIFEST, layout.CONTENTS]
    commands = [["sha256sum", "--strict", "--quiet", "-c", each] for each in lists]
    commands.append(["cksum", "-a", "sm3", "--strict", "--quiet", "-c", layout.MANIFEST_SM3])
    for command in commands:
        done = subprocess.run(command, cwd=bag, capture_output=True, text=True, check=False)
        if "unrecognized" in done.stderr or "invalid option" in done.stderr:
            continue  # A cksum before coreutils 9.
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_does_not_belong_together_is_no_core() -> None:
    deposit = deposit_of("example/sample")
    with pytest.raises(Malformed, match="twice"):
        core([deposit, deposit])
    with pytest.raises(Malformed, match="not 1 to"):
        core([])
    with pytest.raises(Malformed, match="canonical"):
        deposit_of("example/sample", b'{"title": "with a space"}')
    with pytest.raises(Malformed, match="not a JSON object"):
        Certificates(tsa_info=b"[]")


def test_stamped_bodies_come_with_the_paths_of_these_deposits_only() -> None:
    chain = Chain()
    chain.enrol("gateway", "gateway")
    chain.enrol("depositor", "depositor")
    deposited = chain.deposit()
    proof = chain.proof(deposited, size=len(chain.leaves))
    chain.deposit([b"more"])
    size, hashes = proof.sealed.checkpoint.size, chain.hashes()
    paths = {old: consistency_path(old, len(hashes), hashes) for old in range(1, len(hashes))}
    stamped = Stamped(chain.body(len(hashes)), b"tsq", b"tsr", b"cms", b"sm2", paths)
    files = core([Deposit(format_proof(proof))], [stamped])
    consistency = [path for path in files if "/consistency-" in path]
    assert consistency == [layout.consistency(size, len(hashes))]
    old, new = walk_consistency(files[consistency[0]])
    assert (old, new) == (proof.sealed.checkpoint.root.hex(), root(hashes).hex())
    wrong = {size: [*paths[size][:-1], bytes(32)]}
    with pytest.raises(BadPath):
        core([Deposit(format_proof(proof))], [Stamped(stamped.body, paths=wrong)])


def test_path_files_of_every_small_tree() -> None:
    """Every size to 20, every leaf, every earlier size; reading gives back what was written."""
    data = [bytes([n]) for n in range(20)]
    hashes = [hashlib.sha256(b"\0" + each).digest() for each in data]
    for size in range(1, len(data) + 1):
        tree, head = hashes[:size], root(hashes[:size]).hex()
        for leaf in range(size):
            text = format_path(leaf, size, inclusion_path(leaf, tree))
            assert walk(data[leaf], text) == head
        for old in range(1, size + 1):
            path = tuple(consistency_path(old, size, tree))
            text = format_consistency(old, root(hashes[:old]), size, path)
            assert walk_consistency(text) == (root(hashes[:old]).hex(), head)
            assert parse_consistency(text, old, root(hashes[:old]), size) == path


def test_a_consistency_file_in_another_spelling_is_refused() -> None:
    hashes = [hashlib.sha256(bytes([n])).digest() for n in range(7)]
    path = consistency_path(3, 7, hashes)
    good = format_consistency(3, root(hashes[:3]), 7, path)
    lines = good.splitlines(keepends=True)
    wrong = [b"", good[:-1], good + b"\n", good.upper(), b"".join(lines[1:])]
    wrong += [good.replace(b"L ", b"R ", 1), good.replace(b"= ", b"L ", 1), lines[0] + good]
    for data in {*wrong} - {good}:
        with pytest.raises(Malformed):
            parse_consistency(data, 3, root(hashes[:3]), 7)
    with pytest.raises(Malformed):
        parse_consistency(good, 7, root(hashes), 3)
    # A start alone has the shape of a path; that it leads nowhere shows when it is verified.
    assert parse_consistency(lines[0], 3, root(hashes[:3]), 7) == (path[0],)


def test_json_has_one_spelling() -> None:
    for value in ({"b": [1, -7, None, True], "a": {"龘": "𠮷\n\x01\x7f"}}, [], "x", {"": ""}):
        assert parse_json(format_json(value), "test") == value
    assert format_json({"\U0001f600": 1, "\ufb33": 2}) == '{"\U0001f600":1,"\ufb33":2}'.encode()
    wrong = [b'{"a":1,"a":1}', b'{"b":1,"a":1}', b'{"a": 1}', b"1.0", b"1e3", b"NaN", b"-0", b"01"]
    wrong += [b'"\\u0041"', b'"\\/"', b'"\\ud800"', b"\xff", b"", b"{", b'{"a":1}\n', b"9" * 5000]
    wrong += [b"[" * 17 + b"]" * 17, b"[" * 500_000, b'{"a":' * 5000, str(2**53).encode()]
    for data in wrong:
        with pytest.raises(Malformed):
            parse_json(data, "test")
    assert [*parse_json_lines(b'{"a":1}\n{"b":"]"}\n', "test")] == [{"a": 1}, {"b": "]"}]
    for data in (b'{"a":1}', b"\n", b'{"a":1}\r\n', b"[]\n"):
        with pytest.raises(Malformed):
            list(parse_json_lines(data, "test"))


def test_a_string_without_an_end_is_refused_at_once() -> None:
    """Looked for from each of its quotes, its end would take hours, and a gateway stand still."""
    for data in (b'"' + b'\\"' * 1_000_000, b'["' + b'\\"' * 1_000_000 + b"\\"):
        with pytest.raises(Malformed):
            parse_json(data, "test")
    assert parse_json(b'["\\\\","[[[[[[[[[[[[[[[[[[[["]', "test") == ["\\", "[" * 20]
