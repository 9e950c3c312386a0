"""A deposit's entry read at a glance.

Nearly every entry of a log is a deposit signed with Ed25519, spelled in the one way there is. One
expression recognises that form in a twentieth of the time `parse_entry` takes; whatever it does not
recognise is read in full. So it must never recognise what `parse_entry` refuses, nor read another
value out of it (tests/node/audit/test_glance.py compares the two).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from node.evidence.entry import TAG
from node.evidence.item import ALG_SETS, ITEMS_MAX
from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.number import ORDINAL_MAX
from node.evidence.spelling import TIME_MS_END
from node.evidence.statement import CATEGORIES
from node.evidence.statement import TAG as STATEMENT_TAG

KEYS_KEPT = 4_096
"""Keys found to be keys: a chain has far fewer that still deposit."""

_NUMBER = r"(0|[1-9][0-9]{0,14})"
_HEX = r"[0-9a-f]{64}"
_KEY = r"(ed25519:[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=)"
_SIGNATURE = r"ed25519:([A-Za-z0-9+/]{85}[AQgw]==)"


class Glance(NamedTuple):
    """What there is to check about a deposit of so many `items`; signatures in base64."""

    height: int
    time_ms: int
    first_item: int
    gateway: bytes
    accepted_at: int
    receipt: bytes
    signature: bytes
    statement: bytes
    items: int
    key: bytes


class Reader:
    """Reads the deposits of one chain."""

    def __init__(self, origin: str) -> None:
        algs = "|".join(map(re.escape, ALG_SETS))
        pattern = (
            rf"{TAG}\nkind statement\nheight {_NUMBER}\ntime {_NUMBER}\nfirst-item {_NUMBER}\n"
            rf"gateway {_KEY}\naccepted-at {_NUMBER}\nreceipt {_SIGNATURE}\n"
            rf"signature {_SIGNATURE}\n"
            rf'({STATEMENT_TAG} {{"alg":"({algs})","category":"(?:{"|".join(CATEGORIES)})",'
            rf'"claimed_at":{_NUMBER},"count":([1-9][0-9]{{0,4}}),"items_root":"{_HEX}",'
            rf'"key":"{_KEY}","mode":"(commitment|digest)","nonce":"[0-9a-f]{{32}}",'
            rf'"origin":"{re.escape(origin)}","page":(1|16)(?:,"profile":"{_HEX}")?'
            rf'(,"submitter":"{_HEX}")?,"type":"deposit"}})\n'
        )
        self._match = re.compile(pattern.encode("ascii")).fullmatch

    def glance(self, entry: bytes) -> Glance | None:
        """The deposit of this entry; None if it must be read in full to be understood, or to be
        refused."""
        match = self._match(entry)
        if match is None:
            return None
        (height, time_ms, first, gateway, accepted_at, receipt, signature, statement) = match.group(
            1, 2, 3, 4, 5, 6, 7, 8
        )
        alg, claimed_at, count, key, mode, page, submitter = match.group(9, 10, 11, 12, 13, 14, 15)
        found = Glance(
            int(height),
            int(time_ms),
            int(first),
            gateway,
            int(accepted_at),
            receipt,
            signature,
            statement,
            int(count),
            key,
        )
        if (
            found.items > ITEMS_MAX
            or found.first_item + found.items > ORDINAL_MAX + 1
            or max(found.time_ms, found.accepted_at, int(claimed_at)) >= TIME_MS_END
            or (mode == b"digest" and (page != b"1" or b"+" in alg))
            or (submitter is None and key == gateway)
        ):
            return None
        public_key(key)
        public_key(gateway)
        return found


@lru_cache(KEYS_KEPT)
def public_key(text: bytes) -> PublicKey:
    """The key of a text; raises `Malformed` if it is none."""
    return parse_public_key(text.decode("ascii"))
