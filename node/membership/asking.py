"""What a member asks the others beside what members exchange all the time (`exchange`): who belongs
to the group, to be let in, to leave, whether somebody is there.

Each question goes over a connection of its own, to a member of the settings or of the
configuration, which is known by exactly its certificate.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import grpc.aio
from google.protobuf.message import DecodeError

from consensus.messages import ReplicaId, Voter
from consensus.peers import Identity, secure_channel
from node import member_pb2 as pb
from node.config import MemberAddress, MemberConfig
from node.errors import BadRequest
from node.evidence.keys import PublicKey, Signer
from node.membership.application import Application
from node.settings import read_certificate

JOIN = "/cunzheng.node.Member/Join"
LEAVE = "/cunzheng.node.Member/Leave"
STATUS = "/cunzheng.node.Member/Status"

SAID_MAX = 200
"""Characters of a reason that are shown: who lies could send megabytes, and others every time."""
CALL_S = 4.0
"""Longer than a member takes to pass a request on (`admitting`), so that its reason is heard."""
CONNECT_S = 1.0
"""How long a process that listens may take to accept a connection."""
PAUSE_S = 0.5
SILENT = "it ends the connection without a word, as it does when it does not know a certificate"
_NOT_THE_ONE_LISTED = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
"""gRPC's words when it was we who ended the handshake: nobody refused anything."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """What one of those asked has said. Without an answer, `refuses` is whether there is somebody
    who did not let us in, and not just nobody there."""

    name: str
    answer: pb.JoinResponse | None
    refuses: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who asks: name and address, TLS identity, of which chain (the digest of its genesis file),
    and the keys a policy would name it with; it signs with the log key."""

    member: str
    address: str
    certificate: bytes
    identity: Identity
    genesis: bytes
    log: Signer
    witness_key: PublicKey

    def request(self, replica_id: ReplicaId, recalling: bool) -> pb.JoinRequest:
        """Its request to take part."""
        application = Application(
            self.genesis,
            Voter(replica_id, self.address, self.certificate),
            recalling,
            self.log.public.text,
            self.witness_key.text,
        )
        return pb.JoinRequest(
            replica_id=replica_id,
            address=self.address,
            recalling=recalling,
            log_key=application.log_key,
            witness_key=application.witness_key,
            signature=application.sign(self.log),
        )


async def ask_all(
    contacts: Sequence[Voter], identity: Identity, request: pb.JoinRequest
) -> list[Told]:
    """Everybody at once."""
    return await asyncio.gather(*(ask(contact, identity, request) for contact in contacts))


async def ask(contact: Voter, identity: Identity, request: pb.JoinRequest) -> Told:
    """One of them."""
    name = member_of(contact)
    async with secure_channel(contact, identity) as channel:
        # Bytes, and read here: gRPC gives None for an answer it cannot read.
        call: grpc.aio.UnaryUnaryMultiCallable[pb.JoinRequest, bytes] = channel.unary_unary(
            JOIN, pb.JoinRequest.SerializeToString
        )
        try:
            answer = pb.JoinResponse.FromString(await call(request, timeout=CALL_S))
            answer.waiting_for = _shown(answer.waiting_for)
            return Told(name, answer)
        except DecodeError as error:
            return Told(name, None, why=str(error))
        except grpc.aio.AioRpcError as error:
            why = error.details() or error.code().name
            told = dict(error.trailing_metadata() or ())
            if "cunzheng-error" in told:
                return Told(name, None, told["cunzheng-error"] == "stranger", _shown(why))
            if any(word in why for word in _NOT_THE_ONE_LISTED):
                return Told(
                    name,
                    None,
                    why=f"it shows another certificate than the one listed for {name} here, or"
                    f" that one has expired or does not have the DNS name {name}",
                )
            closed = error.code() is grpc.StatusCode.UNAVAILABLE
            if closed and await _listens(contact.address, CONNECT_S):
                return Told(name, None, refuses=True, why=SILENT)
            return Told(name, None, why=_shown(why))


async def ask_to_leave(
    contacts: Sequence[Voter], identity: Identity, member: str
) -> pb.LeaveResponse:
    """Have a member leave, whoever of these can bring it about; until then they are asked again.
    Raises `BadRequest` if it never can."""
    while True:
        for contact in contacts:
            async with secure_channel(contact, identity) as channel:
                call: grpc.aio.UnaryUnaryMultiCallable[pb.LeaveRequest, bytes]
                call = channel.unary_unary(LEAVE, pb.LeaveRequest.SerializeToString)
                try:
                    answer = await call(pb.LeaveRequest(member=member), timeout=CALL_S)
                    return pb.LeaveResponse.FromString(answer)
                except DecodeError as error:
                    _log.warning("%s: %s", contact.id, error)
                except grpc.aio.AioRpcError as error:
                    why = _shown(error.details() or error.code().name)
                    _log.info("%s: %s", contact.id, why)
                    if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
                        raise BadRequest(why) from error
        await asyncio.sleep(PAUSE_S)


async def listening(contacts: Sequence[Voter]) -> list[str]:
    """The members among these at whose address anybody listens. It may know none of us, or be at
    odds with us: it runs."""
    found = await asyncio.gather(*(_listens(each.address, CALL_S) for each in contacts))
    return [member_of(each) for each, is_there in zip(contacts, found, strict=True) if is_there]


async def _listens(address: str, patience_s: float) -> bool:
    """A member ends the handshake with a certificate it does not know, and says nothing."""
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(patience_s):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _shown(said: str) -> str:
    """What another member said, for a log and for alarms: short, and one line."""
    return "".join(each if each.isprintable() else "?" for each in said[:SAID_MAX])


def contacts_of(config: MemberConfig) -> list[Voter]:
    """The members of the settings, as somebody to call. Their incarnations do not matter here."""
    return [_contact(each) for each in config.members]


def _contact(address: MemberAddress) -> Voter:
    return Voter(f"{address.name}/{0:016x}", address.address, read_certificate(address.certificate))


def member_of(replica: Voter) -> str:
    """The member whose replica this is."""
    return replica.id.partition("/")[0]
