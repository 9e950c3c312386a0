"""The gateway fuzzed from its own OpenAPI document: `sh scripts/fuzz`, and a shorter test.

    python -m tests.conformance.fuzzing [--examples N] [--seed N] [--keep DIR]

A devnet of real processes; a chain with deposits, cases and credentials to be found; then
`schemathesis run` with all its checks, twice: once with requests good and bad, which finds what is
answered wrongly, and once with good ones only, which finds what is done wrongly. What is good about
a good request beyond its shape `fuzz_hooks` knows: without it most would be answered 404 and never
get past the door. No check is switched off, and no answer but a fault is expected of none: which
refusals a well-formed request may meet is in `configuration`.

Two accounts: what withdraws a consent or revokes keys is asked by one of which nothing else
depends. The last line is one object; the exit code is 0 if every check passed, nothing was answered
with a fault, and there were enough cases, of each operation, and of answers 2xx among them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from devnet.accounts import admit, new_api_key
from devnet.cluster import Cluster
from node import keyfile
from node.accounts.vocabulary import Role
from node.client.client import connect
from node.config import load_gateway
from node.evidence.digests import sha256
from node.evidence.keys import Signer
from node.evidence.statement import receipt_number
from node.keyfile import load_vault_key
from node.offchain import revisions
from node.offchain.accounts import AccountStore
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.keys import VaultKey
from node.vault.sealing import Vault
from tests.conformance.fuzz_bodies import FUZZER, VICTIM, Known

ROOT = Path(__file__).parents[2]
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
HOOKS = "tests.conformance.fuzz_hooks"
COURT_ROLES = (Role.CLERK, Role.JUDGE)
ROLES = (
    Role.DEPOSITOR,
    Role.VERIFIER,
    Role.AUDITOR,
    Role.OPERATOR,
    Role.SECURITY_OFFICER,
    Role.DATA_PROTECTION_OFFICER,
    *COURT_ROLES,
)
COURT = "浙0192"
VICTIMS = (
    "/v1/account/consents",
    "/v1/account/api-keys",
    "/v1/account/api-keys/{key_id}/rotate",
    "/v1/account/api-keys/{key_id}",
    "/v1/account/keys",
    "/v1/account/keys/{key_id}",
)
"""What could take away the other account's own right to ask."""
CASES_MIN = 5_000
PER_OPERATION = 50
"""Cases that every operation must have had."""
GOOD_MIN = 0.3
"""The part of all answers that must be 2xx: what is refused at the door tests the door alone."""
BAD_EACH = 10
"""Random requests of the first pass, of each operation; most of its cases are bad in a known way,
made one by one from the document."""
REQUEST_S = 60
"""Of one request, on a busy machine: a filing of a thousand items is looked up one by one."""
AGAIN_MAX = 5
PATIENCE_S = 3_600
"""Of one pass; a tenth of it is usual."""


@dataclass(slots=True)
class Tally:
    """What came of it. `why`: what schemathesis found, in its words."""

    operations: int = 0
    cases: int = 0
    fewest: int = 0
    good: int = 0
    server_errors: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)

    def add(self, report: Path, cases: Counter[str]) -> None:
        """Count the answers of one run, by the operation that was asked."""
        statuses = Counter(self.statuses)
        with report.open(encoding="utf-8") as lines:
            answers = [each for line in lines for each in _cases(json.loads(line))]
        for operation, status in answers:
            cases[operation] += 1
            statuses[str(status)] += 1
            self.good += 200 <= status < 300
            # Without a member to ask 503 is the right answer; here all members are there.
            self.server_errors += status >= 500
        self.statuses = dict(statuses)
        self.cases, self.operations = sum(cases.values()), len(cases)
        self.fewest = min(cases.values(), default=0)

    @property
    def holds(self) -> bool:
        """Whether this was a fuzzing, and it found nothing."""
        enough = self.cases >= CASES_MIN and self.fewest >= PER_OPERATION
        good = self.good >= GOOD_MIN * self.cases
        return enough and good and not self.why and not self.server_errors


