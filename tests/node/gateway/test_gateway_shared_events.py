"""Events at one gateway of deposits that another one of the database attested, with its own key."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest

from node.evidence.events import details_digest
from node.evidence.keys import Signer
from node.evidence.number import format_number
from node.evidence.statement import Event, Subject, format_statement, parse_statement, statement_id
from node.gateway.events import attesting, eventing
from node.offchain.events import EventOpening, EventStore, NewEvent
from node.offchain.requests import StoredStatement
from node.vault.keys import VaultKey
from node.vault.sealing import Vault
from tests.databases import ON_BOTH
from tests.node.gateway.admitted import VAULT_KEY

pytestmark = [pytest.mark.anyio, ON_BOTH]

OTHER, NEXT = Signer(b"\x22" * 32), Signer(b"\x23" * 32)
DEPOSIT = {"digests": {"sha256": "01" * 32}, "size": 1}
REASON = {"reason": "标题有误", "details": {"title": "补充协议"}}
NO_TIME = {"wait": "final", "wait_ms": 0}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other closely."""
    monkeypatch.setattr(attesting, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(eventing, "SIGNED_EVERY_S", 0.01)


class Platform:
    """Two gateways with different keys on one database; the first has attested a deposit."""

    def __init__(self, cluster: Any, make_gateway: Any, clients: Any) -> None:
        self.cluster = cluster
        self._make, self._clients = make_gateway, clients

    async def start(self, **options: Any) -> Any:
        """A client of one more gateway."""
        return self._clients(await self._make(**options))

    async def stop(self, client: Any) -> None:
        await self._make.stop(client.gateway)

    async def found(self) -> None:
        self.cluster.apply([self.cluster.world.key("enrol", OTHER.public, role="gateway")])
        self.first, self.second = await self.start(), await self.start(signer=OTHER)
        response = await self.first.anchor(DEPOSIT)
        assert response.status_code == 201, response.text
        self.made = response.json()

    def url(self, what: str) -> str:
        return f"/v1/evidence/{self.made['evidence_no']}/{what}"

    def rotate(self) -> None:
        """The first gateway's key is replaced by one that no other gateway has."""
        old, new = self.cluster.world.gateway.public, NEXT.public
        self.cluster.apply(
            [self.cluster.world.key("rotate", old, 2, successor=new, role="gateway")]
        )

    async def events(self, client: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await client.get(self.url("events"))).json()["events"]
        return found

    @property
    def subject(self) -> Subject:
        return Subject(self.made["evidence_no"], bytes.fromhex(self.made["statement_id"]))


@pytest.fixture
async def platform(cluster: Any, make_gateway: Any, clients: Any) -> Platform:
    platform = Platform(cluster, make_gateway, clients)
    await platform.found()
    return platform


async def test_the_gateway_that_attested_the_deposit_signs_whoever_was_asked(
    platform: Platform,
) -> None:
    response = await platform.second.post(platform.url("corrections"), REASON, key="k")
    answer = response.json()
    assert (response.status_code, answer["state"]) == (201, "FINAL"), response.text
    event = parse_statement(answer["statement"].encode())
    attested_by = platform.cluster.world.gateway.public
    assert (event.key, answer["receipt"]["gateway"]) == (attested_by, attested_by.text)
    for client in (platform.first, platform.second):
        again = await client.post(platform.url("corrections"), REASON, key="k")
        assert (again.status_code, again.json()) == (200, answer)
        (told,) = await platform.events(client)
        assert (told["effect"], told["details"]["title"]) == (True, "补充协议")
    other = await platform.first.post(platform.url("corrections"), {"reason": "x"}, key="k")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")


async def test_while_that_one_is_away_the_event_waits_unsigned(platform: Platform) -> None:
    await platform.stop(platform.first)
    response = await platform.second.post(
        platform.url("custody"), REASON, key="k", params={"wait": "final", "wait_ms": 100}
    )
    waiting = response.json()
    assert (response.status_code, waiting["state"]) == (202, "RECEIVED")
    assert not {"signature", "receipt", "entry_hash"} & waiting.keys()
    assert any("waits for the signature" in each for each in waiting["notices"])
    retry = await platform.second.post(platform.url("custody"), REASON, key="k", params=NO_TIME)
    assert (retry.status_code, retry.json()) == (202, waiting)
    other = await platform.second.post(platform.url("custody"), {"reason": "x"}, key="k")
    assert (other.status_code, other.json()["code"]) == (409, "IDEMPOTENCY_MISMATCH")
    assert await platform.events(platform.second) == []
    await platform.start()
    answer = (await platform.second.post(platform.url("custody"), REASON, key="k")).json()
    assert (answer["state"], answer["statement"]) == ("FINAL", waiting["statement"])
    assert answer["opening"] == waiting["opening"]
    assert len(await platform.events(platform.second)) == 1


async def test_one_request_at_both_at_once_is_one_event(platform: Platform) -> None:
    answers = await asyncio.gather(
        *(
            client.post(platform.url("custody"), REASON, key=f"key-{n}")
            for n in range(4)
            for client in (platform.first, platform.second)
        )
    )
    assert {each.json()["state"] for each in answers} == {"FINAL"}
    assert len({json.dumps(each.json()["statement"]) for each in answers}) == 4
    assert len(await platform.events(platform.first)) == 4


async def test_whose_key_came_in_its_place_signs(platform: Platform) -> None:
    await platform.stop(platform.first)
    platform.rotate()
    waits = await platform.second.post(platform.url("custody"), REASON, key="k", params=NO_TIME)
    assert (waits.status_code, waits.json()["state"]) == (202, "RECEIVED")
    in_its_place = await platform.start(signer=NEXT)
    for client, key in ((platform.second, "k"), (in_its_place, "own")):
        answer = (await client.post(platform.url("custody"), REASON, key=key)).json()
        event = parse_statement(answer["statement"].encode())
        assert (answer["state"], event.key) == ("FINAL", NEXT.public)
    assert [each["effect"] for each in await platform.events(platform.second)] == [True, True]


async def test_for_a_revoked_key_nobody_signs(platform: Platform) -> None:
    world = platform.cluster.world
    platform.cluster.apply([world.key("revoke", world.gateway.public, 2, role="gateway")])
    response = await platform.second.post(platform.url("custody"), REASON, key="later")
    assert (response.status_code, response.json()["code"]) == (403, "EVENT_OTHER_KEY")


async def test_what_waits_for_a_key_that_has_ended_fails(platform: Platform) -> None:
    await platform.stop(platform.first)
    await platform.second.post(platform.url("custody"), REASON, key="k", params=NO_TIME)
    platform.rotate()
    await platform.start()
    answer = await platform.second.post(platform.url("custody"), REASON, key="k")
    assert (answer.status_code, answer.json()["state"]) == (200, "FAILED")
    assert "does not make this event" in answer.json()["reason"]
    await platform.start(signer=NEXT)
    response = await platform.second.post(platform.url("custody"), REASON, key="later")
    assert response.status_code == 201, response.text


@pytest.mark.parametrize(
    ("changes", "account", "vault"),
    [
        ({"type": "hold"}, "acme", VAULT_KEY),
        ({}, "rival", VAULT_KEY),
        ({"subject": Subject(format_number(1_790_000_000_000, 77), bytes(32))}, "acme", VAULT_KEY),
        ({"details": bytes(32)}, "acme", VAULT_KEY),
        ({}, "acme", None),
        ({}, "acme", VaultKey(bytes(32))),
        ({"type": "correction"}, "acme", VAULT_KEY),
        ({"key": OTHER.public}, "acme", VAULT_KEY),
        ({"origin": ""}, "acme", VAULT_KEY),
        ({"nonce": b"\x01" * 16, "type": "invalidation"}, "acme", VAULT_KEY),
    ],
    ids=[
        "court",
        "account",
        "deposit",
        "details",
        "unopened",
        "vault",
        "digest",
        "key",
        "malformed",
        "swapped",
    ],
)
async def test_what_was_written_into_the_database_is_judged_and_not_just_signed(
    platform: Platform, eventually: Any, changes: Any, account: str, vault: VaultKey | None
) -> None:
    """A statement that no gateway would have prepared gets no signature."""
    gateway, world = platform.first.gateway, platform.cluster.world
    details = b'{"sha256":["000102030405060708090a0b0c0d0e0f","%s"]}' % (b"01" * 32)
    own = world.gateway.public
    event = Event(
        origin=world.origin,
        key=own,
        nonce=bytes(16),
        claimed_at=1_790_000_000_000,
        type="custody",
        details=details_digest(bytes(32), details),
        subject=platform.subject,
        submitter=bytes(32),
    )
    statement = b"{}" if "origin" in changes else format_statement(replace(event, **changes))
    # In place of the one that was prepared, whose opening is there, or as a new one.
    identity = statement_id(format_statement(event) if "nonce" in changes else statement)
    row = StoredStatement(account, "forged", 0, bytes(32), identity, statement, 1, awaits=own.text)
    new = NewEvent(
        identity, "EV", bytes(32), account, "custody", 1, EventOpening(bytes(32), details)
    )
    beside = []
    if vault is not None:
        beside.append(EventStore(gateway.database, Vault(vault)).adding(new))
    await gateway.store.add([row], *beside)

    async def settled() -> bool:
        (kept,) = await gateway.store.under_key(account, "forged")
        return kept.skipped is not None

    await eventually(settled)
    assert identity not in platform.cluster.statements
    assert await platform.events(platform.first) == []
