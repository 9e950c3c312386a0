"""What an operator of a gateway must look at is said before it is too late."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from node.errors import Misconfigured
from node.gateway.operating import alarms
from node.gateway.operating.alarms import Alarms, Certificate
from node.offchain.deposit_values import FINAL_WITHIN_MS
from node.settings import read_chain
from node.words import State

pytestmark = pytest.mark.anyio

BODY = {"digests": {"sha256": "01" * 32}, "size": 1}
REMEDY = "see Certificates end in docs/operations.md"


@pytest.fixture(autouse=True)
def only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests look themselves."""
    monkeypatch.setattr(alarms, "LOOK_EVERY_S", 3_600)
    monkeypatch.setattr("node.gateway.deposits.finality.LOOK_EVERY_S", 3_600)
    monkeypatch.setattr("node.gateway.log.publishing.FRESH_S", 0)


def made(end: datetime, encoding: Encoding = Encoding.DER) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(end - timedelta(days=400))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
        .public_bytes(encoding)
    )


async def test_certificates_that_end_soon_are_named_and_logged_once(
    gateway: Any, clock: Any, caplog: Any
) -> None:
    now = datetime.fromtimestamp(clock() // 1000, UTC)
    looking = Alarms(
        gateway.deposits,
        clock,
        [
            Certificate("the TLS certificate of court", made(now + timedelta(days=90))),
            Certificate("this gateway's TLS certificate", made(now + timedelta(days=31))),
            Certificate("what is none", b"none"),
        ],
    )
    assert looking.first_end_s() == (now + timedelta(days=31)).timestamp()
    with caplog.at_level(logging.WARNING, alarms.__name__):
        await looking.look()
        assert (looking.now(), caplog.messages) == ([], [])
        clock.now += 2 * 86_400_000
        await looking.look()
        await looking.look()
    said = [f"this gateway's TLS certificate ends in 28 days; {REMEDY}"]
    assert looking.now() == caplog.messages == said
    clock.now += 30 * 86_400_000
    assert looking.now() == [f"this gateway's TLS certificate has ended; {REMEDY}"]


async def overdue(client: Any, **conditions: str) -> dict[str, bool]:
    """What the account's list says, by statement."""
    listed = (await client.get("/v1/deposits", params=conditions)).json()["deposits"]
    return {each["statement_id"]: each["overdue"] for each in listed}


async def test_a_deposit_that_is_not_final_after_a_day_is_an_alarm_until_it_is(
    client: Any, cluster: Any, clock: Any, eventually: Any
) -> None:
    gateway, metric = client.gateway, "cunzheng_deposits_overdue"
    cluster.sealing.clear()
    answer = (await client.anchor(BODY, params={"wait": "committed"})).json()
    statement = bytes.fromhex(answer["statement_id"])

    async def committed() -> bool:
        return (await gateway.deposits.by_id(statement)).state is State.COMMITTED

    await eventually(committed)
    clock.now = answer["times"]["accepted_at"]["ms"] + FINAL_WITHIN_MS
    await gateway.alarms.look()
    assert (await client.get("/readyz")).json()["alarms"] == []
    assert await overdue(client) == {answer["statement_id"]: False}
    clock.now += 1
    await gateway.alarms.look()
    said = ["deposits not final a day after they came in: 1"]
    assert (await client.get("/readyz")).json()["alarms"] == said
    assert await overdue(client) == {answer["statement_id"]: True}
    assert await overdue(client, overdue="true") == {answer["statement_id"]: True}
    assert (await client.get(f"/v1/deposits/{answer['statement_id']}")).json()["overdue"] is True
    registry = gateway.metrics.registry
    assert registry.get_sample_value(metric) == registry.get_sample_value("cunzheng_alarms") == 1
    cluster.sealing.set()
    await gateway.finality.look()
    await gateway.alarms.look()
    assert (await client.get("/readyz")).json()["alarms"] == []
    assert registry.get_sample_value(metric) == 0
    assert await overdue(client) == {answer["statement_id"]: False}
    assert await overdue(client, overdue="true") == {}


def test_a_chain_of_certificates_is_read_whole(tmp_path: Path) -> None:
    end = datetime(2027, 1, 1, tzinfo=UTC)
    first, second = made(end, Encoding.PEM), made(end, Encoding.PEM)
    path = tmp_path / "chain.pem"
    path.write_bytes(b"subject=gateway\n" + first + b"\n" + second)
    ders = [
        x509.load_pem_x509_certificate(each).public_bytes(Encoding.DER) for each in (first, second)
    ]
    assert read_chain(path) == ders
    path.write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(Misconfigured):
        read_chain(path)
