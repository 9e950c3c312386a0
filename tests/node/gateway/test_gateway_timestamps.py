"""Checkpoints are stamped once an interval, and deposits under them are then timestamped."""

import base64
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from node import keyfile
from node import member_pb2 as pb
from node.config import GatewayConfig, load_gateway
from node.court_settings import PlatformConfig
from node.errors import Misconfigured
from node.evidence.checkpoint import parse_checkpoint
from node.evidence.keys import P256, SM2
from node.evidence.merkle import verify_consistency
from node.evidence.number import format_number
from node.evidence.proof_text import parse_proof
from node.export.bundle import layout
from node.export.bundle.core import Deposit, core
from node.export.signing import cms
from node.export.signing.algorithms import SHA256, SM3
from node.export.signing.certificate import (
    Certificate,
    format_certificates,
    parse_certificates,
)
from node.export.signing.chain import Anchors
from node.export.signing.dual import Platform, check_p256, check_sm2
from node.export.signing.six_items import CertificateUse
from node.export.timestamps.authority import TimestampService
from node.export.timestamps.client import Asked
from node.export.timestamps.request import parse_request
from node.export.timestamps.response import REPLY_TYPE, format_granted
from node.export.timestamps.token import TST_INFO, TimestampInfo, format_info
from node.export.timestamps.verifying import OWN_POLICY, verify_response
from node.export.vouching import vouching
from node.gateway.server import _of_courts
from node.gateway.timestamps.loading import load_for_courts
from node.gateway.timestamps.material import gather
from node.gateway.timestamps.stamping import FOR_NO_COURT, ForCourts, Stamping
from node.offchain.timestamps import TimestampStore
from node.operating.expiry import end_of
from node.words import OpenPoint
from tests.node.export.certificate_samples import PASSWORD, issue
from tests.node.export.paper import NOW_S, YEAR_S, holder, root, stamper

pytestmark = pytest.mark.anyio

DEPOSIT = {"digests": {"sha256": "ab" * 32}, "size": 23}
ROOTS = Anchors((root().certificate, root("sm2 root", SM2).certificate))
PLATFORM = Platform(holder(root()), holder(root("sm2 root", SM2), seed="sm2 leaf"))
EVERY_S = 60


