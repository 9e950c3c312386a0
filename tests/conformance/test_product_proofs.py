"""Proofs the product made, read by the verifier that was written from the document alone.

The proofs are those of the example chain (tests/vectors/example); the demo's own are read the same
way by the slow test of the demo. Both verifiers refuse 1,000 single-byte flips, half of them with
the head computed again, and with one code.
"""

import random
from pathlib import Path
from types import ModuleType

from node.evidence.steps import Anchor
from node.evidence.verify import verify

EXAMPLE = Path(__file__).parents[1] / "vectors" / "example"
FILES = {
    "sample.proof.txt": "sample.txt",
    "sample.public.proof.txt": None,
    "log.proof.txt": "log.txt",
}
FLIPS = 1_000


def test_a_stranger_accepts_the_products_proofs(stranger: ModuleType) -> None:
    policy = (EXAMPLE / "policy.txt").read_bytes()
    printed = (EXAMPLE / "fingerprint.txt").read_text().strip()
    for name, file in FILES.items():
        proof = (EXAMPLE / name).read_bytes()
        held = None if file is None else (EXAMPLE / file).read_bytes()
        for anchor in ({"policy": policy}, {"fingerprint": printed}):
            answer = stranger.verify(proof, file=held, **anchor)
            assert (answer["code"], answer["findings"]) == ("V001", []), name


def test_both_refuse_every_flipped_byte(stranger: ModuleType, maker: ModuleType) -> None:
    policy = (EXAMPLE / "policy.txt").read_bytes()
    proofs = [(EXAMPLE / name).read_bytes() for name in FILES]
    rng = random.Random(1000)
    refused = 0
    while refused < FLIPS:
        proof = rng.choice(proofs)
        at = rng.randrange(len(proof))
        flipped = proof[:at] + bytes([proof[at] ^ (1 << rng.randrange(8))]) + proof[at + 1 :]
        if refused % 2:
            flipped = maker.with_new_head(flipped)
            if flipped == proof:
                continue  # The flip was in the head, and the new head has mended it.
        code = stranger.verify(flipped, policy)["code"]
        assert code not in ("V000", "V001")
        assert verify(flipped, Anchor(policy_text=policy)).code.name == code
        refused += 1
