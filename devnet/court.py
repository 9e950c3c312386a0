"""The court of the demo: verifies in empty folders, and tries what a flipped bit does."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devnet.depositor import Deposit
from devnet.outside import Failed, Outside
from node.words import Answer, ResultCode

EXPECTED_POINTS = ("O02", "O05")
"""Offline nobody looks for later revocations, and a devnet is a test network. Nothing else may be
open: the depositor signed, keys are enrolled, times agree."""


class Court:
    """Has the policy from elsewhere, and one new folder for each verification."""

    def __init__(self, folder: Path, policy: Path, outside: Outside) -> None:
        self._folder = folder
        self._policy = Path(shutil.copy(policy, folder))
        self._outside = outside
        self._rooms = 0

    async def verify(self, deposit: Deposit) -> ResultCode:
        """Verify in a folder that holds the file, the proof and the policy, and nothing else."""
        verdict = await self._judge(deposit.file.read_bytes(), deposit)
        points = {each["key"] for each in verdict["open_points"]}
        if verdict["facts"]["evidence_no"] != deposit.number or points != {*EXPECTED_POINTS}:
            raise Failed(f"{deposit.number}: {points} are open, {verdict['facts']}")
        return ResultCode[verdict["code"]]

    async def verify_other_file(self, deposit: Deposit) -> ResultCode:
        """The same with one bit of the file flipped."""
        flipped = _flipped(deposit.file.read_bytes())
        verdict = await self._judge(flipped, deposit, answer=Answer.NOT_DEPOSITED_BYTES)
        return ResultCode[verdict["code"]]

    async def verify_other_proof(self, deposit: Deposit) -> ResultCode:
        """The same with one bit of the proof flipped."""
        file, flipped = deposit.file.read_bytes(), _flipped(deposit.proof.read_bytes())
        verdict = await self._judge(file, deposit, flipped, answer=Answer.PROOF_NOT_VALID)
        return ResultCode[verdict["code"]]

    async def _judge(
        self,
        file: bytes,
        deposit: Deposit,
        proof: bytes | None = None,
        answer: Answer = Answer.CONSISTENT_OPEN_POINTS,
    ) -> Mapping[str, Any]:
        self._rooms += 1
        room = self._folder / f"{self._rooms}"
        room.mkdir()
        (room / deposit.file.name).write_bytes(file)
        (room / "proof.txt").write_bytes(proof or deposit.proof.read_bytes())
        shutil.copy(self._policy, room / "policy.txt")
        line = ("verify", deposit.file.name, "--proof", "proof.txt", "--policy", "policy.txt")
        finished = await self._outside.run(room, *line)
        (result,) = finished.expect(answer.exit_code)["results"]
        verdict: Mapping[str, Any] = result["verdict"]
        return verdict


def _flipped(data: bytes) -> bytes:
    """The lowest bit of the byte in the middle is the other one."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
