"""Checks what a member gives as a proof before the gateway passes it on.

One member may be wrong or dishonest. A proof is passed on only if it holds against the policy this
gateway was given at its start (or one that follows from it by signed changes), so that FINAL is
never one member's word.
"""

from __future__ import annotations

from node.evidence.malformed import Malformed
from node.evidence.members import Member
from node.evidence.policy import parse_policy
from node.evidence.policy_note import check_texts
from node.evidence.proof import Proof
from node.evidence.proof_text import parse_proof
from node.evidence.steps import Anchor, steps
from node.words import ResultCode

_ABOUT_THE_DEPOSIT = frozenset({ResultCode.V302})
"""Failures that are true of the deposit itself: the depositor must see them, not be denied."""


class ProofChecker:
    """Bound to the policy from outside."""

    def __init__(self, policy_text: bytes) -> None:
        self._anchor = Anchor(policy_text=policy_text)

    def __call__(self, data: bytes) -> Proof:
        """The proof these bytes are, once every step of its verification holds."""
        proof = parse_proof(data)
        for finding in steps(proof, self._anchor, None):
            if finding.code is not None and finding.code not in _ABOUT_THE_DEPOSIT:
                raise Malformed("proof", f"{finding.code.name}: {finding.en}")
        return proof


def check_policy(policy_text: bytes, members_text: bytes, origin: str) -> tuple[Member, ...]:
    """The members of a policy that is of this chain, or `Malformed`."""
    policy = parse_policy(policy_text)
    if policy.origin != origin:
        raise Malformed("policy", "is of another chain")
    return check_texts(policy, members_text)
