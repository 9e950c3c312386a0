"""What is told of timestamps: to whoever looks a number up, and to whoever wants the bytes."""

from __future__ import annotations

import logging
from base64 import b64encode

from node.evidence.proof import Proof
from node.export.signing import algorithms, cms
from node.export.timestamps.response import parse_response
from node.export.timestamps.token import TimestampInfo, parse_info
from node.gateway.deposits.answers import moment
from node.gateway.http.timestamped import TimestampedValue
from node.gateway.members.client import CannotCheck
from node.gateway.timestamps.reaching import Reached, Reaching
from node.gateway.timestamps.schemas import ConsistencyValue, SignatureValue, TokenValue
from node.offchain.engine import StoreFailed
from node.offchain.timestamps import KeptSignature

_log = logging.getLogger(__name__)


async def timestamped(reaching: Reaching, proof: Proof | None) -> TimestampedValue | None:
    """What a lookup says of it; nothing if there is none, or if it cannot be told now: a lookup
    does not fail for its timestamp."""
    if proof is None:
        return None
    try:
        found = await reaching.of(proof)
    except (CannotCheck, StoreFailed) as error:
        _log.debug("whether a deposit is timestamped is not told: %s", error)
        return None
    return _value(found[0]) if found else None


def token_value(reached: Reached) -> TokenValue:
    """A token with everything beside it."""
    token, info = reached.token, _info(reached.token.response)
    return TokenValue(
        **_value(reached).model_dump(),
        accuracy_ms=info.accuracy_ms,
        policy=info.policy,
        serial=f"{info.serial:x}",
        imprint=algorithms.DIGESTS[info.imprint.algorithm],
        body=token.body.decode(),
        request=_base64(token.request),
        response=_base64(token.response),
        certificates=token.chain.decode(),
        consistency=ConsistencyValue(
            from_size=reached.deposited.size,
            from_root=reached.deposited.root.hex(),
            to_size=reached.stamped.size,
            to_root=reached.stamped.root.hex(),
            path=[each.hex() for each in reached.path],
        ),
    )


def signature_value(kept: KeptSignature) -> SignatureValue:
    """The platform's signatures with their certificates."""
    return SignatureValue(
        tree_size=kept.tree_size,
        body=kept.body.decode(),
        p7s=None if kept.p7s is None else _base64(kept.p7s),
        sm2=None if kept.sm2 is None else _base64(kept.sm2),
        certificates=kept.certificates.decode(),
    )


def _value(reached: Reached) -> TimestampedValue:
    time = moment(reached.token.time_ms, "members")
    return TimestampedValue(
        authority=reached.token.authority,
        independent=not reached.is_own,
        beijing=time.beijing,
        utc=time.utc,
        ms=time.ms,
        tree_size=reached.stamped.size,
    )


def _info(response: bytes) -> TimestampInfo:
    """What was verified before it was kept."""
    token = parse_response(response).token
    assert token is not None
    content = cms.parse_signed(token).content
    assert content is not None
    return parse_info(content)


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
