"""Proofs the product made, read by the verifier that was written from the document alone.

The proofs are those of the example chains (tests/vectors); the demo's own are read the same way by
the slow test of the demo. Both verifiers refuse 1,000 single-byte flips, half of them with
the head computed again, and with one code.
"""

import random
from pathlib import Path
from types import ModuleType

import pytest

from node.evidence.proof import public_form
from node.evidence.proof_text import format_proof, parse_proof
from node.evidence.steps import Anchor
from node.evidence.verify import verify

VECTORS = Path(__file__).parents[1] / "vectors"
FILES = {
    "example": {
        "sample.proof.txt": "sample.txt",
        "sample.public.proof.txt": None,
        "log.proof.txt": "log.txt",
    },
    "example-2": {"sample.proof.txt": "sample.txt"},
}
FLIPS = 1_000


examples = pytest.mark.parametrize("example", FILES)


@examples
def test_a_stranger_accepts_the_products_proofs(stranger: ModuleType, example: str) -> None:
    folder = VECTORS / example
    policy = (folder / "policy.txt").read_bytes()
    printed = (folder / "fingerprint.txt").read_text().strip()
    for name, file in FILES[example].items():
        proof = (folder / name).read_bytes()
        held = None if file is None else (folder / file).read_bytes()
        for anchor in ({"policy": policy}, {"fingerprint": printed}):
            answer = stranger.verify(proof, file=held, **anchor)
            assert (answer["code"], answer["findings"]) == ("V001", []), name


@examples
def test_both_refuse_every_flipped_byte(
    stranger: ModuleType, maker: ModuleType, example: str
) -> None:
    policy = (VECTORS / example / "policy.txt").read_bytes()
    proofs = [(VECTORS / example / name).read_bytes() for name in FILES[example]]
    rng = random.Random(1000)
    refused = 0
    while refused < FLIPS:
        proof = rng.choice(proofs)
        at = rng.randrange(len(proof))
        flipped = proof[:at] + bytes([proof[at] ^ (1 << rng.randrange(8))]) + proof[at + 1 :]
        if refused % 2:
            flipped = maker.with_new_head(flipped)
            # The flip was in the head, and the new head has mended it; or it joined the head and
            # the opening, and the new head took the place of both.
            if flipped in (proof, format_proof(public_form(parse_proof(proof)))):
                continue
        code = stranger.verify(flipped, policy)["code"]
        assert code not in ("V000", "V001")
        assert verify(flipped, Anchor(policy_text=policy)).code.name == code
        refused += 1
