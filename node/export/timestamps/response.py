"""TimeStampResp (RFC 3161, section 2.4.2): a token, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.malformed import Malformed
from node.export.signing import cms, der
from node.export.signing.der import Reader

REPLY_TYPE = "application/timestamp-reply"
RESPONSE_SIZE_MAX = cms.SIZE_MAX + 1_024
GRANTED, GRANTED_WITH_MODS, REJECTION = 0, 1, 2
BAD_ALGORITHM, BAD_REQUEST, BAD_FORMAT = 0, 2, 5
TIME_NOT_AVAILABLE, UNACCEPTED_POLICY, UNACCEPTED_EXTENSION = 14, 15, 16

FAILURES = {
    BAD_ALGORITHM: "badAlg",
    BAD_REQUEST: "badRequest",
    BAD_FORMAT: "badDataFormat",
    TIME_NOT_AVAILABLE: "timeNotAvailable",
    UNACCEPTED_POLICY: "unacceptedPolicy",
    UNACCEPTED_EXTENSION: "unacceptedExtension",
    17: "addInfoNotAvailable",
    25: "systemFailure",
}
"""What an authority may say is wrong, by bit."""

_WHERE = "timestamp response"


@dataclass(frozen=True, slots=True)
class TimestampResponse:
    """What an authority answered; there is a token exactly if it granted one."""

    status: int
    token: bytes | None
    said: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """Why there is no token, as the authority says."""
        return "; ".join((*self.failures, *self.said)) or f"status {self.status}"


def format_granted(token: bytes) -> bytes:
    """The answer that holds a token."""
    return der.sequence(der.sequence(der.integer(GRANTED)), token)


def format_rejection(failure: int, why: str) -> bytes:
    """The answer that holds none."""
    size = failure // 8 + 1
    flags = (0x80 >> failure % 8) << 8 * (size - 1 - failure // 8)
    bits = der.bits(flags.to_bytes(size), 7 - failure % 8)
    status = der.sequence(der.integer(REJECTION), der.sequence(der.utf8(why)), bits)
    return der.sequence(status)


def parse_response(data: bytes) -> TimestampResponse:
    """The answer these bytes are; the token in it is not looked at."""
    if len(data) > RESPONSE_SIZE_MAX:
        raise Malformed(_WHERE, f"longer than {RESPONSE_SIZE_MAX} bytes")
    outside = Reader(data, _WHERE)
    reader = outside.open(der.SEQUENCE)
    outside.end()
    info = reader.open(der.SEQUENCE)
    status, said, failures = info.integer(), [], []
    if not 0 <= status <= 5:
        raise info.wrong(f"status {status}, which there is not")
    if (texts := info.optional(der.SEQUENCE)) is not None:
        while texts.tag is not None:
            text = texts.utf8()
            said.append("".join(each if each.isprintable() else "?" for each in text))
    if info.tag == der.BIT_STRING:
        failures = [FAILURES.get(bit, f"failure {bit}") for bit in sorted(info.named_bits())]
    info.end()
    token = reader.whole(der.SEQUENCE) if reader.tag is not None else None
    reader.end()
    if (token is not None) != (status in (GRANTED, GRANTED_WITH_MODS)):
        raise reader.wrong("a token without being granted, or granted without a token")
    return TimestampResponse(status, token, tuple(said), tuple(failures))
