"""TSTInfo (RFC 3161, section 2.4.2): what an authority signs."""

from __future__ import annotations

from dataclasses import dataclass

from node.evidence.spelling import TIME_MS_END
from node.export.signing import der
from node.export.signing.der import Reader
from node.export.timestamps.request import (
    NONCE_BITS_MAX,
    Imprint,
    format_imprint,
    parse_imprint,
)

TST_INFO = "1.2.840.113549.1.9.16.1.4"
"""The type of a token's content (id-ct-TSTInfo)."""
_DIRECTORY_NAME = 4
_WHERE = "timestamp"


@dataclass(frozen=True, slots=True)
class TimestampInfo:
    """What existed, in the authority's words: this imprint, no later than `time_ms`."""

    policy: str
    imprint: Imprint
    serial: int
    time_ms: int
    accuracy_ms: int | None = None
    """How far the true time may be away, rounded up; None if the authority does not say."""
    nonce: int | None = None
    authority: bytes | None = None
    """The name (DER) the authority gives itself, where it does."""


def format_info(info: TimestampInfo) -> bytes:
    """The content of a token."""
    accuracy, name = [], []
    if info.accuracy_ms is not None:
        seconds, millis = divmod(info.accuracy_ms, 1000)
        parts = [der.integer(seconds)] if seconds else []
        if millis:
            parts.append(der.tlv(der.context(0, constructed=False), der.integer(millis)[2:]))
        accuracy = [der.sequence(*parts)]
    if info.authority is not None:
        name = [der.tlv(der.context(0), der.tlv(der.context(_DIRECTORY_NAME), info.authority))]
    return der.sequence(
        der.integer(1),
        der.oid(info.policy),
        format_imprint(info.imprint),
        der.integer(info.serial),
        der.generalized_time(info.time_ms),
        *accuracy,
        *([] if info.nonce is None else [der.integer(info.nonce)]),
        *name,
    )


def parse_info(data: bytes) -> TimestampInfo:
    """What stands in a token; `Malformed` if these bytes are no content of one."""
    outside = Reader(data, _WHERE)
    reader = outside.open(der.SEQUENCE)
    outside.end()
    if reader.integer() != 1:
        raise reader.wrong("not of version 1")
    policy, imprint, serial = reader.oid(), parse_imprint(reader), reader.integer()
    time_ms = reader.generalized_time()
    if not 0 <= time_ms < TIME_MS_END:
        raise reader.wrong("a time before 1970 or too far away to be shown")
    accuracy = reader.optional(der.SEQUENCE)
    accuracy_ms = None if accuracy is None else _accuracy_ms(accuracy)
    reader.default_false()  # Whether later tokens are comparable: nothing here compares them.
    nonce = reader.integer() if reader.tag == der.INTEGER else None
    for number in (serial, nonce or 0):
        if not 0 <= number < 1 << NONCE_BITS_MAX:
            raise reader.wrong(f"a number that is negative or of more than {NONCE_BITS_MAX} bits")
    name = reader.optional(der.context(0))
    if (extensions := reader.optional(der.context(1))) is not None:
        _refuse_critical(extensions)
    reader.end()
    authority = None if name is None else _directory_name(name)
    return TimestampInfo(policy, imprint, serial, time_ms, accuracy_ms, nonce, authority)


def _accuracy_ms(reader: Reader) -> int:
    seconds = reader.integer() if reader.tag == der.INTEGER else 0
    parts = []
    for number in (0, 1):
        tag = der.context(number, constructed=False)
        parts.append(reader.integer(tag) if reader.tag == tag else 0)
    reader.end()
    if not 0 <= seconds < 1 << 31 or not all(0 <= each < 1000 for each in parts):
        raise reader.wrong("an accuracy that is none")
    return 1000 * seconds + parts[0] + (1 if parts[1] else 0)


def _directory_name(reader: Reader) -> bytes | None:
    """The name, if it is one that a certificate can have; others are passed over."""
    name = None
    if reader.tag == der.context(_DIRECTORY_NAME):
        inside = reader.open(der.context(_DIRECTORY_NAME))
        name = inside.whole(der.SEQUENCE)
        inside.end()
    else:
        reader.whole()
    reader.end()
    return name


def _refuse_critical(extensions: Reader) -> None:
    for each in extensions.each(der.SEQUENCE):
        identifier = each.oid()
        if each.default_false():
            raise each.wrong(f"the critical extension {identifier}")
        each.content(der.OCTET_STRING)
        each.end()
