"""Whose signatures count (c2sp.org/tlog-policy), for any log; ours alone is in `policy.py`.

    # comment
    log VKEY [URL]
    witness NAME VKEY [URL]
    group NAME all|any|K MEMBER...
    quorum NAME|none

One statement a line, words separated by spaces and tabs; empty lines and lines whose first word
starts with `#` say nothing (a `#` further on is no comment). A name is defined once and before its
use, is a member of at most one group, and is not `none`, `all` or `any`. Exactly one quorum. Names
are bytes, not characters: what is not UTF-8 is kept as lone surrogates.

    >>> from node.evidence.keys import Signer
    >>> from node.evidence.note import TYPE_COSIGNATURE, ed25519_vkey, format_vkey
    >>> def vkey(number, name):
    ...     key = Signer(bytes([number]) * 32).public
    ...     return format_vkey(ed25519_vkey(name, key, TYPE_COSIGNATURE))
    >>> policy = parse_policy(f'''
    ... witness court {vkey(1, "court.example")}
    ... witness notary {vkey(2, "notary.example")}
    ... witness lab {vkey(3, "lab.example")}
    ... group others any notary lab
    ... group both all court others
    ... quorum both
    ... '''.encode())
    >>> policy.satisfied({"court", "lab"}), policy.satisfied({"notary", "lab"})
    (True, False)

Keys are refused where counting them would deceive: no key stands on two log lines or two witness
lines whatever it is called there, and a witness key is of a cosignature type. There is no writer
here: a policy is kept as the text its authors published, because its fingerprint is that of the
text.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from node.evidence.malformed import Malformed
from node.evidence.note import TYPE_COSIGNATURE, TYPE_ML_DSA_44, Vkey, parse_vkey

# C2SP strongly recommends that readers take 32 logs, 32 witnesses and 32 groups. More is no court.
LOGS_MAX = WITNESSES_MAX = GROUPS_MAX = 64
# 64 + 64 lines with ML-DSA keys of 1.8 kB and a URL each, 64 groups and room for comments.
POLICY_SIZE_MAX = 512 * 1024

NONE = "none"
_RESERVED = frozenset({NONE, "all", "any"})
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_WORD = re.compile(r"[^ \t]+")
_THRESHOLD = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints are accepted; its key's name is the origin."""

    vkey: Vkey
    url: str | None


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner; the name means something inside this policy only."""

    name: str
    vkey: Vkey
    url: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Witnessed by at least `threshold` of its members, which are witnesses or earlier groups."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TlogPolicy:
    """A policy as parsed, in the order of its lines."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: str

    def satisfied(self, cosigners: Collection[str]) -> bool:
        """Whether cosignatures by exactly these witnesses, each verified, make the quorum."""
        holds = {witness.name for witness in self.witnesses}.intersection(cosigners)
        for group in self.groups:  # Members stand before their group, so one pass decides all.
            if len(holds.intersection(group.members)) >= group.threshold:
                holds.add(group.name)
        return self.quorum == NONE or self.quorum in holds


def parse_policy(text: bytes) -> TlogPolicy:
    if len(text) > POLICY_SIZE_MAX:
        raise Malformed("policy", f"longer than {POLICY_SIZE_MAX} bytes")
    if _FORBIDDEN.search(text):
        raise Malformed("policy", "a control character other than tab and line feed")
    reader = _Reader()
    for number, line in enumerate(text.decode(errors="surrogateescape").split("\n"), start=1):
        words = _WORD.findall(line)
        if words and not words[0].startswith("#"):
            reader.read(f"policy line {number}", words[0], words[1:])
    if reader.quorum is None:
        raise Malformed("policy", "no quorum line")
    return TlogPolicy(
        tuple(reader.logs), tuple(reader.witnesses), tuple(reader.groups), reader.quorum
    )


class _Reader:
    """The lines read so far; lives as long as one `parse_policy`."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._names: set[str] = set()
        self._grouped: set[str] = set()

    def read(self, where: str, keyword: str, words: list[str]) -> None:
        match keyword, words:
            case "log", [vkey, *url] if len(url) <= 1:
                self._log(where, vkey, url)
            case "witness", [name, vkey, *url] if len(url) <= 1:
                self._witness(where, name, vkey, url)
            case "group", [name, threshold, _, *_]:
                self._group(where, name, threshold, words[2:])
            case "quorum", [name]:
                self._quorum(where, name)
            case _:
                raise Malformed(where, "not a log, witness, group or quorum statement")

    def _log(self, where: str, text: str, url: list[str]) -> None:
        vkey = parse_vkey(text)
        _check_new_key(where, vkey, [log.vkey for log in self.logs])
        _check_count(where, self.logs, LOGS_MAX)
        self.logs.append(Log(vkey, url[0] if url else None))

    def _witness(self, where: str, name: str, text: str, url: list[str]) -> None:
        vkey = parse_vkey(text)
        if vkey.type not in (TYPE_COSIGNATURE, TYPE_ML_DSA_44):
            raise Malformed(where, f"a key of type {vkey.type:02x} cannot cosign")
        _check_new_key(where, vkey, [witness.vkey for witness in self.witnesses])
        _check_count(where, self.witnesses, WITNESSES_MAX)
        self._define(where, name)
        self.witnesses.append(Witness(name, vkey, url[0] if url else None))

    def _group(self, where: str, name: str, threshold: str, members: list[str]) -> None:
        for member in members:
            self._check_defined(where, member)
            if member in self._grouped:
                raise Malformed(where, "a name is a group member for the second time")
            self._grouped.add(member)
        _check_count(where, self.groups, GROUPS_MAX)
        self._define(where, name)
        count = _read_threshold(where, threshold, len(members))
        self.groups.append(Group(name, count, tuple(members)))

    def _quorum(self, where: str, name: str) -> None:
        if self.quorum is not None:
            raise Malformed(where, "a second quorum line")
        if name != NONE:
            self._check_defined(where, name)
        self.quorum = name

    def _define(self, where: str, name: str) -> None:
        if name in _RESERVED:
            raise Malformed(where, f"the name {name} is reserved")
        if name in self._names:
            raise Malformed(where, "a name is defined for the second time")
        self._names.add(name)

    def _check_defined(self, where: str, name: str) -> None:
        if name not in self._names:
            raise Malformed(where, "a name is not defined above")


def _read_threshold(where: str, text: str, members: int) -> int:
    if text == "any":
        return 1
    if text == "all":
        return members
    if not _THRESHOLD.fullmatch(text) or int(text) > members:
        raise Malformed(where, f"the threshold is not all, any or a number from 1 to {members}")
    return int(text)


def _check_new_key(where: str, vkey: Vkey, known: Sequence[Vkey]) -> None:
    if any(vkey.public == other.public for other in known):
        raise Malformed(where, "a public key stands twice, so it would count twice")


def _check_count(where: str, known: Sequence[object], limit: int) -> None:
    if len(known) == limit:
        raise Malformed(where, f"more than {limit} statements of this kind")
