"""A private key together with the certificates that say whose it is."""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.keys import Signer
from node.evidence.malformed import Malformed
from node.export.signing.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Credential:
    """A key and its certificate, which is the first of `chain`; then whoever issued it, and so on,
    without the root, which everybody must have from elsewhere."""

    signer: Signer
    chain: tuple[Certificate, ...]

    def __post_init__(self) -> None:
        if not self.chain or self.leaf.public_key != self.signer.public.raw:
            raise Malformed("certificate", "not the one of this key")

    @property
    def leaf(self) -> Certificate:
        return self.chain[0]
