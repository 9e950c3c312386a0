"""The members text: which organisations stand behind a policy (docs/proof-format.md, section 11).

    >>> court = Member("court", "court", "示例互联网法院")
    >>> notary = Member("notary", "notary", "示例公证处")
    >>> print(format_members([court, notary]).decode(), end="")
    cunzheng/members/v1
    member court court 示例互联网法院
    member notary notary 示例公证处
    >>> parse_members(format_members([court, notary])) == (court, notary)
    True

One line per member: its name, the kind of its organisation, the organisation's name. Then, under
rules 2, the keys other than Ed25519 with which members sign checkpoints besides sealing them:

    >>> from node.evidence.keys import P256, Signer
    >>> key = Signer(bytes(range(32)), P256).public
    >>> print(format_members([replace(court, keys=(key,))]).decode()[:91])
    cunzheng/members/v1
    member court court 示例互联网法院
    key court p256:MFkwEwYHKoZIzj0CAQYIKoZIzj0DA

in the order of the members, p256 before sm2, at most one of each. The organisation's name is
the only text for people in anything that is hashed, so it is limited to code points that neither
hide nor reorder others. The list is of numbers, not of Unicode properties, which change with every
edition while a hash does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from node.evidence.keys import P256, SM2, PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.spelling import Lines, check_member

TAG = "cunzheng/members/v1"
MEMBERS_MAX = 32
"""What every C2SP policy reader must support."""
ORGANISATION_LENGTH_MAX = 100
"""Names of organisations in print; a longer one would not fit a line of a proof."""
KEPT = 16
"""Members texts kept as read: there is one with every policy, and all proofs hold it."""
KEY_ALGORITHMS = (P256, SM2)
KINDS = ("court", "notary", "forensic", "industry", "other")

# ASCII, middle dot, Latin letters, dashes, quotes, CJK punctuation, ideographs, full-width forms.
_ORGANISATION = re.compile(
    "[ -~\u00b7\u00c0-\u024f\u2010-\u2015\u2018\u2019\u201c\u201d\u3001\u3002\u3005-\u3011"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff5e\U00020000-\U000323af]+"
)


@dataclass(frozen=True, slots=True)
class Member:
    """An organisation that runs a member node."""

    name: str
    kind: str
    organisation: str
    keys: tuple[PublicKey, ...] = ()

    def __post_init__(self) -> None:
        check_member(self.name, "member")
        if self.kind not in KINDS:
            raise Malformed("member", f"kind is none of {', '.join(KINDS)}")
        text = self.organisation
        if len(text) > ORGANISATION_LENGTH_MAX or not _ORGANISATION.fullmatch(text):
            raise Malformed("member", "organisation: 1 to 100 letters, ideographs, punctuation")
        if text != " ".join(text.split()):
            raise Malformed("member", "organisation has a space first, last or beside another")
        algorithms = [key.algorithm for key in self.keys]
        if algorithms != [each for each in KEY_ALGORITHMS if each in algorithms]:
            raise Malformed("member", "keys are not at most one of p256, then one of sm2")

    def to_json(self) -> dict[str, str]:
        """Who it is, for programs."""
        return {"name": self.name, "kind": self.kind, "organisation": self.organisation}


def format_members(members: Sequence[Member]) -> bytes:
    """The members text."""
    lines = [f"member {each.name} {each.kind} {each.organisation}\n" for each in members]
    lines += [f"key {each.name} {key.text}\n" for each in members for key in each.keys]
    return f"{TAG}\n{''.join(lines)}".encode()


@lru_cache(KEPT)
def parse_members(data: bytes) -> tuple[Member, ...]:
    """The members of a members text, in its order."""
    lines = Lines("members", data)
    lines.tag(TAG)
    members = tuple(_parse_member(text) for text in lines.values("member", MEMBERS_MAX))
    keys = [_parse_key(text) for text in lines.values("key", MEMBERS_MAX * len(KEY_ALGORITHMS))]
    lines.end()
    if not members:
        raise Malformed("members", "no member")
    for names in ({each.name for each in members}, {each.organisation for each in members}):
        if len(names) != len(members):
            raise Malformed("members", "two members of one name")
    if len({key for _, key in keys}) != len(keys):
        raise Malformed("members", "one public key stands twice")
    members = tuple(
        replace(each, keys=tuple(key for name, key in keys if name == each.name))
        for each in members
    )
    if format_members(members) != data:
        raise Malformed("members", "a key of nobody, or keys out of order")
    return members


def _parse_member(text: str) -> Member:
    parts = text.split(" ", 2)
    if len(parts) != 3:
        raise Malformed("members", "not `member NAME KIND ORGANISATION`")
    name, kind, organisation = parts
    return Member(name, kind, organisation)


def _parse_key(text: str) -> tuple[str, PublicKey]:
    name, space, key = text.partition(" ")
    if not space:
        raise Malformed("members", "not `key NAME KEY`")
    return name, parse_public_key(key)
