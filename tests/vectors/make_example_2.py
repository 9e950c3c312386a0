"""Writes example-2/ beside this file: `python tests/vectors/make_example_2.py`.

A chain that begins under rules 1 and goes to rules 2; then a gateway of P-256 takes in a deposit of
SM2, and the members seal it with further signatures of both. Everything follows from fixed seeds:
SM2's random number is drawn from the key and the message, with the arithmetic of
weierstrass_twin.py, so running it again gives the same bytes.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import weierstrass_twin as twin  # noqa: E402
from example_chain import Chain, Deposited  # noqa: E402

from node.evidence import sm2  # noqa: E402
from node.evidence.curve import write_signature  # noqa: E402
from node.evidence.digests import sha256  # noqa: E402
from node.evidence.keys import P256, SM2, Signature, Signer  # noqa: E402
from node.evidence.policy import fingerprint  # noqa: E402
from node.evidence.proof_text import format_proof  # noqa: E402

SAMPLE = "以 SM2 签名的示例文件 A sample file signed with SM2\n".encode()


class FixedSigner(Signer):
    """An SM2 key that signs one message always alike."""

    __slots__ = ("_scalar",)

    def __init__(self, private: bytes) -> None:
        super().__init__(private, SM2)
        self._scalar = int.from_bytes(private)

    def sign(self, message: bytes) -> Signature:
        k = int.from_bytes(sha256(self._scalar.to_bytes(32) + message)) % (twin.SM2.n - 1) + 1
        return Signature(
            SM2, write_signature(*twin.sm2_sign(self._scalar, message, sm2.IDENTITY, k))
        )


class FixedChain(Chain):
    """A chain of which every byte follows from its seed."""

    def signer(self, name: str) -> Signer:
        made = super().signer(name)
        if made.public.algorithm != SM2:
            return made
        return FixedSigner(sha256(f"{self.seed} {name}".encode()))

    def further_signers(self, name: str) -> list[Signer]:
        return [self.signer(f"{name} {suite}") for suite in self.further]


@cache
def chain() -> tuple[Chain, Deposited]:
    """The chain, and its deposit."""
    names = ("court", "notary", "forensic")
    suites = {f"{name} {suite}": suite for name in names for suite in (P256, SM2)}
    made = FixedChain(
        suites={"depositor": SM2, "gateway": P256, **suites}, further=(P256, SM2), names=names
    )
    made.change_policy(rules=2)
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    details = {"file_name": "示例.txt", "media_type": "text/plain"}
    return made, made.deposit([SAMPLE], details=details)


def files() -> dict[str, bytes]:
    """The files of example-2/ by name."""
    made, deposited = chain()
    first = made.policies[0].policy_text
    return {
        "policy.txt": first,
        "fingerprint.txt": f"{fingerprint(first)}\n".encode(),
        "sample.txt": SAMPLE,
        "sample.proof.txt": format_proof(made.proof(deposited)),
    }


def main() -> None:
    """Write all of it."""
    folder = HERE / "example-2"
    folder.mkdir(exist_ok=True)
    for name, data in files().items():
        (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
