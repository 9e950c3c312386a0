"""What a bundle holds of timestamps and platform signatures, out of what was kept.

Of each deposit one token goes along: that of an independent authority before our own, then the
earliest. Where there is none, the first checkpoint that the platform signed goes along by itself.
Everything is as it was kept, so that a bundle made twice holds the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from node.evidence.keys import SM2
from node.evidence.proof import Proof
from node.export.bundle.canonical import format_json
from node.export.bundle.core import Certificates, Stamped
from node.export.signing import algorithms
from node.export.signing.certificate import (
    Certificate,
    format_certificates,
    parse_certificates,
)
from node.export.signing.dual import Platform
from node.export.signing.six_items import CertificateUse, format_six_items
from node.gateway.timestamps.reaching import Reached, Reaching, Signed
from node.offchain.timestamps import KeptSignature

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Material:
    """The parts of a bundle, and of each deposit (in their order) the token that goes along."""

    stamped: tuple[Stamped, ...]
    certificates: Certificates
    tokens: tuple[Reached | None, ...]


async def gather(reaching: Reaching, proofs: Sequence[Proof], platform: Platform) -> Material:
    """Of these deposits, and the certificates of the platform, which signs the bundle's own
    certificate in any case; raises `CannotCheck` if no member gives a path."""
    tokens: list[Reached | None] = []
    bodies: dict[int, _Body] = {}
    for proof in proofs:
        found = await reaching.of(proof)
        chosen: Reached | Signed | None = found[0] if found else await reaching.signed(proof)
        tokens.append(found[0] if found else None)
        if chosen is not None:
            size = chosen.stamped.size
            body = bodies.setdefault(size, _Body(await reaching.signature(size), None, {}))
            body.take(chosen)
    ordered = [bodies[size] for size in sorted(bodies)]
    return Material(
        tuple(body.part() for body in ordered), _certificates(ordered, platform), tuple(tokens)
    )


@dataclass(slots=True)
class _Body:
    """One stamped or signed checkpoint, while deposits under it are gathered."""

    signature: KeptSignature | None
    token: Reached | None
    paths: dict[int, Sequence[bytes]]

    def take(self, chosen: Reached | Signed) -> None:
        """A deposit that this body reaches."""
        if chosen.deposited.size < chosen.stamped.size:
            self.paths[chosen.deposited.size] = chosen.path
        if isinstance(chosen, Reached) and self.token is None:
            self.token = chosen

    def part(self) -> Stamped:
        """The files of it."""
        token = None if self.token is None else self.token.token
        kept = token or self.signature
        assert kept is not None, "it was taken for one of them"
        return Stamped(
            body=kept.body,
            request=None if token is None else token.request,
            response=None if token is None else token.response,
            cms=None if self.signature is None else self.signature.p7s,
            sm2=None if self.signature is None else self.signature.sm2,
            paths=self.paths,
        )


def _certificates(bodies: Sequence[_Body], platform: Platform) -> Certificates:
    """Each once, under the name of what it is for; roots are copies and called so."""
    files: dict[str, Certificate] = {}
    uses: dict[Certificate, CertificateUse] = {}
    told: dict[str, object] = {}
    for body in bodies:
        if body.token is not None:
            token = body.token.token
            *stamping, root = parse_certificates(token.chain)
            name = _NOT_IN_NAMES.sub("-", token.authority).strip("-") or "authority"
            _add(files, f"tsa-{name}", stamping)
            _add(files, f"root-copy-tsa-{name}", [root])
            uses[stamping[0]] = CertificateUse.TSA
            told[str(token.tree_size)] = {
                "authority": token.authority,
                "certificate": stamping[0].subject_text,
                "independent": not body.token.is_own,
                "time_ms": token.time_ms,
            }
    signed = [parse_certificates(each.signature.certificates) for each in bodies if each.signature]
    for leaf in chain.from_iterable((*signed, platform.certificates)):
        is_sm2 = algorithms.key_name(leaf.public_key) == "SM2"
        _add(files, f"platform-{SM2 if is_sm2 else 'p256'}", [leaf])
        if not leaf.is_authority:
            uses[leaf] = CertificateUse.SM2 if is_sm2 else CertificateUse.P256
    items = format_six_items([(use, leaf) for leaf, use in uses.items()]) if uses else None
    return Certificates(
        files={name: format_certificates([each]) for name, each in files.items()},
        six_items=None if items is None else items.decode(),
        tsa_info=format_json(told) if told else None,
    )


def _add(files: dict[str, Certificate], name: str, chain: Sequence[Certificate]) -> None:
    """Under this name, or with a number after it: an authority may have several over the years."""
    for certificate in chain:
        if certificate in files.values():
            continue
        number, free = 1, name
        while free in files:
            number += 1
            free = f"{name}-{number}"
        files[free] = certificate
