"""A gateway that ends TLS itself: who shows a registered certificate is let in, and nobody else."""

import asyncio
import datetime
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from node.accounts.action import Action
from node.accounts.scopes import Scope
from node.accounts.vocabulary import KeyKind
from node.config import TlsConfig
from node.errors import Misconfigured
from node.gateway.accounts.auth import REMEMBER_MS
from node.gateway.app import create_app
from node.gateway.http.serving import Server, listen
from node.gateway.http.tls import server_context

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}
PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Issuer:
    """An authority that issues certificates of clients."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def named(cls, name: str) -> "Issuer":
        key = ec.generate_private_key(ec.SECP256R1())
        return cls(key, _certificate(name, key.public_key(), name, key, is_authority=True))

    def issue(self, folder: Path, name: str) -> tuple[Path, str]:
        """A file with a client's certificate and key, and the certificate's SHA-256."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer = self.certificate.subject.rfc4514_string().removeprefix("CN=")
        made = _certificate(name, key.public_key(), issuer, self.key, is_authority=False)
        private = key.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = folder / f"{name}.pem"
        path.write_bytes(made.public_bytes(PEM) + private)
        der = made.public_bytes(serialization.Encoding.DER)
        return path, hashlib.sha256(der).hexdigest()


def _certificate(
    name: str, public: Any, issuer: str, signer: Any, *, is_authority: bool
) -> x509.Certificate:
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36_500))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )


@pytest.fixture
def issuer() -> Issuer:
    return Issuer.named("Example client authority")


@pytest.fixture
async def address(client: Any, tls: Any, issuer: Issuer, tmp_path: Path) -> AsyncIterator[str]:
    """Where the client's gateway serves over TLS, and takes certificates of the issuer."""
    (tmp_path / "c.pem").write_bytes(tls["gateway"].certificate)
    (tmp_path / "k.pem").write_bytes(tls["gateway"].private_key)
    (tmp_path / "authorities.pem").write_bytes(issuer.certificate.public_bytes(PEM))
    settings = TlsConfig(tmp_path / "c.pem", tmp_path / "k.pem", tmp_path / "authorities.pem")
    with listen("127.0.0.1:0") as listener:
        app, context = create_app(client.gateway), server_context(settings)
        server = Server(app, backlog=16, shutdown_s=5, tls=context)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
        server.stop()
        await serving


@pytest.fixture
def browse(address: str, tmp_path: Path) -> Callable[..., httpx.AsyncClient]:
    """A client that trusts the gateway, and may show a certificate."""

    def make(shown: Path | None = None, **options: Any) -> httpx.AsyncClient:
        context = ssl.create_default_context(cafile=str(tmp_path / "c.pem"))
        context.check_hostname = False
        if shown is not None:
            context.load_cert_chain(shown)
        return httpx.AsyncClient(base_url=address, verify=context, trust_env=False, **options)

    return make


async def test_a_registered_certificate_lets_its_holder_in(
    client: Any, clock: Any, browse: Any, issuer: Issuer, tmp_path: Path
) -> None:
    shown, digest = issuer.issue(tmp_path, "acme")
    scopes = {Scope.DEPOSIT, Scope.ACCOUNT}
    credentials = client.gateway.credentials
    key = await credentials.add_account_key("acme", KeyKind.CERTIFICATE, digest, scopes, clock.now)
    async with browse(shown) as http:
        value = (await http.get("/v1/account")).json()
        assert (value["account"], value["credential"]) == ("acme", key.id)
        assert value["scopes"] == ["deposit", "account"]
        deposited = await http.post("/v1/anchors", json=BODY, headers={"idempotency-key": "1"})
        assert deposited.status_code == 201
        # Also where anybody may ask, its holder is named if it is refused.
        refused = await http.get(f"/v1/deposits/{deposited.json()['statement_id']}")
        assert (refused.status_code, refused.json()["code"]) == (403, "SCOPE_MISSING")
        lines = await client.gateway.accesses.between(0, clock.now + 1)
        assert [each.account for each in lines if each.action is Action.SCOPE_REFUSED] == ["acme"]
        # A header says who is asking, if there is one: it is not silently passed over.
        wrong = await http.get("/v1/account", headers={"authorization": "Bearer czk_"})
        assert wrong.json()["code"] == "API_KEY_UNKNOWN"
        await credentials.revoke_account_key("acme", key.id, clock.now)
        clock.now += REMEMBER_MS
        refused = await http.get("/v1/account")
        assert (refused.status_code, refused.json()["code"]) == (401, "CERTIFICATE_NOT_REGISTERED")


