"""Enrol a devnet's keys: the authority signs a record for each, a gateway brings it to the chain.

Only keys of which the chain knows nothing yet; so a devnet that was interrupted here goes on where
it stopped.
"""

import time

import httpx

from devnet.places import Places
from node import keyfile
from node.evidence.enrolment import KeyRecord, format_key_record
from node.evidence.keys import PublicKey, format_signature
from node.evidence.record import parse_genesis
from node.gateway.members.client import Members

TIMEOUT_S = 20.0
"""Outlasts an election."""


class NotEnrolled(Exception):
    """The gateway did not bring a key record to the chain; says what it answered."""


async def enrol_keys(places: Places, gateway_url: str, members: Members) -> None:
    """Enrol the gateways' keys and the depositor's, unless `members` say they are enrolled."""
    keys = [(places.directory / name / "key.pem", "gateway") for name in places.gateways]
    keys.append((places.depositor_key, "depositor"))
    async with httpx.AsyncClient(
        base_url=gateway_url, timeout=TIMEOUT_S, trust_env=False
    ) as client:
        for path, role in keys:
            key = keyfile.load_signer(path).public
            if not await members.key_entries(key.text):
                await _enrol(client, places, key, role)


async def _enrol(client: httpx.AsyncClient, places: Places, key: PublicKey, role: str) -> None:
    authority = keyfile.load_signer(places.authority_key)
    record = format_key_record(
        KeyRecord(
            origin=parse_genesis(places.genesis.read_bytes()).note.origin,
            action="enrol",
            effective=time.time_ns() // 1_000_000,
            key=key,
            role=role,
            serial=1,
        )
    )
    answer = await client.post(
        "/v1/keys",
        json={
            "record": record.decode(),
            "authority": authority.public.text,
            "signature": format_signature(authority.sign(record)),
        },
    )
    if not answer.is_success:
        raise NotEnrolled(f"{answer.status_code} {answer.text}")
