"""What the certificates in a bundle say they are of (docs/bundle-format.md, section 9).

Whoever takes their signatures off can write others. So the evidence numbers and digests in them
are compared with what the proofs prove, signed or not.

    >>> data = {"evidence_no": "EV1", "item": {"value": 64 * "0"}}
    >>> named_in(layout.CERTIFICATE_JSON, data, ["EV1"])[0].digests == {"item": 64 * "0"}
    True
    >>> named_in(layout.CERTIFICATE_JSON, data, ["EV2"]) is None
    True
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from node.evidence.proof import Proof
from node.export.bundle import layout
from node.export.bundle.derived import recorded_digests

_ITEM = "item"
_MAIN = "main_digest"
_DIGEST_LENGTH = 64
"""In hex. Anything longer is no digest, and is not kept."""


@dataclass(frozen=True, slots=True)
class Named:
    """What one certificate says of one deposit: digests in hex, by what they are of."""

    path: str
    number: str
    digests: Mapping[str, str]

    def agrees(self, proof: Proof) -> bool:
        """Whether the proof has these digests, and no others of the file."""
        recorded = {alg: digest.hex() for alg, digest in recorded_digests(proof)}
        item = proof.item.hex()
        main = recorded.get("sha256") or recorded.get("sm3") or item
        return self.digests in ({_MAIN: main}, {_ITEM: item, **recorded})


def named_in(path: str, value: object, numbers: Sequence[str]) -> list[Named] | None:
    """What the certificate in this file says; None if it is not of the deposits with these
    numbers, in their order."""
    data = _object(value)
    if path == layout.CERTIFICATE_JSON and len(numbers) != 1:
        return _in_list(path, data, numbers)
    place, number = layout.parse_exhibit(path) or (1, numbers[0])
    if data.get("evidence_no") != number or list(numbers[place - 1 : place]) != [number]:
        return None
    digests = {**_object(data.get("digests")), _ITEM: _object(data.get(_ITEM)).get("value")}
    return [Named(path, number, {key: _digest(each) for key, each in digests.items()})]


def _in_list(path: str, data: Mapping[str, object], numbers: Sequence[str]) -> list[Named] | None:
    """Of several deposits, whose list stands in place of the certificate; its results are of all
    of them or of none."""
    exhibits, results = _objects(data.get("exhibits")), _objects(data.get("results"))
    for listed in (exhibits, results or exhibits):
        if [each.get("evidence_no") for each in listed] != list(numbers):
            return None
    pairs = zip(numbers, results, strict=False)
    return [Named(path, number, {_MAIN: _digest(each.get(_MAIN))}) for number, each in pairs]


def _objects(value: object) -> list[Mapping[str, object]]:
    return [_object(each) for each in value] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _digest(value: object) -> str:
    return value if isinstance(value, str) and len(value) == _DIGEST_LENGTH else ""
