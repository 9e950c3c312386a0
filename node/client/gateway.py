"""What can be asked of a gateway, and what it answers as values.

Nothing here is verified further than its shape: `client` does that, and whoever calls this says so.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, BinaryIO

from node.client.connection import PAUSE_S_MIN, Connection, Into
from node.client.errors import ClientError, NotMade, NotUnderstood
from node.client.hashing import HashedFile
from node.client.values import (
    Attested,
    Found,
    Part,
    Searched,
    WantedBundle,
    count_of,
    encoded,
    read_attested,
    read_found,
    read_parts,
    text_of,
)
from node.evidence.enrolment import KeyRecord, parse_key_record
from node.evidence.keys import PublicKey, Signature, format_signature
from node.evidence.malformed import Malformed
from node.evidence.policy import parse_policy
from node.evidence.succession import Succession, parse_policies
from node.words import State

BUNDLE_SIZE_MAX = 1 << 30
"""As large as all files of a bundle but its originals may be."""
BUNDLE_TIMEOUT_S = 1_800.0
"""For all of it over a slow line."""
WAIT_MS = 5_000
"""How long one request lets the gateway wait for the seals before it asks again."""

_FINISHED = (State.FINAL, State.FAILED)
_JSON = {"content-type": "application/json"}


class Gateway:
    """The gateways of a connection, as one. Use as a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.__exit__()

    # Deposits.

    def deposit(
        self,
        statement: bytes,
        signature: Signature,
        packed: bytes,
        *,
        idempotency_key: str,
        plain: bool,
        patience_s: float,
    ) -> Part:
        """Deposit one statement; sending the same again later asks for how far it has come."""
        headers = {
            "content-type": "application/octet-stream",
            "idempotency-key": idempotency_key,
            "cunzheng-statement": base64.b64encode(statement).decode(),
            "cunzheng-signature": format_signature(signature),
        }
        query = {"plain_declaration": "true"} if plain else {}
        parts = read_parts(self._until_finished(query, headers, packed, patience_s))
        if len(parts) != 1:
            raise self._connection.nonsense("not one statement")
        return parts[0]

    def attest(
        self,
        files: Sequence[HashedFile],
        details: Sequence[Mapping[str, str]],
        terms: Mapping[str, object],
        *,
        idempotency_key: str,
        patience_s: float,
    ) -> list[Attested]:
        """Have the gateway salt digests and sign the statements: its word, not the depositor's."""
        items = [
            {
                "digests": {alg: value.hex() for alg, value in file.digests.digests.items()},
                "size": file.digests.size,
                "details": dict(said),
            }
            for file, said in zip(files, details, strict=True)
        ]
        headers = _JSON | {"idempotency-key": idempotency_key}
        # One spelling: a retry must have the same bytes.
        body = json.dumps({"items": items, **terms}, sort_keys=True).encode()
        return read_attested(self._until_finished({}, headers, body, patience_s))

    def _until_finished(
        self,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
        patience_s: float,
    ) -> dict[str, Any]:
        """The answer once the deposit is final or has failed, or the last one in time."""
        clock, answered = self._connection.clock, False
        until_s = clock.now_s() + patience_s
        while True:
            left_s = max(until_s - clock.now_s(), 0.0)
            wait_ms = str(min(WAIT_MS, int(left_s * 1000)))
            asked = {"wait": "final", "wait_ms": wait_ms, **query}
            try:
                value = self._connection.ask_json(
                    "POST",
                    "/v1/anchors:batch",
                    left_s,
                    params=asked,
                    content=body,
                    headers=headers,
                )
            except ClientError as error:
                error.nothing_taken &= not answered
                raise
            answered = True
            finished = all(part.state in _FINISHED for part in read_parts(value))
            if finished or clock.now_s() >= until_s:
                return value
            clock.sleep(PAUSE_S_MIN)

    # Look-ups.

    def proof(self, number: str, patience_s: float) -> bytes:
        """The proof of an evidence number in public form."""
        return self._connection.ask("GET", f"/v1/evidence/{number}/proof", patience_s)[1]

    def bundle(
        self,
        wanted: WantedBundle,
        out: BinaryIO,
        *,
        idempotency_key: str,
        patience_s: float,
        told: Callable[[int, int], None] = lambda _done, _all: None,
    ) -> str:
        """The archive of an evidence bundle, which is made now, into a file; its name. Meanwhile
        `told` hears of how many deposits out of how many the proofs are collected."""
        clock, path = self._connection.clock, wanted.path
        until_s, headers = clock.now_s() + patience_s, _JSON | {"idempotency-key": idempotency_key}
        body = wanted.body
        value = self._connection.ask_json("POST", path, patience_s, content=body, headers=headers)
        place = f"{path}/{text_of(value, 'bundle_id')}"
        while text_of(value, "state") not in ("READY", "FAILED") and clock.now_s() < until_s:
            told(count_of(value, "collected"), count_of(value, "deposits"))
            clock.sleep(PAUSE_S_MIN)
            value = self._connection.ask_json("GET", place, patience_s)
        if text_of(value, "state") != "READY":
            raise NotMade(str(value.get("problem") or "not in time"))
        into = Into(out, BUNDLE_SIZE_MAX, BUNDLE_TIMEOUT_S)
        self._connection.ask("GET", f"{place}/archive", patience_s, into=into)
        return text_of(value, "name")

    def look_up(self, number: str, patience_s: float) -> tuple[Found | None, Searched]:
        """What a number alone tells, and up to where everything was looked at."""
        value = self._connection.ask_json("GET", f"/v1/evidence/{number}", patience_s)
        found, searched = read_found(value, "deposit")
        return found[0] if found else None, searched

    def search(self, digest: bytes, alg: str, patience_s: float) -> tuple[list[Found], Searched]:
        """The deposits of a plain digest, oldest first."""
        query = {"digest": digest.hex(), "alg": alg}
        value = self._connection.ask_json("GET", "/v1/evidence", patience_s, params=query)
        return read_found(value, "deposits")

    # Policies and keys.

    def policy_text(self, patience_s: float) -> bytes:
        """The policy in force, as this gateway has it: not a trust anchor, only what it says."""
        value = self._connection.ask_json("GET", "/v1/policy", patience_s)
        text = encoded(text_of(value, "policy_text"))
        try:
            parse_policy(text)
        except Malformed as error:
            raise self._nonsense(error) from error
        return text

    def policies(self, patience_s: float) -> Succession:
        """All policies of the chain as this gateway has them, each following the one before it."""
        try:
            return parse_policies(self._connection.ask("GET", "/v1/policies", patience_s)[1])
        except Malformed as error:
            raise self._nonsense(error) from error

    def submit_policy(self, note: bytes, patience_s: float) -> dict[str, Any]:
        """A signed policy note, onto the chain."""
        headers = {"content-type": "text/plain"}
        return self._connection.ask_json(
            "POST", "/v1/policies", patience_s, content=note, headers=headers
        )

    def hand_in(
        self, record: bytes, authority: PublicKey, signature: Signature, patience_s: float
    ) -> dict[str, Any]:
        """A key record signed by an enrolling authority, onto the chain."""
        body = {
            "record": record.decode("ascii"),
            "authority": authority.text,
            "signature": format_signature(signature),
        }
        content = json.dumps(body)
        return self._connection.ask_json(
            "POST", "/v1/keys", patience_s, content=content, headers=_JSON
        )

    def key_records(self, key: PublicKey, patience_s: float) -> tuple[list[KeyRecord], int]:
        """What the chain has about a key as this gateway tells it, and the next serial."""
        value = self._connection.ask_json("GET", "/v1/keys", patience_s, params={"key": key.text})
        told, serial = value.get("records"), value.get("next_serial")
        if not isinstance(told, list) or not isinstance(serial, int) or serial < 1:
            raise self._connection.nonsense("no list of records")
        try:
            records = [
                parse_key_record(encoded(text_of(each, "record")))
                for each in told
                if isinstance(each, dict)
            ]
        except Malformed as error:
            raise self._nonsense(error) from error
        return records, serial

    # The published log, and how the gateway is.

    def part(self, path: str, patience_s: float) -> bytes | None:
        """A part of the published log (docs/published-log.md), or None if it is not there. The
        address may as well be that of a web server with an archive."""
        status, body = self._connection.ask("GET", f"/{path}", patience_s, accept=(200, 404))
        return body if status == 200 else None

    def ready(self) -> dict[str, Any]:
        """Whether deposits can become final now, and how the members are; a 503 says it too."""
        return self._connection.ask_json("GET", "/readyz", 0, accept=(200, 503))

    def _nonsense(self, error: Malformed) -> NotUnderstood:
        return self._connection.nonsense(str(error))
