"""Who takes part: members with their keys, the genesis they share, and what is deposited.

All of it comes from names and numbers, none from the seed, so it is made once per process and the
same in every run: statement 17 has the same bytes in each. Signing and verifying them once is most
of what they cost.
"""

from functools import cache

from consensus.messages import Configuration, ReplicaId, Voter
from node.evidence.digests import sha256
from node.evidence.item import items_root
from node.evidence.keys import Signer
from node.evidence.members import Member, format_members
from node.evidence.policy import Policy, Sealer, format_policy
from node.evidence.policy_note import first_note
from node.evidence.receipt import issue
from node.evidence.record import Genesis, StatementRecord, format_record
from node.evidence.statement import Deposit, format_statement, statement_id

ORIGIN = "cunzheng.test/simulator"
VERSION = "simulated-1"
NAMES = ("archive", "bank", "court", "escrow", "forensic", "guild", "harbour", "insurer")
START_MS = 1_790_000_000_000
"""What a right clock shows at the beginning of every run."""
SKEW_MS = 2_000


def log_signer(member: str) -> Signer:
    return _signer(f"log key of {member}")


def witness_signer(member: str) -> Signer:
    return _signer(f"witness key of {member}")


def voter(replica_id: ReplicaId) -> Voter:
    """A replica of a member, which keeps its certificate through all incarnations."""
    member = member_of(replica_id)
    return Voter(replica_id, f"{member}:7000", sha256(f"certificate of {member}".encode()))


def member_of(replica_id: ReplicaId) -> str:
    return replica_id.partition("/")[0]


def configuration(replicas: list[ReplicaId]) -> Configuration:
    return Configuration(tuple(sorted(map(voter, replicas))))


@cache
def genesis(members: tuple[str, ...], quorum: int) -> Genesis:
    text = format_members([Member(name, "other", f"示例 {name}") for name in members])
    policy = Policy(
        origin=ORIGIN,
        network="test",
        rules=1,
        serial=1,
        skew_ms=SKEW_MS,
        members_hash=sha256(text),
        authorities=(_signer("authority").public,),
        sealers=tuple(
            Sealer(name, log_signer(name).public, witness_signer(name).public) for name in members
        ),
        quorum=quorum,
    )
    return Genesis(START_MS, VERSION, first_note(format_policy(policy), text))


@cache
def statement(number: int) -> tuple[bytes, bytes]:
    """Id and record of the deposit that has this number."""
    depositor, gateway = _signer("depositor"), _signer("gateway")
    item = sha256(b"item %d" % number)
    deposit = Deposit(
        origin=ORIGIN,
        key=depositor.public,
        nonce=number.to_bytes(16, "big"),
        claimed_at=START_MS,
        mode="commitment",
        alg="sha256",
        count=1,
        page=1,
        items_root=items_root(item, 1),
    )
    data = format_statement(deposit)
    identity = statement_id(data)
    receipt = issue(gateway, ORIGIN, identity, START_MS)
    record = StatementRecord(receipt, depositor.sign(data), data, item)
    return identity, format_record(record)


@cache
def _signer(name: str) -> Signer:
    return Signer(sha256(name.encode()))
