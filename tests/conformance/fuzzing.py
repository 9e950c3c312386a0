"""The gateway fuzzed from its own OpenAPI document: `sh scripts/fuzz`, and a shorter test.

    python -m tests.conformance.fuzzing [--examples N] [--keep DIR]

A devnet of real processes; a chain with deposits, cases and credentials to be found, so that a good
part of the requests gets past the door; then `schemathesis run` with its checks, once with
requests good and bad, once with good ones only. Two accounts: what withdraws a consent or revokes
keys is asked by one of which nothing else depends.

The last line is one object; the exit code is 0 if every check passed and there were as many cases,
of each operation, and answers 2xx among them, as the arguments ask for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from devnet.accounts import admit_at, new_api_key
from devnet.cluster import Cluster
from node import keyfile
from node.accounts.vocabulary import Role
from node.client.client import connect
from node.config import load_gateway
from node.evidence.digests import sha256
from node.evidence.statement import receipt_number
from node.keyfile import load_vault_key
from node.offchain.accounts import AccountStore
from node.offchain.database import Database
from node.vault.finding import Finder
from node.vault.sealing import Vault

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
    "/v1/account/api-keys/{key_id}:rotate",
    "/v1/account/api-keys/{key_id}",
    "/v1/account/keys",
    "/v1/account/keys/{key_id}",
)
"""What could take away the other account's own right to ask."""
GOOD_EACH = 5
PER_OPERATION = 50
"""Cases that every operation must have had."""
GOOD_MIN = 0.3
"""The part of all answers that must be 2xx: what is refused at the door tests the door alone."""


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
        for line in report.open(encoding="utf-8"):
            for operation, status in _cases(json.loads(line)):
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
        enough = self.fewest >= PER_OPERATION and self.good >= GOOD_MIN * self.cases
        return enough and not self.why and not self.server_errors


def _cases(event: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Operation and status of every answer that one event of a report tells of."""
    recorder = event.get("ScenarioFinished", {}).get("recorder", {})
    for each in recorder.get("interactions", {}).values():
        if (response := each.get("response")) is not None:
            yield recorder["label"], response["status_code"]


async def fuzz(directory: Path, examples: int, seed: int) -> Tally:
    """Start the devnet, make what is to be found, run both passes, and count."""
    cluster = Cluster(directory / "devnet", members=3, gateways=1)
    keys = {name: new_api_key() for name in ("fuzzer", "victim")}
    now_ms = time.time_ns() // 1_000_000
    settings = cluster.places.settings(cluster.gateways[0])
    for name, key in keys.items():
        await admit_at(settings, name, key, ROLES, now_ms)
        await at_court(settings, name, now_ms)
    tally, cases = Tally(), Counter[str]()
    async with cluster:
        known = await asyncio.to_thread(seeded, cluster, keys["fuzzer"])
        config = directory / "schemathesis.toml"
        config.write_text(configuration(keys))
        url = f"{cluster.gateway_url()}/openapi.json"
        # The first pass is mostly of bad requests; so the second has more examples.
        good = ("--mode", "positive", "--phases", "fuzzing")
        for name, options, count in (("all", (), examples), ("good", good, GOOD_EACH * examples)):
            report = directory / f"{name}.ndjson"
            more = (*options, "--max-examples", str(count), "--seed", str(seed))
            tally.why += await asyncio.to_thread(run, config, url, json.dumps(known), report, more)
            tally.add(report, cases)
    return tally


async def at_court(settings: Path, account: str, now_ms: int) -> None:
    """The account's clerk and judge are of a court whose cases are asked about."""
    config = load_gateway(settings)
    vault_key = load_vault_key(config.vault_key)
    async with Database(config.database) as database:
        accounts = AccountStore(database, Vault(vault_key), Finder(vault_key))
        for role in COURT_ROLES:
            await accounts.grant(account, role, COURT, now_ms)


def seeded(cluster: Cluster, api_key: str) -> dict[str, list[str]]:
    """Deposits of several kinds; what can be asked about, by the parameter that asks for it."""
    policy = cluster.places.policy.read_bytes()
    signer = keyfile.load_signer(cluster.places.depositor_key)
    contents = [f"file {number}".encode() for number in range(8)]
    files = [cluster.places.directory / f"file-{number}" for number in range(len(contents))]
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    with connect(cluster.gateway_url(), api_key, policy=policy, signer=signer) as client:
        batches = [*client.prepare(files), *client.prepare(files[:1], mode="digest")]
        deposited = [client.deposit(batch) for batch in batches]
        deposited += client.attest(files, idempotency_key="attested")
    numbers = [proven.number for each in deposited for proven in each.proofs()]
    receipts = [receipt_number(sha256(each.batch.statement_bytes)) for each in deposited]
    return {
        "path.number": numbers,
        "query.q": [*numbers[:4], sha256(contents[0]).hex()],
        "query.digest": [sha256(contents[0]).hex(), deposited[1].batch.items[0].item.hex()],
        "receipts": receipts,
        "path.code": ["BUSY", "KEY_NOT_ENROLLED", "API_KEY_UNKNOWN"],
        "path.case_no": [f"（2026）{COURT}民初{number}号" for number in (1, 1234)],
        "query.key": [signer.public.text],
    }


def configuration(keys: dict[str, str]) -> str:
    """What schemathesis is told: who asks, and what a good request may be refused with."""
    lines = [
        f'hooks = "{HOOKS}"',
        f'headers = {{ Authorization = "Bearer {keys["fuzzer"]}" }}',
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
            f'headers = {{ Authorization = "Bearer {keys["victim"]}" }}',
        ]
    return "\n".join(lines) + "\n"


def run(config: Path, url: str, known: str, report: Path, options: Sequence[str]) -> list[str]:
    """One run; what it found, nothing if all checks passed."""
    done = subprocess.run(
        [
            *(str(SCHEMATHESIS), "--config-file", str(config), "run", url, "--checks", "all"),
            *("--report", "ndjson", "--report-ndjson-path", str(report)),
            # `{id}:rotate` has the methods of an id that ends so besides, which it then refuses.
            *("--exclude-checks", "unsupported_method,allow_header_conformance"),
            *("--continue-on-failure", "--no-shrink", "--no-color", "--workers", "1"),
            *options,
        ],
        capture_output=True,
        cwd=report.parent,  # Where it keeps what it wants to try again.
        encoding="utf-8",
        check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "FUZZ_KNOWN": known},
    )
    if done.returncode == 0:
        return []
    report.with_suffix(".txt").write_text(done.stdout + done.stderr)
    return [done.stdout[-4_000:] + done.stderr[-1_000:]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, and say what came of it."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__.split("\n")[0])
    parser.add_argument("--examples", type=int, default=20, help="per operation")
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
