"""The whole walk on one machine: `python -m devnet.demo`, which `sh scripts/demo` runs.

Real members and gateways, the real command line as processes of their own, real signals. The
samples are deposited with the depositor's own key, the leader is killed while deposits are under
way, every answered number is read back from every member, and every proof is verified by a process
that has nothing but the file, the proof and the policy. All of them are exported as one evidence
bundle. In the end there is no server left to ask, and the bundle is verified by itself.

The last line is one JSON object; the exit code is 0 only if everything held that it counts.
"""

import argparse
import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from devnet.cluster import Cluster, ClusterError
from devnet.court import EXPECTED_POINTS, Court
from devnet.depositor import Deposit, Depositor
from devnet.enrolment import NotEnrolled
from devnet.handing_over import HandedOver, how_to_verify, stamped
from devnet.make_samples import SAMPLES
from devnet.narrator import Narrator
from devnet.outside import Failed, Outside
from node.cli.language import choose, said
from node.words import Notice, OpenPoint, ResultCode

MEMBERS, GATEWAYS = 3, 2
BEFORE = 4
"""So many samples are deposited in one statement, then the others one by one."""
RETRIES = 5
PROOF_HEAD_LINES = 9
"""From its tag to the seals: what a judge reads first."""

_Result = TypeVar("_Result")