def _cases(event: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Operation and status of every answer that one event of a report tells of."""
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    for identity, each in recorder.get("interactions", {}).items():
        if (response := each.get("response")) is not None:
            case, operation = recorder["cases"][identity]["value"], recorder["label"]
            if " /" not in operation:  # A walk through several of them.
                operation = f"{case['method']} {case['path']}"
            yield operation, response["status_code"]


async def fuzz(directory: Path, examples: int, seed: int) -> Tally:
    """Start the devnet, make what is to be found, run both passes, and count."""
    cluster = Cluster(directory / "devnet", members=3, gateways=1)
    keys, now_ms = new_keys(), time.time_ns() // 1_000_000
    config = load_gateway(cluster.places.settings(cluster.gateways[0]))
    await revisions.upgrade(config.database)
    async with Database(config.database) as database:
        await admit_all(database, load_vault_key(config.vault_key), keys, now_ms)
    tally, cases = Tally(), Counter[str]()
    async with cluster:
        policy = cluster.places.policy.read_bytes()
        signer = keyfile.load_signer(cluster.places.depositor_key)
        url, key = cluster.gateway_url(), keys[FUZZER]
        known = await asyncio.to_thread(seeded, url, key, policy, signer, directory)
        for name, options in passes(examples, cases):
            report, seed = directory / f"{name}.ndjson", seed + 1
            options = (*options, "--seed", str(seed))
            tally.why += await run(url, keys, known, report, options)
            tally.add(report, cases)
    return tally


def passes(examples: int, cases: Counter[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and options of every run, one after the other; `cases` is how many there were so far.

    Where ids were told before, schemathesis draws from those and ends early when it has repeated
    itself: what has not been asked often enough then is asked once more, and that alone.
    """
    good = ("--mode", "positive", "--phases", "fuzzing")
    yield "all", ("--max-examples", str(BAD_EACH))
    yield "good", (*good, "--max-examples", str(examples))
    for again in range(AGAIN_MAX):
        few = [operation for operation, count in cases.items() if count < PER_OPERATION]
        if not few:
            return
        only = [each for operation in few for each in ("--include-name", operation)]
        yield f"again-{again}", (*good, "--max-examples", str(PER_OPERATION), *only)


def new_keys() -> dict[str, str]:
    """An API key for either account."""
    return {name: new_api_key() for name in (FUZZER, VICTIM)}


async def admit_all(
    database: Database, vault_key: VaultKey, keys: Mapping[str, str], now_ms: int
) -> None:
    """Both accounts, which may do everything; their clerk and judge are of the court whose cases
    are asked about."""
    accounts = AccountStore(database, Vault(vault_key), Finder(vault_key))
    for name, key in keys.items():
        await admit(database, vault_key, name, key, ROLES, now_ms)
        for role in COURT_ROLES:
            await accounts.grant(name, role, COURT, now_ms)


def seeded(url: str, api_key: str, policy: bytes, signer: Signer, directory: Path) -> Known:
    """Deposits of several kinds; what can be asked about, by the parameter that asks for it."""
    contents = [f"file {number}".encode() for number in range(8)]
    files = [directory / f"file-{number}" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    webhook = {"url": "http://127.0.0.1:9/nobody-there"}
    headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": "seeded"}
    with (
        httpx.Client(base_url=url, headers=headers, timeout=REQUEST_S, trust_env=False) as http,
        connect(url, api_key, policy=policy, signer=signer) as client,
    ):
        http.post("/v1/webhooks", json=webhook).raise_for_status()
        batches = [*client.prepare(files), *client.prepare(files[:1], mode="digest")]
        deposited = [client.deposit(batch) for batch in batches]
        attested = client.attest(files, idempotency_key="attested")
        deliveries = http.get("/v1/deliveries").raise_for_status().json()["deliveries"]
        origin = client.origin
    own = [proven.number for each in attested for proven in each.proofs()]
    signed = [proven.number for each in deposited for proven in each.proofs()]
    ids = [sha256(each.batch.statement_bytes) for each in deposited]
    return {
        "origin": [origin],
        "own": own,
        "path.number": [*own, *signed],
        "path.reference": [*own, *signed],
        "/v1/receipts/{number} number": [receipt_number(each) for each in ids],
        "/policies/{path} path": ["001"],
        "/bodies/{path} path": ["001", "002"],
        "path.height": ["0", "1", "2"],
        "path.delivery_id": [each["id"] for each in deliveries],
        "path.code": ["BUSY", "KEY_NOT_ENROLLED", "API_KEY_UNKNOWN"],
        "path.case_no": [f"（2026）{COURT}民初{number}号" for number in range(1, 41)],
        "query.q": [*own, sha256(contents[0]).hex()],
        "query.digest": [sha256(contents[0]).hex(), deposited[1].batch.items[0].item.hex()],
        "query.key": [signer.public.text],
    }


def configuration(keys: Mapping[str, str]) -> str:
    """What schemathesis is told: who asks, and what a good request may be refused with."""
    lines = [
        f'hooks = "{HOOKS}"',
        f"request-timeout = {REQUEST_S}",
        f'headers = {{ Authorization = "Bearer {keys[FUZZER]}" }}',
        "[checks.positive_data_acceptance]",
        # What a shape cannot say (check digits, digests of nothing, which fields go together) is
        # refused with 422, and a statement of one's own that is none with 400.
        'expected-statuses = ["2xx", 400, 401, 403, 404, 409, 413, 422]',
        "[checks.negative_data_rejection]",
        "expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]",
    ]
    for path in VICTIMS:
        lines += [
            "[[operations]]",
            f'include-path = "{path}"',
            f'headers = {{ Authorization = "Bearer {keys[VICTIM]}" }}',
        ]
    return "\n".join(lines) + "\n"


async def run(
    url: str, keys: Mapping[str, str], known: Known, report: Path, options: Sequence[str]
) -> list[str]:
    """One run; what it found, nothing if all checks passed."""
    config = report.with_suffix(".toml")
    config.write_text(configuration(keys))
    told_apart = {**known, **{name: [key] for name, key in keys.items()}}
    process = await asyncio.create_subprocess_exec(
        *(str(SCHEMATHESIS), "--config-file", str(config), "run", f"{url}/openapi.json"),
        *("--checks", "all"),
        *("--report", "ndjson", "--report-ndjson-path", str(report)),
        *("--continue-on-failure", "--no-shrink", "--no-color", "--workers", "1"),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=report.parent,  # Where it keeps what it wants to try again.
        env=os.environ | {"PYTHONPATH": str(ROOT), "FUZZ_KNOWN": json.dumps(told_apart)},
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:  # Whoever waits no longer leaves nothing behind.
            process.kill()
            await process.wait()
    if process.returncode == 0:
        return []
    report.with_suffix(".txt").write_bytes(told)
    return [told.decode()[-4_000:]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, and say what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=50, help="good, per operation")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--keep", type=Path, help="keep reports and logs in this directory")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as temporary:
        directory = arguments.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        tally = asyncio.run(fuzz(directory, arguments.examples, arguments.seed))
    print("\n".join(tally.why), file=sys.stderr)
    print(json.dumps(asdict(tally) | {"seed": arguments.seed, "why": len(tally.why)}))
    return 0 if tally.holds else 1


if __name__ == "__main__":
    sys.exit(main())
