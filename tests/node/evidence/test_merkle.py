"""The tree against the RFC's own recursion, every small size, and trees others made."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from node.evidence.checkpoint import parse_checkpoint
from node.evidence.merkle import (
    EMPTY_ROOT,
    BadPath,
    consistency_path,
    inclusion_path,
    inclusion_paths,
    leaf_hash,
    node_hash,
    root,
    root_from_path,
    verify_consistency,
    verify_inclusion,
)
from node.evidence.note import parse_note

SIZE_MAX = 64
LEAVES = [leaf_hash(b"evidence-%d" % i) for i in range(SIZE_MAX)]
OTHER = leaf_hash(b"other")


# The twin: RFC 6962 section 2.1, sentence by sentence, quadratic and obvious.


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def rfc_mth(d: Sequence[bytes]) -> bytes:
    if len(d) <= 1:
        return d[0] if d else EMPTY_ROOT
    k = split(len(d))
    return node_hash(rfc_mth(d[:k]), rfc_mth(d[k:]))


def rfc_path(m: int, d: Sequence[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    k = split(len(d))
    if m < k:
        return [*rfc_path(m, d[:k]), rfc_mth(d[k:])]
    return [*rfc_path(m - k, d[k:]), rfc_mth(d[:k])]


def rfc_subproof(m: int, d: Sequence[bytes], b: bool) -> list[bytes]:
    if m == len(d):
        return [] if b else [rfc_mth(d)]
    k = split(len(d))
    if m <= k:
        return [*rfc_subproof(m, d[:k], b), rfc_mth(d[k:])]
    return [*rfc_subproof(m - k, d[k:], False), rfc_mth(d[:k])]


def wrong_paths(path: list[bytes]) -> list[list[bytes]]:
    changed = [[*path[:i], OTHER, *path[i + 1 :]] for i in range(len(path))]
    dropped = [[*path[:i], *path[i + 1 :]] for i in range(len(path))]
    cut = [[*path[:i], path[i][:-1], *path[i + 1 :]] for i in range(len(path))]
    return [*changed, *dropped, *cut, [*path, OTHER], [OTHER, *path]]


@pytest.mark.parametrize("size", range(SIZE_MAX + 1))
def test_every_small_tree(size: int) -> None:
    leaves = LEAVES[:size]
    expected = rfc_mth(leaves)
    assert root(leaves) == expected
    assert list(inclusion_paths(leaves)) == [tuple(rfc_path(at, leaves)) for at in range(size)]
    for index in range(size):
        path = inclusion_path(index, leaves)
        assert path == rfc_path(index, leaves)
        assert root_from_path(leaves[index], index, size, path) == expected
        verify_inclusion(leaves[index], index, size, path, expected)
    for old in range(1, size + 1):
        path = consistency_path(old, size, leaves)
        assert path == rfc_subproof(old, leaves, True)
        verify_consistency(old, rfc_mth(leaves[:old]), size, expected, path)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13, 21, 33])
def test_every_damaged_path_is_refused(size: int) -> None:
    leaves = LEAVES[:size]
    expected = root(leaves)
    for index, leaf in enumerate(leaves):
        path = inclusion_path(index, leaves)
        for wrong in wrong_paths(path):
            with pytest.raises(BadPath):
                verify_inclusion(leaf, index, size, wrong, expected)
        for other in set(range(size + 1)) - {index}:
            with pytest.raises(BadPath):
                verify_inclusion(leaf, other, size, path, expected)
        with pytest.raises(BadPath, match="another root"):
            verify_inclusion(OTHER, index, size, path, expected)
    for old in range(1, size + 1):
        old_root, path = root(leaves[:old]), consistency_path(old, size, leaves)
        for wrong in wrong_paths(path):
            with pytest.raises(BadPath):
                verify_consistency(old, old_root, size, expected, wrong)
        for roots in ((OTHER, expected), (old_root, OTHER)):
            with pytest.raises(BadPath):
                verify_consistency(old, roots[0], size, roots[1], path)


def test_what_no_path_can_show() -> None:
    with pytest.raises(BadPath, match="not in a tree"):
        root_from_path(LEAVES[0], -1, 2, [])
    with pytest.raises(BadPath, match="not in a tree"):
        root_from_path(LEAVES[0], 0, 0, [])
    with pytest.raises(BadPath, match="32 bytes"):
        root_from_path(b"", 0, 1, [])
    for old, new in ((0, 1), (0, 0), (-1, 1), (2, 1)):
        with pytest.raises(BadPath, match="no path leads"):
            verify_consistency(old, EMPTY_ROOT, new, LEAVES[0], [])
    with pytest.raises(BadPath, match="too short"):
        verify_consistency(3, OTHER, 4, OTHER, [])


def test_the_classic_tree(published_json: Callable[[str], Any]) -> None:
    vectors = published_json("rfc6962-roots/rfc6962.json")
    leaves = [leaf_hash(bytes.fromhex(each)) for each in vectors["leafInputsHex"]]
    for size, expected in enumerate(vectors["rootHashesBySize"]):
        assert root(leaves[:size]).hex() == expected
    for level, hashes in enumerate(vectors["nodeHashesByLevel"]):
        runs = [leaves[i : i + 2**level] for i in range(0, len(leaves), 2**level)]
        assert [root(run).hex() for run in runs] == hashes


def test_roots_by_go(published_json: Callable[[str], Any]) -> None:
    vectors = published_json("go-reference/tree-roots.json")["roots"]
    leaves = [leaf_hash(b"evidence-%d" % i) for i in range(max(map(int, vectors)))]
    for size in [*range(200), *range(1020, 1031), *range(4095, 4098), 65537, 70000]:
        assert root(leaves[:size]).hex() == vectors[str(size)]


def test_inclusion_by_go(published_json: Callable[[str], Any]) -> None:
    for case in published_json("go-reference/inclusion.json"):
        path = [bytes.fromhex(each) for each in case["Proof"]]
        leaf, expected = bytes.fromhex(case["LeafHash"]), bytes.fromhex(case["Root"])
        verify_inclusion(leaf, case["Index"], case["Size"], path, expected)
        if case["Size"] <= SIZE_MAX:
            assert inclusion_path(case["Index"], LEAVES[: case["Size"]]) == path


def test_consistency_by_go(published_json: Callable[[str], Any]) -> None:
    for case in published_json("go-reference/consistency.json"):
        path = [bytes.fromhex(each) for each in case["Proof"]]
        roots = [bytes.fromhex(case[name]) for name in ("OldRoot", "NewRoot")]
        verify_consistency(case["Old"], roots[0], case["New"], roots[1], path)
        if case["New"] <= SIZE_MAX:
            assert consistency_path(case["Old"], case["New"], LEAVES) == path


def test_a_log_written_by_tessera(published: Callable[[str], Path]) -> None:
    """Entry bundles give the leaf tiles, and these the roots of all its checkpoints."""
    log = published("tessera-testlog/log")
    for size in range(1, 16):
        bundle = (log / f"tile/entries/000.p/{size}").read_bytes()
        entries = []
        while bundle:
            length = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + length])
            bundle = bundle[2 + length :]
        leaves = [leaf_hash(entry) for entry in entries]
        assert b"".join(leaves) == (log / f"tile/0/000.p/{size}").read_bytes()
        assert root(leaves) == _tessera_root(log, size)


def _tessera_root(log: Path, size: int) -> bytes:

    return parse_checkpoint(parse_note((log / f"checkpoint.{size}").read_bytes()).text).root
