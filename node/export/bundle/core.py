"""The core of a bundle: folders 02 to 06, from what a member and the platform keep.

A pure function: the same proofs, tokens and certificates give the same bytes, whoever asks and
whenever. What is new with every export (certificate, custody, health) is not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from node.evidence.checkpoint import Checkpoint, parse_checkpoint
from node.evidence.malformed import Malformed
from node.evidence.merkle import verify_consistency
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.export.bundle import layout
from node.export.bundle.canonical import parse_json_object
from node.export.bundle.derived import proof_files, signature_files
from node.export.bundle.paths import format_consistency


@dataclass(frozen=True)
class Deposit:
    """One deposit: the proof of the holder's copy, and what the register says besides."""

    proof_bytes: bytes
    declared: bytes | None = None
    """A canonical JSON object."""

    def __post_init__(self) -> None:
        assert self.number, "a proof that can be read"
        if self.declared is not None:
            parse_json_object(self.declared, layout.DECLARED)

    @cached_property
    def proof(self) -> Proof:
        """The proof, read from its bytes."""
        return parse_proof(self.proof_bytes)

    @property
    def number(self) -> str:
        """Its evidence number."""
        return self.proof.number


@dataclass(frozen=True)
class Stamped:
    """A checkpoint body with what vouches for it: a token, signatures of the platform, or both.

    `paths` are the consistency paths to it from smaller trees, by their sizes.
    """

    body: bytes
    request: bytes | None = None
    response: bytes | None = None
    cms: bytes | None = None
    sm2: bytes | None = None
    paths: Mapping[int, Sequence[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        assert self.checkpoint.size not in self.paths, "from smaller trees"

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The body, read."""
        return parse_checkpoint(self.body)


@dataclass(frozen=True, slots=True)
class Certificates:
    """Of whoever stamped or signed: PEM files by name (`tsa-example`, `root-copy-example`)."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    six_items: str | None = None
    tsa_info: bytes | None = None
    """A canonical JSON object."""

    def __post_init__(self) -> None:
        if self.tsa_info is not None:
            parse_json_object(self.tsa_info, "tsa-info.json")


NO_CERTIFICATES = Certificates()


def core(
    deposits: Sequence[Deposit],
    stamped: Sequence[Stamped] = (),
    certificates: Certificates = NO_CERTIFICATES,
) -> dict[str, bytes]:
    """The files of the core by path.

    Raises `Malformed` where the parts do not belong together: a number twice, a body of another
    chain, a path that does not lead to it.
    """
    if not 0 < len(deposits) <= layout.DEPOSITS_MAX:
        raise Malformed("bundle", f"not 1 to {layout.DEPOSITS_MAX} deposits")
    if len({each.number for each in deposits}) != len(deposits):
        raise Malformed("bundle", "one evidence number twice")
    files: dict[str, bytes] = {}
    for deposit in deposits:
        files |= deposit_files(deposit)
    heads = {each.proof.sealed.checkpoint for each in deposits}
    for each in stamped:
        if layout.body(each.checkpoint.size) in files:
            raise Malformed("bundle", "two bodies of one tree size")
        files |= _stamped_files(each, {head.size: head for head in heads})
    files |= {f"{layout.CERTIFICATES}{k}.pem": data for k, data in certificates.files.items()}
    if certificates.six_items is not None:
        files[layout.SIX_ITEMS] = certificates.six_items.encode()
    if certificates.tsa_info is not None:
        files[layout.TSA_INFO] = certificates.tsa_info
    unknown = [path for path in files if not layout.has_place(path)]
    assert not unknown, unknown
    return files


def deposit_files(deposit: Deposit) -> dict[str, bytes]:
    """The files of one deposit in folders 02 to 04."""
    proof, number = deposit.proof, deposit.number
    files = {layout.record(number, layout.PROOF): deposit.proof_bytes}
    if proof.opening is not None and proof.opening.details is not None:
        files[layout.record(number, layout.DETAILS)] = proof.opening.details
    if deposit.declared is not None:
        files[layout.record(number, layout.DECLARED)] = deposit.declared
    files |= {layout.proof(number, name): data for name, data in proof_files(proof).items()}
    files |= {layout.signature(number, k): data for k, data in signature_files(proof).items()}
    return files


def _stamped_files(stamped: Stamped, heads: Mapping[int, Checkpoint]) -> dict[str, bytes]:
    """A body, what is kept with it, and its paths from the trees of these deposits."""
    head = stamped.checkpoint
    found = {
        layout.body(head.size): stamped.body,
        layout.request(head.size): stamped.request,
        layout.token(head.size): stamped.response,
        layout.body_cms(head.size): stamped.cms,
        layout.body_sm2(head.size): stamped.sm2,
    }
    files = {path: data for path, data in found.items() if data is not None}
    for size, path in stamped.paths.items():
        if size not in heads:
            continue
        old = heads[size]
        if old.origin != head.origin:
            raise Malformed("bundle", "a stamped checkpoint of another chain")
        verify_consistency(old.size, old.root, head.size, head.root, path)
        files[layout.consistency(size, head.size)] = format_consistency(
            old.size, old.root, head.size, path
        )
    return files
