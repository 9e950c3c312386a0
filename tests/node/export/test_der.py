"""DER is read in its one spelling, and whatever else comes is `Malformed`."""

import doctest
import random

import pytest

from node.evidence.malformed import Malformed
from node.export.signing import der
from node.export.signing.der import SEQUENCE, Reader


def test_the_example_of_the_module() -> None:
    assert doctest.testmod(der).failed == 0


def test_numbers_come_back() -> None:
    for value in [*range(300), 2**63 - 1, 2**64, 2**159, 2**4096]:
        reader = Reader(der.integer(value), "test")
        assert reader.integer() == value
        reader.end()


@pytest.mark.parametrize("dotted", ["1.2.840.113549.1.9.16.1.4", "2.25.3", "2.999.1", "0.9.2342"])
def test_identifiers_come_back(dotted: str) -> None:
    assert Reader(der.oid(dotted), "test").oid() == dotted


@pytest.mark.parametrize("time_ms", [0, 1_700_000_000_000, 1_700_000_000_120, 1_700_000_000_001])
def test_times_come_back(time_ms: int) -> None:
    assert Reader(der.generalized_time(time_ms), "test").generalized_time() == time_ms
    time_s = time_ms // 1000
    assert Reader(der.certificate_time(time_s), "test").certificate_time() == time_s


def test_a_certificate_may_hold_beyond_2049() -> None:
    time_s = 2_600_000_000
    data = der.certificate_time(time_s)
    assert data[0] == der.GENERALIZED_TIME
    assert Reader(data, "test").certificate_time() == time_s


def test_lengths_of_every_width_come_back() -> None:
    for size in (0, 127, 128, 255, 256, 65_535, 65_536):
        assert Reader(der.octets(bytes(size)), "test").content(der.OCTET_STRING) == bytes(size)


def test_a_set_has_one_order() -> None:
    assert der.set_of([der.integer(2), der.integer(1)]) == der.set_of(
        [der.integer(1), der.integer(2)]
    )


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "breaks off"),
        ("30", "breaks off"),
        ("3003", "breaks off"),
        ("30030201", "breaks off"),
        ("3080020101 0000", "indefinite length"),
        ("308103020101", "as shortly"),
        ("30820003020101", "as shortly"),
        ("3081", "as shortly"),
        ("3084ffffffff", "16 MiB"),
        ("1f8101020101", "more than one byte"),
        ("0203020101", "tag 02 where 30"),
    ],
)
def test_elements_that_are_none(data: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        Reader(bytes.fromhex(data), "test").open(SEQUENCE)


@pytest.mark.parametrize(
    ("data", "read", "why"),
    [
        ("0200", "integer", "no bytes"),
        ("02020001", "integer", "byte too many"),
        ("0202ff80", "integer", "byte too many"),
        ("010101", "boolean", "neither 00 nor ff"),
        ("010100", "default_false", "spelled out"),
        ("0600", "oid", "breaks off"),
        ("060180", "oid", "breaks off"),
        ("06032a8001", "oid", "byte too many"),
        ("0300", "bits", "none"),
        ("030208ff", "bits", "none"),
        ("030101", "bits", "none"),
        ("03020101", "bits", "unused bits"),
        ("03020000", "named_bits", "ends with none"),
        ("0c01ff", "utf8", "not UTF-8"),
        ("180d3230323331313134323231335a", "generalized_time", "YYYY"),
        ("181132303233313131343232313332302e305a", "generalized_time", "YYYY"),
        ("180e3230323331313134323231333230", "generalized_time", "YYYY"),
        ("180f32303233313331343232313332305a", "generalized_time", "never was"),
        ("170d3233313331343232313332305a", "certificate_time", "never was"),
        ("170b323331333134323231335a", "certificate_time", "YYMMDD"),
    ],
)
def test_values_in_another_spelling(data: str, read: str, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        getattr(Reader(bytes.fromhex(data), "test"), read)()


def test_nothing_follows_the_last_element() -> None:
    reader = Reader(der.null() + b"\0", "test")
    reader.content(der.NULL)
    with pytest.raises(Malformed, match="follows"):
        reader.end()


def test_a_list_has_an_end() -> None:
    many = Reader(der.null() * (der.ELEMENTS_MAX + 1), "test")
    with pytest.raises(Malformed, match="list of more than"):
        list(many.each(der.NULL))


def test_hostile_bytes_have_one_exception() -> None:
    """Whatever is read from whatever bytes: a value or `Malformed`."""
    chance = random.Random(20261122)
    reads = ["integer", "boolean", "oid", "bits", "named_bits", "utf8"]
    reads += ["generalized_time", "certificate_time", "whole"]
    tags = [1, 2, 3, 6, 10, 12, 23, 24, 48, 0x1F, 0x80]
    refused = 0
    for _ in range(20_000):
        size = chance.randrange(8)
        data = bytes([chance.choice(tags), size]) + chance.randbytes(chance.randrange(10))
        try:
            getattr(Reader(data, "test"), chance.choice(reads))()
        except Malformed:
            refused += 1
    assert 0 < refused < 20_000
