"""Names and framings of a published log: one spelling each."""

import doctest
from typing import Any

import pytest

from node.evidence.malformed import Malformed
from node.published import layout
from node.published.layout import (
    PolicyLeaf,
    body_path,
    format_names,
    format_policy_leaf,
    join_bundle,
    parse_body_path,
    parse_bundle_path,
    parse_names,
    parse_policy_leaf,
    parse_policy_path,
    policy_path,
    split_bundle,
)


def test_the_examples_are_true() -> None:
    assert doctest.testmod(layout).failed == 0


@pytest.mark.parametrize("number", [1, 2, 999, 1000, 1234067, 2**53 - 1])
def test_paths_are_read_back(number: int) -> None:
    assert parse_body_path(body_path(number)) == number
    assert parse_policy_path(policy_path(number)) == number


@pytest.mark.parametrize(
    "path",
    ["bodies/0", "bodies/001.p/3", "bodies/x000/001", "bodies/", "body/001", "bodies/001/", "001"],
)
def test_bodies_have_one_spelling(path: str) -> None:
    with pytest.raises(Malformed):
        parse_body_path(path)


@pytest.mark.parametrize(
    "path", ["policies/0", "policies/01", "policies/+1", "policies/", "policy/1", "policies/1/"]
)
def test_policies_have_one_spelling(path: str) -> None:
    with pytest.raises(Malformed):
        parse_policy_path(path)


@pytest.mark.parametrize("path", ["tile/0/000", "tile/entries/0", "tile/entries/000.p/256"])
def test_bundles_have_one_spelling(path: str) -> None:
    with pytest.raises(Malformed):
        parse_bundle_path(path)


def test_a_policy_file_is_its_leaf(world: Any) -> None:
    leaf = PolicyLeaf(1, world.genesis().entries()[1])
    data = format_policy_leaf(leaf)
    assert data.startswith(b"cunzheng/policy-leaf/v1\nindex 1\ncunzheng/entry/v1\nkind policy\n")
    assert parse_policy_leaf(data) == leaf
    assert leaf.note == world.note()
    for wrong in (data[1:], data.replace(b"index 1", b"index 01"), data[:-1], data + b"\n"):
        with pytest.raises(Malformed):
            parse_policy_leaf(wrong)
    with pytest.raises(Malformed, match="not a policy"):
        PolicyLeaf(1, world.genesis().entries()[0])


def test_bundles_that_end_early_are_none() -> None:
    bundle = join_bundle([b"", b"a" * 65_535, b"b"])
    assert split_bundle(bundle) == [b"", b"a" * 65_535, b"b"]
    for cut in (1, len(bundle) - 1, len(bundle) - 2):
        with pytest.raises(Malformed):
            split_bundle(bundle[:cut])


def test_names_are_one_a_line() -> None:
    names = ["1-00ff.txt", "2.txt"]
    assert parse_names(format_names(reversed(names))) == names
    assert parse_names(b"") == []
    for wrong in (b"\n", b"1", b"1\n\n", b"names\n", b".\n", b"a/b\n", b"A\n", b"\xff\n"):
        with pytest.raises(Malformed):
            parse_names(wrong)
