"""What only the depositor should have of a deposit: openings, and what opens its `submitter`.

JSON, as it is answered and, sealed, as it is stored. An opening has the fields of the depositor's
batch file (docs/proof-format.md, section 15):

    {"details": {...}, "salt": "0...", "sha256": "0...", "size": 1, "sm3": "0..."}
    {"identity": "{\\"account\\":\\"acme\\",\\"identity\\":{...}}", "salt": "00..."}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from node.evidence.digests import ALGS, sha256
from node.evidence.item import Opening

_SUBMITTER_TAG = b"cunzheng/submitter/v1\n"
_write = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


@dataclass(frozen=True, slots=True)
class Submitter:
    """What a statement's `submitter` commits to."""

    salt: bytes
    identity: bytes


@dataclass(frozen=True, slots=True)
class Keepsake:
    """Nothing but the receipt if the depositor signed for itself."""

    submitter: Submitter | None = None
    openings: tuple[Opening, ...] = ()


def identity_record(account: str, proofing: Mapping[str, str | int] | None = None) -> bytes:
    """Who the depositor is to this gateway: its account, and how its identity was verified."""
    value: dict[str, object] = {"account": account}
    if proofing:
        value["identity"] = dict(proofing)
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")


def submitter_commitment(submitter: Submitter) -> bytes:
    """The field `submitter` of a statement."""
    return sha256(_SUBMITTER_TAG + submitter.salt + submitter.identity)


def opening_value(opening: Opening) -> dict[str, object]:
    """An opening as JSON; details are their own JSON, whose canonical form is what was hashed."""
    value: dict[str, object] = {
        "salt": opening.salt.hex(),
        **{alg: digest.hex() for alg, digest in opening.digests},
        "size": opening.size,
    }
    if opening.details is not None:
        value["details"] = json.loads(opening.details)
    return value


def submitter_value(submitter: Submitter) -> dict[str, str]:
    """The opening of a submitter commitment as JSON."""
    return {"salt": submitter.salt.hex(), "identity": submitter.identity.decode()}


def format_opening(opening: Opening) -> bytes:
    """The bytes that are sealed of an opening."""
    return _format(opening_value(opening))


def parse_opening(data: bytes) -> Opening:
    """What `format_opening` wrote."""
    return _opening(json.loads(data))


def format_submitter(submitter: Submitter) -> bytes:
    """The bytes that are sealed of a submitter."""
    return _format(submitter_value(submitter))


def parse_submitter(data: bytes) -> Submitter:
    """What `format_submitter` wrote."""
    value = json.loads(data)
    return Submitter(bytes.fromhex(value["salt"]), value["identity"].encode())


def _format(value: object) -> bytes:
    return _write(value).encode()


def _opening(value: dict[str, object]) -> Opening:
    details = value.get("details")
    canonical = json.dumps(details, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return Opening(
        salt=bytes.fromhex(str(value["salt"])),
        digests=tuple((alg, bytes.fromhex(str(value[alg]))) for alg in ALGS if alg in value),
        size=int(str(value["size"])),
        details=None if details is None else canonical.encode(),
    )