async def test_another_certificate_of_the_same_authority_is_nobody(
    client: Any, browse: Any, issuer: Issuer, tmp_path: Path
) -> None:
    shown, _ = issuer.issue(tmp_path, "somebody")
    async with browse(shown) as http:
        refused = await http.get("/v1/account")
        assert refused.json()["code"] == "CERTIFICATE_NOT_REGISTERED"
        assert (await http.get("/v1/consent")).status_code == 200
        # Where a credential may be left out, this is as good as none.
        number = (await client.anchor(BODY)).json()["evidence_no"]
        events = await http.get(f"/v1/evidence/{number}/events")
        assert events.status_code == 200, events.text


async def test_a_certificate_of_a_stranger_is_not_even_met(
    client: Any, clock: Any, browse: Any, tmp_path: Path
) -> None:
    """Also one that was registered: it was issued by nobody this gateway was told of."""
    shown, digest = Issuer.named("Example client authority").issue(tmp_path, "stranger")
    await client.gateway.credentials.add_account_key(
        "acme", KeyKind.CERTIFICATE, digest, {Scope.DEPOSIT}, clock.now
    )
    async with browse(shown) as http:
        with pytest.raises(httpx.TransportError):
            await http.get("/v1/account")


async def test_without_a_certificate_all_is_as_ever(client: Any, browse: Any) -> None:
    async with browse() as http:
        assert (await http.get("/v1/account")).json()["code"] == "API_KEY_MISSING"
        key = {"authorization": client.http.headers["authorization"]}
        assert (await http.get("/v1/account", headers=key)).json()["account"] == "acme"


async def test_no_header_says_that_a_certificate_was_shown(client: Any, clock: Any) -> None:
    digest = "ab" * 32
    await client.gateway.credentials.add_account_key(
        "acme", KeyKind.CERTIFICATE, digest, {Scope.ACCOUNT}, clock.now
    )
    del client.http.headers["authorization"]
    for name in ("client-certificate", "x-client-cert", "x-ssl-client-fingerprint", "client-cert"):
        response = await client.get("/v1/account", headers={name: digest})
        assert response.json()["code"] == "API_KEY_MISSING"


@pytest.mark.parametrize("wrong", ["certificate", "private_key", "client_authorities"])
def test_files_that_do_not_fit_are_named(wrong: str, tls: Any, tmp_path: Path) -> None:
    for name, data in (
        ("certificate", tls["gateway"].certificate),
        ("private_key", tls["gateway"].private_key),
        ("client_authorities", tls["stranger"].certificate),
    ):
        (tmp_path / name).write_bytes(b"nonsense" if name == wrong else data)
    settings = TlsConfig(
        tmp_path / "certificate", tmp_path / "private_key", tmp_path / "client_authorities"
    )
    with pytest.raises(Misconfigured, match=wrong):
        server_context(settings)
    (tmp_path / wrong).unlink()
    with pytest.raises(Misconfigured, match=wrong):
        server_context(settings)


def test_a_key_of_another_certificate_is_refused(tls: Any, tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(tls["gateway"].certificate)
    (tmp_path / "k").write_bytes(tls["stranger"].private_key)
    with pytest.raises(Misconfigured, match="not a certificate and its key"):
        server_context(TlsConfig(tmp_path / "c", tmp_path / "k"))
