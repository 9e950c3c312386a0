"""Members as processes: SIGTERM ends one cleanly, and SIGKILL costs nothing that was promised."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from node.evidence.policy import fingerprint
from node.evidence.verify import Anchor, verify
from node.words import Answer, ResultCode

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SETTINGS = """\
member = "{name}"
data = "data"
genesis = "../genesis.txt"
listen = "{listen}"
certificate = "certificate.pem"
private_key = "tls.pem"
log_key = "log.pem"
witness_key = "witness.pem"
gateways = ["../gateway.pem"]
"""

PROGRAM = """\
import asyncio, logging, sys
from pathlib import Path
from node.config import load_member
from node.errors import Misconfigured
from node.member.process import run_member
logging.basicConfig(level=logging.INFO)
try:
    asyncio.run(run_member(load_member(Path(sys.argv[1]))))
except Misconfigured as error:
    sys.exit(f"refused: {error}")
"""

Process = asyncio.subprocess.Process


HANGING = """\
import time
from node.seals.store import Seals
def hang(*_):
    print("it hangs", flush=True)
    time.sleep(1_000)
Seals.write = hang
"""


async def spawn(house: Any, name: str, before: str = "") -> Process:
    folder: Path = house.directory / name
    settings = folder / "member.toml"
    settings.write_text(SETTINGS.format(name=name, listen=house.configs[name].listen))
    with (folder / "log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", before + PROGRAM, str(settings)), stdout=log, stderr=log
        )


async def test_it_stops_when_asked(house: Any) -> None:
    process = await spawn(house, "court")
    house.running = {"court": None}
    await house.leader()
    second = await spawn(house, "court")
    assert await second.wait() == 1
    assert "open in another process" in (house.directory / "court" / "log").read_text()
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    house.running = {}
    assert "Traceback" not in (house.directory / "court" / "log").read_text()


async def test_it_stops_when_asked_though_its_disk_hangs(house: Any) -> None:
    """Neither the loop nor Python's own end waits for the thread."""
    process, log = await spawn(house, "court", HANGING), house.directory / "court" / "log"
    while "it hangs" not in log.read_text():  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 60) == Answer.COULD_NOT_CHECK.exit_code
    assert "the disk does not answer" in log.read_text()


async def test_nothing_acknowledged_is_lost(houses: Any) -> None:
    """Each member in turn is killed while deposits go on; at the end everything answered has one
    place, the same at every member, and a proof that verifies."""
    world = houses.world
    processes = {name: await spawn(houses, name) for name in houses.configs}
    houses.running = dict.fromkeys(houses.configs)
    try:
        (first,) = await houses.propose(world.key("enrol", world.gateway.public, role="gateway"))
        assert first.HasField("position")
        places: dict[bytes, tuple[int, int]] = {}

        async def work(start: int) -> None:
            for number in range(start, start + 25):
                (outcome,) = await houses.propose(world.deposited(number))
                position = outcome.position
                places[bytes(position.statement_id)] = (position.leaf_index, position.first_item)

        for round_, name in enumerate(houses.configs):
            workers = [asyncio.create_task(work(1000 * round_ + 100 * n)) for n in range(3)]
            await asyncio.sleep(0.1)
            del houses.running[name]
            processes[name].kill()
            await processes[name].wait()
            await asyncio.gather(*workers)
            processes[name] = await spawn(houses, name)
            houses.running[name] = None
        assert len(places) == 3 * 75
        anchor = Anchor(fingerprint=fingerprint(world.note().policy_text))
        for identity, (leaf, ordinal) in list(places.items())[::5]:
            for name in houses.configs:
                proof = await houses.proof(name, identity)
                verdict = verify(proof, anchor, None)
                assert verdict.code is ResultCode.V001
                assert f"index {leaf}\n".encode() in proof
                assert f"first-item {ordinal}\n".encode() in proof
        statuses = [await houses.status(name) for name in houses.configs]
        assert not [alarm for status in statuses for alarm in status.alarms]
    finally:
        houses.running = {}
        for process in processes.values():
            if process.returncode is None:
                process.kill()
                await process.wait()
