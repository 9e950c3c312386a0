"""Every member of a chain is replaced by another organisation, one after the other, while clients
deposit and look up; and what was proven at the beginning stays proven."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from devnet.ceremony import ORGANISATIONS
from devnet.cluster import Cluster
from devnet.history import History
from node import keyfile
from node.evidence.policy import parse_policy
from node.words import Answer

pytestmark = [pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(300)]

SOME = 10
"""Deposits that are waited for before and after something happens."""
OPEN = Answer.CONSISTENT_OPEN_POINTS
"""A test network's proofs always have one."""
SUCCESSORS = ("industry", "arbitration", "university")


async def cunzheng(*arguments: object, answer: Answer = Answer.CONSISTENT) -> None:
    """Type a command, which must end with this answer."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "node.cli", "--lang", "en", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    said = f"{arguments}\n{out.decode()}{err.decode()}"
    assert process.returncode == answer.exit_code, said


def plan_of(cluster: Cluster, names: list[str]) -> str:
    """The plan of a policy with these members, a majority of whom must seal."""
    places = cluster.places
    policy = parse_policy(places.policy.read_bytes())
    lines = [
        f'origin = "{policy.origin}"',
        f'network = "{policy.network}"',
        f"quorum = {len(names) // 2 + 1}",
        f'authorities = ["{policy.authorities[0].text}"]',
    ]
    for each in ORGANISATIONS:
        if each.name in names:
            log, witness = (
                keyfile.load_signer(path, "").public.text
                for path in (places.log_key(each.name), places.witness_key(each.name))
            )
            lines += [
                "[[members]]",
                f'name = "{each.name}"',
                f'kind = "{each.kind}"',
                f'organisation = "{each.organisation}"',
                f'log_key = "{log}"',
                f'witness_key = "{witness}"',
            ]
    return "\n".join(lines)


class Group:
    """The operators of a chain, who agree on who belongs to it."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.folder = folder
        self.named = list(cluster.members)
        self.serial = 1

    async def change_policy(self, names: list[str]) -> None:
        """A quorum of those named so far signs for these to be named."""
        self.serial += 1
        plan, change = (self.folder / f"{self.serial}.{end}" for end in ("toml", "txt"))
        plan.write_text(plan_of(self.cluster, names), "utf-8")
        first, *others = self.named[: len(self.named) // 2 + 1]
        trusted = ("--gateway", self.cluster.gateway_url(), "--policy", self.cluster.places.policy)
        keys = self.cluster.places.log_key
        await cunzheng(
            *("policy", "change", plan, "--out", change, "--key", keys(first), "--yes"), *trusted
        )
        for each in others:
            await cunzheng("policy", "sign", change, "--key", keys(each), "--yes", *trusted)
        await cunzheng("policy", "submit", change, "--gateway", self.cluster.gateway_url())
        self.named = names

    async def replace(self, old: str, new: str, until: Any) -> None:
        """As docs/operations.md has it: learner, policy, voter; then the old voter out."""
        cluster = self.cluster
        cluster.add_member(new)
        # One member and the gateways hear of the newcomer by starting again.
        sponsor = next(each for each in cluster.members if each not in (old, new))
        for name in (sponsor, *cluster.gateways):
            await cluster.restart(name)
        await cunzheng("join", cluster.places.settings(new))
        await cluster.restart(new)
        await self.change_policy([new if each == old else each for each in self.named])

        async def votes() -> bool:
            status = await cluster.status(new)
            return status is not None and status.role in ("leader", "follower")

        await until(votes)
        await cunzheng("leave", cluster.places.settings(sponsor), "--member", old)
        await cluster.drop_member(old)


async def test_all_members_are_replaced_under_load(
    tmp_path: Path, until: Any, assert_held: Any
) -> None:
    """Goal: none of the first members is left, nothing that was acknowledged is lost, proofs of the
    beginning verify, and proofs of the end do for who was told the first policy only.

    Method: the commands of docs/operations.md, typed by the operators, while clients go on.
    """
    async with Cluster(tmp_path / "devnet", 3, 1) as cluster:
        first = cluster.fingerprint
        trusted = ("--policy-fingerprint", first)
        asked = (
            *("--gateway", cluster.gateway_url(), "--api-key-file", cluster.places.api_key),
            *("--out", tmp_path, *trusted),
        )
        group = Group(cluster, tmp_path)
        async with History(cluster, depositors=2, readers=1) as history:
            await history.more(SOME)
            before = history.deposits[0].number
            await cunzheng("prove", before, *asked)
            for old, new in zip(cluster.members, SUCCESSORS, strict=True):
                await group.replace(old, new, until)
                await history.more(SOME)
        assert cluster.members == SUCCESSORS
        after = history.deposits[-1].number
        await cunzheng("prove", after, *asked)
        for number in (before, after):
            proof = tmp_path / f"{number}.proof.txt"
            await cunzheng("verify", "--proof", proof, *trusted, answer=OPEN)
        await assert_held(cluster, history)
