"""Which chain statements are signed for: the one of the policy given, not the one a gateway names.

A statement names its chain inside what the depositor signs. So the policy, or its fingerprint, is
held against what the gateway says before there is a signature.
"""

from __future__ import annotations

from node.cli.client import GatewayClient
from node.cli.failure import Failure
from node.cli.terminal import Terminal
from node.evidence.policy import fingerprint, parse_policy
from node.evidence.steps import Anchor
from node.words import Answer


def agreed_origin(gateway: GatewayClient, anchor: Anchor, patience_s: float) -> str:
    """The chain of the trust anchor; raises `Failure` if the gateway serves another."""
    if anchor.policy_text is None:
        return _of_fingerprint(gateway, anchor, patience_s)
    origin = parse_policy(anchor.policy_text).origin
    try:
        theirs = parse_policy(gateway.policy_text(patience_s=0)).origin
    except Failure as failure:
        if failure.answer is not Answer.COULD_NOT_CHECK:
            raise
        # It cannot say now, and need not: what is signed is for the chain of the policy given.
        return origin
    if theirs != origin:
        raise Failure(
            f"网关所在的链是 {theirs}，而所给策略属于 {origin}；未签名，也未发送任何内容。"
            "请核对网关地址和策略文件。",
            f"the gateway is of the chain {theirs}, the policy given of {origin}; nothing was "
            "signed or sent. Check the address of the gateway and the policy file.",
        )
    return origin


def gateways_own(gateway: GatewayClient, patience_s: float, terminal: Terminal) -> Anchor:
    """No trust anchor was given: check against what the gateway says, and say that this is all."""
    text = gateway.policy_text(patience_s)
    terminal.note(
        f"未给出策略：证明按网关自称的策略核验，其指纹为 {fingerprint(text)}，"
        "请与法院公布的指纹核对。",
        "No policy was given: proofs are checked against the gateway's own, with the fingerprint "
        f"{fingerprint(text)}; compare it with the one the court published.",
        "yellow",
    )
    return Anchor(policy_text=text)


def _of_fingerprint(gateway: GatewayClient, anchor: Anchor, patience_s: float) -> str:
    text = gateway.policy_text(patience_s)
    if not anchor.names(text):
        raise Failure(
            f"网关的策略指纹是 {fingerprint(text)}，不是所给的 {anchor.fingerprint}；"
            "未签名，也未发送任何内容。请核对指纹；如策略已变更，请用 --policy 给出策略文件。",
            f"the gateway's policy has the fingerprint {fingerprint(text)}, not "
            f"{anchor.fingerprint} as given; nothing was signed or sent. Compare the fingerprint; "
            "if the policy has changed since, give a policy file with --policy.",
        )
    return parse_policy(text).origin
