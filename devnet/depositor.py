"""The depositor of the demo: a folder with files, proofs and batch files, and a signing key."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devnet.cluster import Cluster
from devnet.outside import Failed, Outside
from node.evidence.number import parse_number

DONE = 0


@dataclass(frozen=True, slots=True)
class Deposit:
    """One file, its number, its proof, and the batch file its statement is kept in."""

    number: str
    file: Path
    proof: Path
    batch: Path

    @property
    def ordinal(self) -> int:
        """The item's place on the chain, which its number spells."""
        return parse_number(self.number)[1]


class Depositor:
    """Deposits through the gateways of a cluster; what it keeps needs no cluster any more."""

    def __init__(self, folder: Path, cluster: Cluster, outside: Outside) -> None:
        self.folder = folder
        self._cluster = cluster
        self._outside = outside

    def take(self, files: Sequence[Path]) -> list[Path]:
        """Copies of these files, in the depositor's own folder."""
        self.folder.mkdir()
        return [Path(shutil.copy(file, self.folder)) for file in files]

    async def anchor(self, files: Sequence[Path], gateway: int = 0) -> list[Deposit]:
        """Deposit these files as one statement, signed here, and have their proofs."""
        key = ("--key", self._cluster.places.depositor_key)
        return await self._anchor(gateway, *files, *key)

    async def send_again(self, batch: Path, gateway: int, request: str) -> list[Deposit]:
        """Send a statement that was sent before, byte for byte, as a new request of this name."""
        return await self._anchor(gateway, "--resume", batch, "--idempotency-key", request)

    async def export(self, deposit: Deposit, gateway: int, folder: Path) -> Deposit:
        """Fetch the proof of a number anew, and derive the holder's copy of it."""
        arguments = ("--gateway", self._cluster.gateway_url(gateway), *self._access())
        return await self._prove(deposit, folder, deposit.number, deposit.file, *arguments)

    async def bundle(self, deposits: Sequence[Deposit], folder: Path, gateway: int = 0) -> Path:
        """One evidence bundle of these deposits, made by a gateway, with the originals put in."""
        originals = [word for each in deposits for word in ("--with", each.file)]
        address = ("--gateway", self._cluster.gateway_url(gateway), *self._access())
        into = ("--out", folder, "--policy", self._cluster.places.policy)
        finished = await self._outside.run(self.folder, "export", *originals, *address, *into)
        value = finished.expect(DONE)
        if value["evidence_nos"] != [each.number for each in deposits]:
            raise Failed(f"`{finished.line}` gave a bundle of {value['evidence_nos']}")
        return Path(value["bundle"])

    async def derive(self, deposit: Deposit, source: Deposit, folder: Path) -> Deposit:
        """The proof of a deposit out of the batch file and any proof of the same statement."""
        return await self._prove(deposit, folder, deposit.file, "--proof", source.proof)

    async def _anchor(self, gateway: int, *arguments: str | Path) -> list[Deposit]:
        address = ("--gateway", self._cluster.gateway_url(gateway), *self._access())
        finished = await self._outside.run(self.folder, "anchor", *arguments, *address)
        value = finished.expect(DONE)
        (batch,) = value["batches"]
        if value["state"] != "FINAL":
            raise Failed(f"`{finished.line}` answered {value['state']}")
        return [
            Deposit(each["evidence_no"], Path(each["file"]), Path(each["proof"]), Path(batch))
            for each in value["deposits"]
        ]

    async def _prove(self, deposit: Deposit, folder: Path, *arguments: str | Path) -> Deposit:
        trust = ("--policy", self._cluster.places.policy)
        batch = ("--from-batch", deposit.batch, "--out", folder)
        finished = await self._outside.run(self.folder, "prove", *arguments, *batch, *trust)
        (proof,) = finished.expect(DONE)["proofs"]
        if proof["evidence_no"] != deposit.number:
            raise Failed(f"`{finished.line}` gave the proof of {proof['evidence_no']}")
        return Deposit(deposit.number, deposit.file, Path(proof["proof"]), deposit.batch)

    def _access(self) -> tuple[str | Path, ...]:
        places = self._cluster.places
        return ("--api-key-file", places.api_key)
