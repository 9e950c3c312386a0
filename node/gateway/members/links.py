"""A connection to one member: gRPC with mutual TLS and one pinned certificate.

A channel accepts exactly the certificate the settings name for that member, whoever issued it, and
shows the gateway's own, which the member's settings name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
from google.protobuf.message import Message

from node import member_pb2 as pb
from node.evidence.malformed import Malformed
from node.operating.request_id import METADATA, current

SERVICE = "/cunzheng.node.Member"

MESSAGE_SIZE_MAX = 17 << 20
"""A bundle of 256 entries, each as long as entries may be; gRPC's default is 4 MiB."""

_OPTIONS = [
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.keepalive_timeout_ms", 1_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", MESSAGE_SIZE_MAX),
    ("grpc.max_send_message_length", MESSAGE_SIZE_MAX),
    # A member that restarts is found again within a fraction of a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 250),
    # In spite of its name: how long one attempt, handshake included, may take on a busy machine.
    ("grpc.min_reconnect_backoff_ms", 1_000),
]
_METHODS: dict[str, tuple[type[Message], type[Message]]] = {
    "Propose": (pb.ProposeRequest, pb.ProposeResponse),
    "Find": (pb.FindRequest, pb.FindResponse),
    "FindKey": (pb.FindKeyRequest, pb.FindKeyResponse),
    "Prove": (pb.ProveRequest, pb.ProveResponse),
    "Checkpoint": (pb.CheckpointRequest, pb.CheckpointResponse),
    "Status": (pb.StatusRequest, pb.StatusResponse),
    "Tile": (pb.TileRequest, pb.TileResponse),
    "Entries": (pb.EntriesRequest, pb.EntriesResponse),
    "Body": (pb.BodyRequest, pb.BodyResponse),
    "Block": (pb.BlockRequest, pb.BlockResponse),
    "Policy": (pb.PolicyRequest, pb.PolicyResponse),
    "Consistency": (pb.ConsistencyRequest, pb.ConsistencyResponse),
    "Contradictions": (pb.ContradictionsRequest, pb.ContradictionsResponse),
    "Health": (pb.HealthRequest, pb.HealthResponse),
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a member listens, and the certificate (PEM) by which it is known."""

    name: str
    address: str
    certificate: bytes


@dataclass(frozen=True, slots=True)
class Identity:
    """What this gateway proves itself with: certificate and private key, both PEM."""

    certificate: bytes
    private_key: bytes


class Link:
    """The channel to one member and its methods."""

    def __init__(self, member: Endpoint, identity: Identity) -> None:
        self.name = member.name
        credentials = grpc.ssl_channel_credentials(
            member.certificate, identity.private_key, identity.certificate
        )
        self.channel = grpc.aio.secure_channel(
            member.address,
            credentials,
            options=[*_OPTIONS, ("grpc.ssl_target_name_override", member.name)],
        )
        self._methods: dict[str, Callable[..., Awaitable[Any]]] = {
            name: self.channel.unary_unary(
                f"{SERVICE}/{name}", request.SerializeToString, response.FromString
            )
            for name, (request, response) in _METHODS.items()
        }

    async def call(self, method: str, request: Message, timeout_s: float) -> Any:
        """The answer; raises `grpc.aio.AioRpcError`, and `Malformed` for bytes that are none."""
        identity = current()
        metadata = None if identity is None else ((METADATA, identity),)
        answer = await self._methods[method](request, timeout=timeout_s, metadata=metadata)
        if answer is None:  # gRPC's word for bytes that it cannot read.
            raise Malformed(method, "answered with bytes that are no answer")
        return answer


def reason(error: grpc.aio.AioRpcError) -> str:
    """Why a member refused, by the words of proto/node/member.proto; empty if no member spoke."""
    return trailer(error, "cunzheng-error")


def trailer(error: grpc.aio.AioRpcError, key: str) -> str:
    """A value of the trailing metadata, or nothing."""
    for name, value in error.trailing_metadata() or ():
        if name == key:
            return value.decode() if isinstance(value, bytes) else value
    return ""