@dataclass
class Bench:
    """A gateway's stamping, told when to look, and authorities that answer by the test's clock."""

    gateway: Any
    clock: Any
    authorities: tuple[Asked, ...]
    down: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for_courts = ForCourts(PLATFORM, self.authorities, EVERY_S)
        log, store = self.gateway.log, TimestampStore(self.gateway.database)
        self.stamping = Stamping(log, store, self.clock, lambda size: b"\1" * size, for_courts)
        self.http = httpx.AsyncClient(transport=httpx.MockTransport(self.answer))

    def answer(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        self.asked.append(host)
        if host in self.down:
            return httpx.Response(503)
        content = (independent if host == "other" else own)(request.content, self.clock())
        return httpx.Response(200, content=content, headers={"content-type": REPLY_TYPE})

    async def look(self, after_s: int = 0) -> None:
        self.clock.now += after_s * 1000
        await self.stamping.look(self.http)


def own(request: bytes, now_ms: int) -> bytes:
    return TimestampService(stamper(root())).answer(request, now_ms, 7)


def independent(request: bytes, now_ms: int) -> bytes:
    """Somebody else's service: under a policy of its own."""
    asked = parse_request(request)
    info = TimestampInfo("1.2.3", asked.imprint, 7, now_ms, nonce=asked.nonce)
    content = format_info(info)
    token = cms.sign(stamper(root()), content, now_ms // 1000, content_type=TST_INFO)
    return format_granted(token)


def authority(name: str, algorithm: str = SHA256) -> Asked:
    return Asked(name, f"http://{name}/", ROOTS, algorithm)


@pytest.fixture(autouse=True)
def as_members_do(monkeypatch: pytest.MonkeyPatch, cluster: Any) -> None:
    """A checkpoint is asked for anew each time, and a proof ends where it first did."""
    cluster.proofs_stay = True
    monkeypatch.setattr("node.gateway.log.publishing.FRESH_S", 0)


@pytest.fixture
async def bench(anyio_backend: str, gateway: Any, clock: Any) -> AsyncIterator[Bench]:
    bench = Bench(gateway, clock, (authority("one"),))
    yield bench
    await bench.http.aclose()


async def deposit(client: Any) -> dict[str, Any]:
    response = await client.anchor(DEPOSIT)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


async def told(client: Any, made: dict[str, Any], **options: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/evidence/{made['evidence_no']}/timestamp", **options)
    assert response.status_code == 200, response.text
    value: dict[str, Any] = response.json()
    return value


async def test_a_deposit_is_timestamped_by_a_later_tree(
    client: Any, bench: Bench, clock: Any
) -> None:
    """The whole of it: another deposit, a token over the larger tree, a path that leads there."""
    made = await deposit(client)
    before = await told(client, made)
    assert (before["timestamped"], before["tokens"], before["signatures"]) == (False, [], [])
    assert OpenPoint.O08.en in before["notices"]
    await deposit(client)
    await bench.look()
    after = await told(client, made)
    assert after["timestamped"]
    (token,) = after["tokens"]
    body, response = token["body"].encode(), base64.b64decode(token["response"])
    stamped = verify_response(response, body, ROOTS, clock() // 1000)
    assert (stamped.time_ms, stamped.info.policy) == (clock(), OWN_POLICY)
    assert token["imprint"] == "sha256"
    assert parse_certificates(token["certificates"].encode())[-1] == root().certificate
    proof = parse_proof(made["proof"].encode())
    deposited, checkpoint = proof.sealed.checkpoint, parse_checkpoint(body)
    path = [bytes.fromhex(each) for each in token["consistency"]["path"]]
    verify_consistency(deposited.size, deposited.root, checkpoint.size, checkpoint.root, path)
    assert (deposited.size, checkpoint.size) == (
        token["consistency"]["from_size"],
        token["tree_size"],
    )
    assert deposited.size < checkpoint.size


async def test_the_bodies_are_signed_with_both_keys(client: Any, bench: Bench) -> None:
    made = await deposit(client)
    await bench.look()
    (signed,) = (await told(client, made))["signatures"]
    body, now_s = signed["body"].encode(), bench.clock() // 1000
    chain = parse_certificates(signed["certificates"].encode())
    check_p256(body, base64.b64decode(signed["p7s"]), ROOTS, now_s, now_s)
    check_sm2(body, base64.b64decode(signed["sm2"]), chain[1:], ROOTS, now_s, now_s)


async def test_our_own_timestamps_are_called_so_everywhere(client: Any, bench: Bench) -> None:
    made = await deposit(client)
    await bench.look()
    for language in ("zh", "en"):
        headers = {"accept-language": language}
        said = getattr(OpenPoint.O03, language)
        assert said in (await told(client, made, headers=headers))["notices"]
        looked_up = await client.get(f"/v1/evidence/{made['evidence_no']}", headers=headers)
        answer = looked_up.json()
        assert said in answer["notices"]
        assert answer["deposit"]["timestamped"]["independent"] is False


async def test_a_lookup_names_authority_time_and_tree(client: Any, bench: Bench) -> None:
    made = await deposit(client)
    url = f"/v1/evidence/{made['evidence_no']}"
    assert "timestamped" not in (await client.get(url)).json()["deposit"]
    await bench.look()
    found = (await client.get(url)).json()["deposit"]["timestamped"]
    assert (found["authority"], found["ms"], found["tree_size"]) == ("one", bench.clock(), 6)
    assert found["beijing"].endswith("+08:00")


async def test_one_token_an_interval_and_only_if_the_log_grew(client: Any, bench: Bench) -> None:
    await deposit(client)
    await bench.look()
    await bench.look(after_s=EVERY_S)
    assert bench.asked == ["one"]  # Nothing new.
    await deposit(client)
    await bench.look()
    assert bench.asked == ["one", "one"]
    await deposit(client)
    await bench.look(after_s=EVERY_S - 1)
    assert bench.asked == ["one", "one"]  # Too soon.
    await bench.look(after_s=1)
    assert bench.asked == ["one", "one", "one"]


async def test_an_authority_that_refuses_is_asked_again_an_interval_later(
    client: Any, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    made = await deposit(client)
    bench.down.add("one")
    with caplog.at_level(logging.WARNING):
        await bench.look()
    assert "no timestamp by one: it answers 503" in caplog.text
    await bench.look(after_s=1)
    assert bench.asked == ["one"]
    assert not (await told(client, made))["timestamped"]
    bench.down.clear()
    await bench.look(after_s=EVERY_S)
    assert (await told(client, made))["timestamped"]


async def test_gateways_of_one_database_share_tokens_and_the_interval(
    client: Any, bench: Bench, make_gateway: Any, clients: Any
) -> None:
    made = await deposit(client)
    await bench.look()
    other = await make_gateway()
    second = Bench(other, bench.clock, (authority("one"),))
    await deposit(client)
    await second.look()
    assert second.asked == []
    assert await told(clients(other), made) == await told(client, made)


async def test_each_authority_is_asked_and_independent_ones_stand_first(
    client: Any, gateway: Any, clock: Any
) -> None:
    bench = Bench(gateway, clock, (authority("own"), authority("other", SM3)))
    bench.down.add("other")
    made = await deposit(client)
    await bench.look()
    bench.down.clear()
    await deposit(client)
    await bench.look(after_s=EVERY_S)
    tokens = (await told(client, made))["tokens"]
    assert [each["authority"] for each in tokens] == ["other", "own"]
    assert [each["imprint"] for each in tokens] == ["sm3", "sha256"]
    assert [each["independent"] for each in tokens] == [True, False]
    assert tokens[0]["tree_size"] > tokens[1]["tree_size"]
    await bench.http.aclose()


async def test_a_member_that_lies_about_the_path_is_not_believed(
    client: Any, cluster: Any, bench: Bench
) -> None:
    made = await deposit(client)
    await deposit(client)
    await bench.look()
    for member in cluster.members.values():
        member.lies["Consistency"] = pb.ConsistencyResponse(
            path=[bytes(32)], old_root=bytes(32), new_root=bytes(32)
        )
    response = await client.get(f"/v1/evidence/{made['evidence_no']}/timestamp")
    assert (response.status_code, response.json()["result_code"]) == (503, "V502")
    looked_up = await client.get(f"/v1/evidence/{made['evidence_no']}")
    assert "timestamped" not in looked_up.json()["deposit"]  # And the lookup itself is answered.


async def test_numbers_that_are_none_or_nobodys(client: Any) -> None:
    assert (await client.get("/v1/evidence/EV1/timestamp")).status_code == 422
    number = format_number(1_790_000_000_000, 77)
    assert (await client.get(f"/v1/evidence/{number}/timestamp")).status_code == 404


# What goes into a bundle.


async def test_a_bundle_holds_what_stamps_its_deposits(
    client: Any, bench: Bench, clock: Any
) -> None:
    """The first deposit lies under a smaller tree, the second under the stamped one itself."""
    made = [await deposit(client), await deposit(client)]
    proofs = [each["proof"].encode() for each in made]
    await bench.look()
    found = await gather(bench.gateway.reaching, [parse_proof(each) for each in proofs], PLATFORM)
    files = core([Deposit(each) for each in proofs], found.stamped, found.certificates)
    (stamped,) = found.stamped
    size = stamped.checkpoint.size
    names = {path.rpartition("/")[2] for path in files if layout.TIMESTAMPS in path}
    sizes = [parse_proof(each).sealed.checkpoint.size for each in proofs]
    path = f"consistency-{sizes[0]}-{size}.txt"
    assert sizes[1] == size
    assert names == {f"{size}.body", f"{size}.tsq", f"{size}.tsr", path, "tsa-info.json"}
    assert [each and each.token.authority for each in found.tokens] == ["one", "one"]
    pems = {name: files[f"{layout.CERTIFICATES}{name}.pem"] for name in found.certificates.files}
    assert set(pems) == {"tsa-one", "root-copy-tsa-one", "platform-p256", "platform-sm2"}
    assert CertificateUse.SM2.zh in (found.certificates.six_items or "")
    verifiers, roots = vouching(clock() // 1000), [format_certificates(ROOTS.roots)]
    assert verifiers.token is not None
    body, response = files[layout.body(size)], files[layout.token(size)]
    told = verifiers.token(body, response, enclosed=list(pems.values()), roots=roots)
    assert (told.time_ms, told.independent) == (clock(), False)
    signature = files[layout.body_sm2(size)]
    assert verifiers.sm2 is not None
    verifiers.sm2(body, signature, enclosed=list(pems.values()), roots=roots, at_ms=told.time_ms)


async def test_a_bundle_made_twice_holds_the_same_bytes(client: Any, bench: Bench) -> None:
    made = await deposit(client)
    proof = parse_proof(made["proof"].encode())
    await bench.look()
    first = await gather(bench.gateway.reaching, [proof], PLATFORM)
    await deposit(client)
    await bench.look(after_s=EVERY_S)
    second = await gather(bench.gateway.reaching, [proof], PLATFORM)
    assert first == second


async def test_without_a_token_the_signatures_go_along(client: Any, bench: Bench) -> None:
    made = await deposit(client)
    proof = parse_proof(made["proof"].encode())
    nothing = await gather(bench.gateway.reaching, [proof], PLATFORM)
    assert (nothing.stamped, nothing.tokens) == ((), (None,))
    bench.down.add("one")
    await bench.look()
    found = await gather(bench.gateway.reaching, [proof], PLATFORM)
    (signed,) = found.stamped
    assert (signed.response, found.tokens) == (None, (None,))
    assert signed.cms is not None
    assert core([Deposit(made["proof"].encode())], found.stamped, found.certificates)


# Settings.


def written(tmp_path: Path, text: str) -> GatewayConfig:
    base = (
        'listen = "127.0.0.1:1"\ngenesis = "g"\nkey = "k"\ncertificate = "c"\nprivate_key = "p"\n'
        'database = "sqlite+aiosqlite:///x"\nvault_key = "v"\n'
    )
    members = '[[members]]\nname = "court"\naddress = "a:1"\ncertificate = "c"\n'
    path = tmp_path / "gateway.toml"
    path.write_text(base + text + members)
    return load_gateway(path)


def test_without_settings_nothing_is_signed_or_asked(tmp_path: Path) -> None:
    assert load_for_courts(written(tmp_path, "")) == FOR_NO_COURT


def test_authorities_are_read_with_their_roots(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_bytes(format_certificates(ROOTS.roots))
    text = 'timestamp_every_s = 300\n[[timestamp_authorities]]\nname = "a"\nurl = "https://a/"\n'
    text += 'roots = "roots.pem"\nimprint = "sm3"\npolicy = "1.2.3"\n'
    found = load_for_courts(written(tmp_path, text))
    assert found.authorities == (Asked("a", "https://a/", ROOTS, SM3, "1.2.3"),)
    assert found.every_s == 300


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("timestamp_every_s = 0\n", "not 1 or more"),
        ('[platform]\np256_key = "k"\n', "go together"),
        ('[platform]\npdf_key = "k.p12"\n', "`pdf_key` and `pdf_password` go together"),
        ('[[timestamp_authorities]]\nname = "a"\nurl = "ftp://a"\nroots = "r"\n', "not https"),
        (2 * '[[timestamp_authorities]]\nname = "a"\nurl = "http://a"\nroots = "r"\n', "twice"),
        (
            '[[timestamp_authorities]]\nname = "a"\nurl = "http://a"\nroots = "r"\n'
            'imprint = "md5"\n',
            "is none of sha256, sm3",
        ),
    ],
)
def test_settings_that_are_wrong_are_named(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        written(tmp_path, text)


def test_roots_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "roots.pem").write_text("nothing")
    text = '[[timestamp_authorities]]\nname = "a"\nurl = "https://a/"\nroots = "roots.pem"\n'
    with pytest.raises(Misconfigured, match="no certificate in PEM"):
        load_for_courts(written(tmp_path, text))


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        (holder(root(), seed="another").leaf, "not the one of this key"),
        (None, "no certificate in PEM"),
    ],
)
def test_a_key_that_is_not_its_certificates_is_named(
    tmp_path: Path, certificate: Certificate | None, why: str
) -> None:
    """The gateway does not start with it: it would hand out signatures that count for nothing."""
    keyfile.create(tmp_path / "key.pem", "", P256)
    pem = b"" if certificate is None else format_certificates([certificate])
    (tmp_path / "certificate.pem").write_bytes(pem)
    text = '[platform]\np256_key = "key.pem"\np256_certificate = "certificate.pem"\n'
    with pytest.raises(Misconfigured, match=why):
        load_for_courts(written(tmp_path, text))


def test_a_key_for_pdfs_needs_its_password_and_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "key.p12").write_bytes(issue("示例存证平台", issue("示例根")).pkcs12())
    password = tmp_path / "password"
    password.write_bytes(PASSWORD + b"\n")
    text = '[platform]\npdf_key = "key.p12"\npdf_password = "password"\n'
    with pytest.raises(Misconfigured, match="can be read by others"):
        load_for_courts(written(tmp_path, text))
    password.chmod(0o600)
    found = load_for_courts(written(tmp_path, text))
    assert found.pdf_key is not None
    (told,) = _of_courts(found)
    assert told.der == found.pdf_key.certificate
    assert end_of(told.der) is not None
    for wrong in (b"", b"another\n"):
        password.write_bytes(wrong)
        with pytest.raises(Misconfigured, match="file or its password is wrong"):
            load_for_courts(written(tmp_path, text))
    (tmp_path / "key.p12").unlink()
    with pytest.raises(Misconfigured, match=r"key\.p12"):
        load_for_courts(written(tmp_path, text))


def test_the_ends_of_certificates_that_sign_for_courts_are_watched() -> None:
    """Also that of the suite which few tools know."""
    told = list(_of_courts(ForCourts(PLATFORM, (), EVERY_S)))
    assert [each.name for each in told] == [
        "the platform's P-256 certificate",
        "the platform's SM2 certificate",
    ]
    assert {end_of(each.der) for each in told} == {float(NOW_S + YEAR_S)}


def test_a_platform_without_keys_signs_nothing() -> None:
    assert PlatformConfig() == PlatformConfig(None, None, None, None)
    assert Platform().sign(b"", 0).p7s is None