@dataclass(slots=True)
class Tally:
    """The last line. `lost`: answers that a member, asked for its own copy, did not have."""

    anchored: int = 0
    final: int = 0
    verified: int = 0
    tampered_rejected: int = 0
    leader_killed: bool = False
    lost: int = 0
    bundle_verified: int = 0
    bundle_rejected: int = 0

    @property
    def holds(self) -> bool:
        """Nothing lost, everything verified, once with and once without servers; and the bundle by
        every verifier, which took it with no other original."""
        return (
            self.leader_killed
            and self.lost == 0
            and 0 < self.bundle_verified == self.bundle_rejected
            and 0 < self.anchored == self.final
            and self.verified == self.tampered_rejected == 2 * self.anchored
        )


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 0 if everything held, 1 with the reason on stderr if not."""
    parser = argparse.ArgumentParser(prog="sh scripts/demo", description="The whole walk, once.")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="leave everything in this new directory"
    )
    arguments = parser.parse_args(argv)
    tally = Tally()
    try:
        if arguments.keep is not None:
            arguments.keep.mkdir(parents=True)
        directory = arguments.keep or Path(tempfile.mkdtemp(prefix="cunzheng-demo-"))
        asyncio.run(Demo(directory.absolute(), tally, Narrator(choose([], os.environ))).run())
    except* (Failed, ClusterError, NotEnrolled, OSError) as group:
        for error in _leaves(group):
            print(f"demo: {error}", file=sys.stderr)
    except* KeyboardInterrupt:
        print("demo: stopped", file=sys.stderr)
    if arguments.keep is None and tally.holds:
        shutil.rmtree(directory)
    print(json.dumps(asdict(tally)))
    return 0 if tally.holds else 1


class Demo:
    """One run, part by part; each raises `Failed` at the first thing that does not hold."""

    def __init__(self, directory: Path, tally: Tally, narrator: Narrator) -> None:
        self.directory = directory
        self.tally = tally
        self.narrator = narrator
        self.outside = Outside(narrator.language)
        self.deposits: list[Deposit] = []
        self.killed = ""

    async def run(self) -> None:
        """The whole story."""
        say = self.narrator.say
        say(f"工作目录 {self.directory}", f"working in {self.directory}")
        self.narrator.heading("1. 成员与网关", "1. Members and gateways")
        cluster = Cluster(self.directory / "devnet", MEMBERS, GATEWAYS)
        say("已生成密钥、证书、策略和创世文件", "keys, certificates, policy and genesis are made")
        depositor = Depositor(self.directory / "depositor", cluster, self.outside)
        (self.directory / "court").mkdir()
        court = Court(self.directory / "court", cluster.places.policy, self.outside)
        async with cluster:
            leader = await cluster.leader()
            say(
                f"{MEMBERS} 家成员、{GATEWAYS} 个网关已就绪，主节点为 {leader}",
                f"{MEMBERS} members and {GATEWAYS} gateways are ready; {leader} leads",
            )
            say(
                f"策略指纹（由法院另行公布）：{cluster.fingerprint}",
                f"policy fingerprint, which a court would publish: {cluster.fingerprint}",
            )
            await self.deposit(cluster, depositor)
            await self.send_again(depositor)
            await self.read_back(cluster)
            await self.export(depositor, court)
            bundle = await self.bundle(cluster, depositor)
        say("全部成员和网关已停止", "all members and gateways are stopped")
        await self.verify_alone(depositor, court)
        await self.tamper(court)
        await self.hand_over(cluster, bundle)

    async def deposit(self, cluster: Cluster, depositor: Depositor) -> None:
        """Some files as one statement; then one by one, and the leader is killed meanwhile."""
        say = self.narrator.say
        self.narrator.heading("2. 存证，其间终止主节点", "2. Deposits; the leader is killed")
        files = depositor.take(sorted(SAMPLES.iterdir()))
        first = await depositor.anchor(files[:BEFORE])
        self._answered(first)
        say(f"{first[0].proof.name} 的开头：", f"how {first[0].proof.name} begins:")
        self.narrator.quote(first[0].proof.read_text().splitlines()[:PROOF_HEAD_LINES])
        async with asyncio.TaskGroup() as group:
            under_way = [group.create_task(depositor.anchor([each])) for each in files[BEFORE:]]
            _, waiting = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
            self.killed, at_s = await cluster.leader(), self.narrator.elapsed_s
            await cluster.kill(self.killed)
            self.tally.leader_killed = not cluster.is_running(self.killed)
            say(
                f"主节点 {self.killed} 被 SIGKILL 强行终止，此时有 {len(waiting)} 份存证尚未完成",
                f"{self.killed}, which leads, is killed with SIGKILL; "
                f"{len(waiting)} deposits are not answered yet",
            )
            successor = await cluster.leader()
            took_s = self.narrator.elapsed_s - at_s
            say(f"{took_s:.2f} 秒后由 {successor} 接任", f"{took_s:.2f} s later {successor} leads")
        for task in under_way:
            self._answered(task.result())

    async def send_again(self, depositor: Depositor) -> None:
        """The statement of before the kill, the same bytes, through both gateways in turn."""
        first = [each for each in self.deposits if each.batch == self.deposits[0].batch]
        for attempt in range(RETRIES):
            gateway, request = attempt % GATEWAYS, f"again-{attempt}"
            again = await depositor.send_again(first[0].batch, gateway, request)
            if [each.number for each in again] != [each.number for each in first]:
                raise Failed(f"sent again, {first[0].number} became {again[0].number}")
        self.narrator.say(
            f"同一存证单经两个网关重发 {RETRIES} 次：存证编号不变",
            f"the same statement sent {RETRIES} times more, through two gateways: same numbers",
        )

    async def read_back(self, cluster: Cluster) -> None:
        """Every answered number from the chain of every member: survivors first."""
        self.narrator.heading("3. 逐家成员回读", "3. Read back from every member")
        for member in cluster.members:
            if member != self.killed:
                await self._read_back(cluster, member)
        await cluster.restart(self.killed)
        self.narrator.say(
            f"{self.killed} 已用原有数据重新启动", f"{self.killed} is back, on the data it had"
        )
        await self._read_back(cluster, self.killed)

    async def _read_back(self, cluster: Cluster, member: str) -> None:
        missing = [
            each.number for each in self.deposits if not await cluster.holds(member, each.ordinal)
        ]
        self.tally.lost += len(missing)
        count = len(self.deposits) - len(missing)
        self.narrator.say(
            f"{member}：{count}/{len(self.deposits)} 个存证编号",
            f"{member} has {count} of {len(self.deposits)} evidence numbers",
        )
        if missing:
            raise Failed(f"{member} does not have {', '.join(missing)}")

    async def export(self, depositor: Depositor, court: Court) -> None:
        """Every proof anew from a gateway, and verified."""
        self.narrator.heading("4. 导出证明并核验", "4. Proofs exported and verified")
        folder = self.directory / "exported"
        folder.mkdir()
        exported = await _all(
            [depositor.export(each, n % GATEWAYS, folder) for n, each in enumerate(self.deposits)]
        )
        await self._verified(court, exported)

    async def bundle(self, cluster: Cluster, depositor: Depositor) -> Path:
        """All samples and their originals as one evidence bundle, once a timestamp reaches them."""
        self.narrator.heading("5. 证据包", "5. The evidence bundle")
        folder, last = self.directory / "bundle", max(self.deposits, key=lambda each: each.ordinal)
        await stamped(cluster, last.number)
        path = await depositor.bundle(self.deposits, folder)
        count, size = len(self.deposits), path.stat().st_size
        self.narrator.say(
            f"{count} 份存证及其原件写入一个证据包，{size:,} 字节：{path}",
            f"{count} deposits with their originals are one evidence bundle, {size:,} bytes: "
            f"{path}",
        )
        return path

    async def hand_over(self, cluster: Cluster, bundle: Path) -> None:
        """The bundle by each verifier, with anchors from elsewhere; then with another original."""
        say, anchors = self.narrator.say, cluster.places.anchors
        self.narrator.heading("8. 离线核验证据包", "8. The bundle, verified offline")
        handed = HandedOver(self.directory / "handed-over", bundle, anchors, self.outside)
        for each in await handed.verify():
            self.tally.bundle_verified += 1
            say(f"{each.program}：{each.exit_code}", f"{each.program}: {each.exit_code}")
        for each in await handed.verify_other_original():
            self.tally.bundle_rejected += 1
            say(
                f"改动一份原件的一个字节，{each.program}：{each.exit_code}",
                f"one byte of an original changed, {each.program}: {each.exit_code}",
            )
        say(
            "自行核验（以 --keep DIR 运行本演示，证据包和信任锚即留在 DIR 中）：",
            "verify it yourself (with --keep DIR bundle and anchors stay in DIR):",
        )
        self.narrator.quote([*how_to_verify(bundle, anchors)])

    async def verify_alone(self, depositor: Depositor, court: Court) -> None:
        """From the depositor's folder alone: one proof of each statement is enough for all."""
        self.narrator.heading("6. 没有任何服务器", "6. No server is left")
        folder = self.directory / "derived"
        folder.mkdir()
        sources = {each.batch: each for each in reversed(self.deposits)}
        derived = await _all(
            [depositor.derive(each, sources[each.batch], folder) for each in self.deposits]
        )
        self.narrator.say(
            f"仅凭批次文件和每份存证单的一份证明，导出全部 {len(derived)} 份证明",
            f"{len(derived)} proofs derived from the depositor's batch files and one proof of each "
            "statement",
        )
        await self._verified(court, derived)

    async def tamper(self, court: Court) -> None:
        """One bit of each file, and one bit of each proof."""
        self.narrator.heading("7. 改动一个比特", "7. One bit is changed")
        files = await _all([court.verify_other_file(each) for each in self.deposits])
        proofs = await _all([court.verify_other_proof(each) for each in self.deposits])
        for zh, en, codes in (("文件", "file", files), ("证明文件", "proof file", proofs)):
            self.tally.tampered_rejected += len(codes)
            for code, count in sorted(Counter(code.name for code in codes).items()):
                what = ResultCode[code]
                self.narrator.say(
                    f"改动{zh}，{count} 次：{code} {what.zh}",
                    f"{en} changed, {count} times: {code} {what.en}",
                )
        self.narrator.quote([said(Notice.RESAVING, self.narrator.language)])

    async def _verified(self, court: Court, deposits: Sequence[Deposit]) -> None:
        codes = await _all([court.verify(each) for each in deposits])
        self.tally.verified += len(codes)
        self.narrator.say(
            f"{len(codes)} 份证明各由单独进程仅凭文件、证明和策略核验："
            f"{codes[0].name} {codes[0].zh}",
            f"{len(codes)} proofs, each by a process with only file, proof and policy: "
            f"{codes[0].name} {codes[0].en}",
        )
        for point in EXPECTED_POINTS:
            text = said(OpenPoint[point], self.narrator.language)
            self.narrator.quote([f"{point} {text}"])

    def _answered(self, deposits: Sequence[Deposit]) -> None:
        self.deposits += deposits
        self.tally.anchored += len(deposits)
        self.tally.final += len(deposits)
        for each in deposits:
            self.narrator.say(
                f"已确认 {each.number}  {each.file.name}", f"FINAL {each.number}  {each.file.name}"
            )


async def _all(under_way: Sequence[Coroutine[Any, Any, _Result]]) -> list[_Result]:
    """The results in order; the first failure ends the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in under_way]
    return [task.result() for task in tasks]


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    """What went wrong, without the groups it was reported in."""
    for each in group.exceptions:
        if isinstance(each, BaseExceptionGroup):
            yield from _leaves(each)
        else:
            yield each


if __name__ == "__main__":
    sys.exit(main())
