"""What the commands go by where no trust anchor was given."""

from __future__ import annotations

from node.cli.terminal import Terminal
from node.client.gateway import Gateway
from node.evidence.policy import fingerprint
from node.evidence.steps import Anchor


def gateways_own(gateway: Gateway, patience_s: float, terminal: Terminal) -> Anchor:
    """Check against what the gateway says, and say that this is all."""
    text = gateway.policy_text(patience_s)
    terminal.note(
        f"未给出策略：证明按网关自称的策略核验，其指纹为 {fingerprint(text)}，"
        "请与法院公布的指纹核对。",
        "No policy was given: proofs are checked against the gateway's own, with the fingerprint "
        f"{fingerprint(text)}; compare it with the one the court published.",
        "yellow",
    )
    return Anchor(policy_text=text)
