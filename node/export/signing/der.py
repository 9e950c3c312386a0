"""DER (X.690), written and read strictly: what timestamps, certificates and CMS are made of.

Reading goes forward, element by element, in the order the reader's code names them: there is no
recursion for anybody to exhaust. One thing has one spelling: lengths are definite and as short as
they can be, integers and object identifiers too, booleans are 00 or ff, times are in UTC without
trailing zeros, and nothing stands after the last element that was asked for. What BER allows
besides is refused with `Malformed`, as everything else is that does not fit.

    >>> data = sequence(integer(200), oid("1.2.840.10045.4.3.2"))
    >>> data.hex()
    '300e020200c806082a8648ce3d040302'
    >>> reader = Reader(data, "example").open(SEQUENCE)
    >>> reader.integer(), reader.oid()
    (200, '1.2.840.10045.4.3.2')
    >>> reader.end()
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from node.evidence.malformed import Malformed

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID = 0x01, 0x02, 0x03, 0x04, 0x05, 0x06
ENUMERATED, UTF8_STRING, PRINTABLE_STRING, IA5_STRING = 0x0A, 0x0C, 0x13, 0x16
UTC_TIME, GENERALIZED_TIME = 0x17, 0x18
SEQUENCE, SET = 0x30, 0x31

LENGTH_BYTES_MAX = 3
"""Of an element; 16 MiB is beyond anything read here."""
ELEMENTS_MAX = 10_000
"""Of one list: revoked certificates; everything else has a few."""

_GENERALIZED = re.compile(rb"(\d{14})(?:\.(\d{0,11}[1-9]))?Z")
_UTC = re.compile(rb"(\d{12})Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HIGH_TAG = 0x1F


def context(number: int, *, constructed: bool = True) -> int:
    """The tag of a context-specific element."""
    return 0x80 | (0x20 if constructed else 0) | number


# Writing.


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element of these parts."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def sequence(*parts: bytes) -> bytes:
    """Elements in their order."""
    return tlv(SEQUENCE, *parts)


def set_of(parts: Iterable[bytes], tag: int = SET) -> bytes:
    """Elements in the one order DER has for a set."""
    return tlv(tag, *sorted(parts))


def integer(value: int) -> bytes:
    """A number that is not negative: we write no others."""
    assert value >= 0
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def oid(dotted: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    return tlv(OID, *(_base128(arc) for arc in (40 * first + second, *rest)))


def octets(data: bytes) -> bytes:
    """An octet string."""
    return tlv(OCTET_STRING, data)


def bits(data: bytes, unused: int = 0) -> bytes:
    """A bit string."""
    return tlv(BIT_STRING, bytes([unused]), data)


def utf8(text: str) -> bytes:
    """A text."""
    return tlv(UTF8_STRING, text.encode())


def true() -> bytes:
    """The one spelling of true; false is always left out, being the default."""
    return tlv(BOOLEAN, b"\xff")


def null() -> bytes:
    """Nothing, where something must stand."""
    return tlv(NULL)


def generalized_time(time_ms: int) -> bytes:
    """A time in UTC, with as many digits after the second as it needs."""
    moment = _EPOCH + timedelta(milliseconds=time_ms)
    fraction = f".{time_ms % 1000:03}".rstrip("0").rstrip(".")
    return tlv(GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%S}{fraction}Z".encode())


def certificate_time(time_s: int) -> bytes:
    """A time as RFC 5280 and RFC 5652 want it: two digits of the year until 2049."""
    moment = _EPOCH + timedelta(seconds=time_s)
    if moment.year < 2050:
        return tlv(UTC_TIME, f"{moment:%y%m%d%H%M%S}Z".encode())
    return generalized_time(time_s * 1000)


def _base128(value: int) -> bytes:
    digits = [value & 0x7F]
    while value := value >> 7:
        digits.append(0x80 | value & 0x7F)
    return bytes(reversed(digits))


# Reading.


class Reader:
    """Goes through the elements of some DER; `where` names it in what is raised."""

    __slots__ = ("_at", "_data", "where")

    def __init__(self, data: bytes, where: str) -> None:
        self._data = data
        self._at = 0
        self.where = where

    @property
    def tag(self) -> int | None:
        """Of the next element; None at the end."""
        return self._data[self._at] if self._at < len(self._data) else None

    def whole(self, tag: int | None = None) -> bytes:
        """The next element as it stands; what is inside it is not looked at."""
        start = self._at
        self._content(tag)
        return self._data[start : self._at]

    def content(self, tag: int) -> bytes:
        """What is in the next element."""
        return self._content(tag)

    def open(self, tag: int) -> Reader:
        """The next element, to be gone through."""
        return Reader(self._content(tag), self.where)

    def optional(self, tag: int) -> Reader | None:
        """The same if it is there."""
        return self.open(tag) if self.tag == tag else None

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._data):
            raise self.wrong("something follows where nothing may")

    def each(self, tag: int) -> Iterable[Reader]:
        """All elements that are left, each of this tag."""
        count = 0
        while self.tag is not None:
            count += 1
            if count > ELEMENTS_MAX:
                raise self.wrong(f"a list of more than {ELEMENTS_MAX}")
            yield self.open(tag)

    def integer(self, tag: int = INTEGER) -> int:
        """A number, also a negative one."""
        content = self._content(tag)
        if not content:
            raise self.wrong("an integer of no bytes")
        if len(content) > 1 and content[0] in (0x00, 0xFF) and content[0] >> 7 == content[1] >> 7:
            raise self.wrong("an integer with a byte too many")
        return int.from_bytes(content, signed=True)

    def boolean(self) -> bool:
        """A truth value that is spelled out."""
        content = self._content(BOOLEAN)
        if content not in (b"\x00", b"\xff"):
            raise self.wrong("a boolean that is neither 00 nor ff")
        return content == b"\xff"

    def default_false(self) -> bool:
        """A truth value that is left out if it is false."""
        if self.tag != BOOLEAN:
            return False
        if not self.boolean():
            raise self.wrong("a default value that is spelled out")
        return True

    def oid(self) -> str:
        """An object identifier."""
        content = self._content(OID)
        if not content or content[-1] & 0x80:
            raise self.wrong("an object identifier that breaks off")
        arcs, arc, fresh = [], 0, True
        for byte in content:
            if fresh and byte == 0x80:
                raise self.wrong("an object identifier with a byte too many")
            arc, fresh = arc << 7 | byte & 0x7F, not byte & 0x80
            if fresh:
                arcs.append(arc)
                arc = 0
        first = min(arcs[0] // 40, 2)
        return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))

    def bits(self, tag: int = BIT_STRING) -> tuple[bytes, int]:
        """A bit string and how many bits of its last byte are none of it."""
        content = self._content(tag)
        if not content or content[0] > 7 or (content[0] and len(content) == 1):
            raise self.wrong("a bit string that is none")
        data, unused = content[1:], content[0]
        if unused and data[-1] & ((1 << unused) - 1):
            raise self.wrong("a bit string with unused bits that are set")
        return data, unused

    def named_bits(self) -> frozenset[int]:
        """The numbers of the bits that are set in a list of flags."""
        data, _ = self.bits()
        if data and data[-1] == 0:
            raise self.wrong("a list of flags that ends with none")
        return frozenset(
            8 * at + bit for at, byte in enumerate(data) for bit in range(8) if byte & 0x80 >> bit
        )

    def utf8(self) -> str:
        """A text."""
        try:
            return self._content(UTF8_STRING).decode()
        except UnicodeDecodeError:
            raise self.wrong("a text that is not UTF-8") from None

    def generalized_time(self) -> int:
        """A time, in milliseconds, rounded down."""
        match = _GENERALIZED.fullmatch(self._content(GENERALIZED_TIME))
        if match is None:
            raise self.wrong("a time that is not YYYYMMDDhhmmss[.f]Z")
        fraction = (match[2] or b"0")[:3].ljust(3, b"0")
        return self._time_s(match[1]) * 1000 + int(fraction)

    def certificate_time(self) -> int:
        """A time as RFC 5280 has them, in seconds."""
        if self.tag == UTC_TIME:
            match = _UTC.fullmatch(self._content(UTC_TIME))
            if match is None:
                raise self.wrong("a time that is not YYMMDDhhmmssZ")
            century = b"19" if match[1] >= b"50" else b"20"
            return self._time_s(century + match[1])
        time_ms = self.generalized_time()
        if time_ms % 1000:
            raise self.wrong("a time with a part of a second")
        return time_ms // 1000

    def wrong(self, why: str) -> Malformed:
        """What is raised about these bytes."""
        return Malformed(self.where, why)

    def _time_s(self, digits: bytes) -> int:
        try:
            moment = datetime.strptime(digits.decode(), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            raise self.wrong("a time that never was") from None
        return (moment - _EPOCH) // timedelta(seconds=1)

    def _content(self, tag: int | None) -> bytes:
        data, at = self._data, self._at
        if at + 2 > len(data):
            raise self.wrong("it breaks off")
        if data[at] & _HIGH_TAG == _HIGH_TAG:
            raise self.wrong("a tag of more than one byte")
        if tag is not None and data[at] != tag:
            raise self.wrong(f"tag {data[at]:02x} where {tag:02x} must stand")
        size, at = data[at + 1], at + 2
        if size == 0x80:
            raise self.wrong("an indefinite length, which DER has not")
        if size > 0x80:
            width = size & 0x7F
            if width > LENGTH_BYTES_MAX:
                raise self.wrong("a length of 16 MiB or more")
            size = int.from_bytes(data[at : at + width])
            if at + width > len(data) or size < 0x80 or size >> 8 * (width - 1) == 0:
                raise self.wrong("a length that is not written as shortly as it can be")
            at += width
        if at + size > len(data):
            raise self.wrong("it breaks off")
        self._at = at + size
        return data[at : self._at]
