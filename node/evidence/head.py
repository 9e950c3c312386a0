"""The head of a proof file: what a reader sees first (docs/proof-format.md, section 12).

It says nothing of its own. It is computed from the rest of the file in one fixed layout, Chinese
and English on each line, and a file whose head differs is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from node.evidence.number import beijing_time, utc_time
from node.evidence.policy import fingerprint

TAG = "cunzheng/proof/v1"
KEPT = 64
"""Times kept as spelled: all proofs out of one block have the same."""

COMPUTED = (
    "以下由本文件自身算出，须经核验 Computed from this file itself; verify before relying on it"
)
_NOT_SEALED = "联签不足 not enough cosignatures"
_ATTESTED = (
    "存证主体未自行签名，由网关依据账户认证代为提交 "
    "The depositor did not sign; the gateway attested"
)
TEST = "测试链，不得作为证据 Test network, not to be used as evidence"
_DIGEST_NAMES = {"sha256": "SHA-256", "sm3": "SM3"}


@dataclass(frozen=True, slots=True)
class Head:
    """What the head is computed from."""

    number: str
    seal_time_s: int | None
    block_time_ms: int
    item: bytes
    digests: tuple[tuple[str, bytes], ...]
    cosigners: tuple[str, ...]
    member_count: int
    quorum: int
    policy_text: bytes
    origin: str
    attested: bool
    network: str


def format_head(head: Head) -> bytes:
    """The head's lines, each ended."""
    sealed = _NOT_SEALED if head.seal_time_s is None else format_seconds(head.seal_time_s)
    lines = [
        TAG,
        COMPUTED,
        f"存证编号 Evidence number: {head.number}",
        f"联签时间 Sealed no later than: {sealed}",
        "区块时间 Block time, by its proposer's clock: " + format_milliseconds(head.block_time_ms),
        f"数据项 Item: {head.item.hex()}",
        *(f"{_DIGEST_NAMES[alg]}: {digest.hex()}" for alg, digest in head.digests),
        f"联签 Cosignatures: {len(head.cosigners)} of {head.member_count} members, "
        f"quorum {head.quorum}: {', '.join(head.cosigners)}",
        f"策略指纹 Policy fingerprint: {fingerprint(head.policy_text)}",
        f"链 Chain: {head.origin}",
        *([_ATTESTED] if head.attested else []),
        *([TEST] if head.network == "test" else []),
    ]
    return "".join(f"{line}\n" for line in lines).encode()


@lru_cache(KEPT)
def format_seconds(time_s: int) -> str:
    """A time in seconds, Beijing time first."""
    layout = "%Y-%m-%d %H:%M:%S"
    local, utc = beijing_time(time_s * 1000), utc_time(time_s * 1000)
    return f"{local:{layout}} 北京时间 UTC+8 ({utc:{layout}} UTC)"


@lru_cache(KEPT)
def format_milliseconds(time_ms: int) -> str:
    """A time in milliseconds, Beijing time first."""
    layout, fraction = "%Y-%m-%d %H:%M:%S", f".{time_ms % 1000:03d}"
    local, utc = beijing_time(time_ms), utc_time(time_ms)
    return f"{local:{layout}}{fraction} 北京时间 UTC+8 ({utc:{layout}}{fraction} UTC)"
