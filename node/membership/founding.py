"""How a chain begins: the policy its members agreed on, and the first of them.

A plan (`config.PolicyPlan`) becomes the texts that everybody has from the beginning: `members.txt`,
`policy.txt`, and `genesis.txt` with both. The first members are the only ones whose empty directory
makes a voter.

One member alone draws its own incarnation. Several that begin together must begin from the same
first configuration, one line as `consensus.messages` writes it, with an incarnation drawn for each
of them beforehand; everybody gets the same file, and uses it once.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from consensus.clocks import SKEW_MS_MAX
from consensus.messages import Configuration, ReplicaId, Voter
from node.config import MemberConfig, PlannedMember, PolicyPlan
from node.errors import Misconfigured
from node.evidence.digests import sha256
from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.members import Member, format_members
from node.evidence.policy import Policy, Sealer, format_policy
from node.evidence.policy_note import first_note
from node.evidence.record import Genesis, format_genesis
from node.keyfile import load_signer
from node.member.directory import draw_replica_id, is_empty, make_directory
from node.settings import read_certificate, read_file


def found(config: MemberConfig, genesis: Genesis, voters: Path | None = None) -> ReplicaId:
    """Make the directory of a first member: the only voter, or one of those in the file."""
    if not is_empty(config.data):
        raise Misconfigured(
            f"{config.data} is not empty. If its data cannot be used any more, do not begin anew:"
            " `cunzheng member` has this member rejoin by itself",
            f"{config.data} 不为空。其数据若已不能使用，请勿重新创建："
            "cunzheng member 会使本成员自动重新加入",
        )
    _check_policy(config, genesis)
    own = draw_voter(config)
    if voters is None:
        first = Configuration((own,))
    else:
        first = read_voters(voters)
        own = _ours(config, voters, first, own)
    make_directory(config, genesis, own.id, first)
    return own.id


def _key(where: str, text: str) -> PublicKey:
    try:
        return parse_public_key(text)
    except Malformed as error:
        raise Misconfigured(
            f"the plan's {where}, {text!r}: {error}", f"方案中的 {where}，{text!r}：{error}"
        ) from error


def _further_keys(member: PlannedMember) -> Iterator[PublicKey]:
    for name, text in (("p256_key", member.p256_key), ("sm2_key", member.sm2_key)):
        if text:
            yield _key(f"{name} of {member.name}", text)


def policy_texts(plan: PolicyPlan, serial: int, rules: int) -> tuple[bytes, bytes]:
    """The policy and members texts a plan comes to. `Malformed` names what a policy cannot say,
    `Misconfigured` a key that is none."""
    members = format_members(
        [
            Member(each.name, each.kind, each.organisation, tuple(_further_keys(each)))
            for each in plan.members
        ]
    )
    authorities = (_key("authorities", text) for text in plan.authorities)
    policy = Policy(
        origin=plan.origin,
        network=plan.network,
        rules=rules,
        serial=serial,
        skew_ms=SKEW_MS_MAX,
        members_hash=sha256(members),
        authorities=tuple(sorted(authorities, key=lambda key: key.text)),
        sealers=tuple(
            Sealer(
                each.name,
                _key(f"log_key of {each.name}", each.log_key),
                _key(f"witness_key of {each.name}", each.witness_key),
            )
            for each in plan.members
        ),
        quorum=plan.quorum,
    )
    return format_policy(policy), members


def write_rules(plan: PolicyPlan, directory: Path, now_ms: int) -> bytes:
    """The texts a plan comes to, as new files; returns the policy."""
    policy, members = policy_texts(plan, 1, plan.rules)
    genesis = Genesis(now_ms, version("cunzheng"), first_note(policy, members))
    files = {
        "members.txt": members,
        "policy.txt": policy,
        "genesis.txt": format_genesis(genesis),
    }
    for name in files:
        if (directory / name).exists():
            raise Misconfigured(
                f"{directory / name} exists: a chain has one beginning",
                f"{directory / name} 已存在：一条链只能创建一次",
            )
    for name, text in files.items():
        (directory / name).write_bytes(text)
    return policy


def draw_voter(config: MemberConfig) -> Voter:
    """A new incarnation of this member, as a configuration names it."""
    return Voter(
        draw_replica_id(config.member), config.advertise, read_certificate(config.certificate)
    )


def read_voters(path: Path) -> Configuration:
    """The first configuration of several members."""
    try:
        return Configuration.parse(read_file(path).removesuffix(b"\n"))
    except ValueError as error:
        raise Misconfigured(f"{path}: {error}") from error


def _ours(config: MemberConfig, path: Path, first: Configuration, own: Voter) -> Voter:
    """The voter of this member; its address and certificate are what the others will know."""
    found = [each for each in first.voters if each.id.partition("/")[0] == config.member]
    if len(found) != 1:
        raise Misconfigured(
            f"{path} does not name {config.member} once",
            f"{path} 未列出或重复列出 {config.member}",
        )
    if (found[0].address, found[0].certificate) != (own.address, own.certificate):
        raise Misconfigured(
            f"{path} names {config.member} with another address than {own.address} or another"
            f" certificate than {config.certificate}",
            f"{path} 中 {config.member} 的地址不是 {own.address}，或证书不是 {config.certificate}",
        )
    return found[0]


def _check_policy(config: MemberConfig, genesis: Genesis) -> None:
    """A first member that the policy does not name would order blocks that it cannot seal."""
    policy = genesis.note.policy
    keys = (load_signer(config.log_key).public, load_signer(config.witness_key).public)
    if (config.member, *keys) not in [(s.member, s.log, s.witness) for s in policy.sealers]:
        raise Misconfigured(
            f"the policy in {config.genesis} does not name {config.member} with the keys in"
            f" {config.log_key} and {config.witness_key}",
            f"{config.genesis} 中的策略没有以 {config.log_key} 和 {config.witness_key} 中的密钥"
            f"列出 {config.member}",
        )
