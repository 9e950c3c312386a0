"""The first members of a chain: the only ones whose empty directory makes a voter.

One member alone draws its own incarnation. Several that begin together must begin from the same
first configuration, one line as `consensus.messages` writes it, with an incarnation drawn for each
of them beforehand; everybody gets the same file, and uses it once.
"""

from __future__ import annotations

from pathlib import Path

from consensus.messages import Configuration, ReplicaId, Voter
from node.config import MemberConfig, read_certificate, read_file
from node.directory import draw_replica_id, is_empty, make_directory
from node.errors import Misconfigured
from node.evidence.record import Genesis
from node.keyfile import load_signer


def found(config: MemberConfig, genesis: Genesis, voters: Path | None = None) -> ReplicaId:
    """Make the directory of a first member: the only voter, or one of those in the file."""
    if not is_empty(config.data):
        raise Misconfigured(
            f"{config.data} is not empty. If its data cannot be used any more, do not begin anew:"
            " `cunzheng member` has this member rejoin by itself"
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
        raise Misconfigured(f"{path} does not name {config.member} once")
    if (found[0].address, found[0].certificate) != (own.address, own.certificate):
        raise Misconfigured(
            f"{path} names {config.member} with another address than {own.address} or another"
            f" certificate than {config.certificate}"
        )
    return found[0]


def _check_policy(config: MemberConfig, genesis: Genesis) -> None:
    """A first member that the policy does not name would order blocks that it cannot seal."""
    policy = genesis.note.policy
    keys = (load_signer(config.log_key).public, load_signer(config.witness_key).public)
    if (config.member, *keys) not in [(s.member, s.log, s.witness) for s in policy.sealers]:
        raise Misconfigured(
            f"the policy in {config.genesis} does not name {config.member} with the keys in"
            f" {config.log_key} and {config.witness_key}"
        )
