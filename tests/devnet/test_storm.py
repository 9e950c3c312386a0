"""The storm: what its last line says of answers, chain and webhook, and a short one."""

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from devnet import postgresql, storm
from devnet.reckoning import FINAL, Answered, Reckoning, Standing, reckon
from devnet.told import Message, Receiver
from node.webhooks.signature import HEADER, format_secret, sign

ANSWERED = [Answered(f"d-{n}", f"EV{n}", f"id{n}", f"hash{n}") for n in range(3)]
CHAIN = [Standing(f"EV{n}", f"id{n}", f"hash{n}") for n in range(3)]
MESSAGES = [Message(f"m{n}", FINAL, f"id{n}", f"EV{n}") for n in range(3)]
SIGNED_WITH = format_secret(bytes(32))
CLIENTS = 12
"""Each has one deposit answered at least, however busy the machine is."""


def test_what_comes_out_even_has_nothing_wrong() -> None:
    found = reckon(ANSWERED, {"court": CHAIN, "notary": CHAIN}, MESSAGES)
    assert found == Reckoning(3, 3, 3, 3)


@pytest.mark.parametrize(
    ("answered", "chain", "messages", "why"),
    [
        ([], [], [], "nothing was answered, so nothing was shown"),
        (ANSWERED, CHAIN[:2], MESSAGES, "answered, but not at notary: ('EV2', 'id2', 'hash2')"),
        (
            ANSWERED[:2],
            CHAIN,
            MESSAGES[:2],
            "answered to nobody, but at notary: ('EV2', 'id2', 'hash2')",
        ),
        (
            ANSWERED,
            [*CHAIN, Standing("EV9", "id2", "hash9")],
            MESSAGES,
            "more than one statement id at notary: id2",
        ),
        (
            ANSWERED,
            [*CHAIN, Standing("EV2", "id9", "hash9")],
            MESSAGES,
            "more than one number at notary: EV2",
        ),
        (
            [*ANSWERED, replace(ANSWERED[0], name="d-9")],
            CHAIN,
            MESSAGES,
            "more than one answered number: EV0",
        ),
        (
            [replace(ANSWERED[0], entry_hash="other"), *ANSWERED[1:]],
            CHAIN,
            MESSAGES,
            "answered, but not at notary: ('EV0', 'id0', 'other')",
        ),
        (
            ANSWERED,
            CHAIN,
            MESSAGES[:2],
            "answered, but the webhook was not told: ('EV2', 'id2')",
        ),
        (
            ANSWERED,
            CHAIN,
            [*MESSAGES, Message("m9", FINAL, "id9", "EV9")],
            "told to the webhook, but answered to nobody: ('EV9', 'id9')",
        ),
        (
            ANSWERED,
            CHAIN,
            [*MESSAGES, Message("m9", FINAL, "id2", "EV2")],
            "more than one message about one deposit: id2",
        ),
        (
            ANSWERED,
            CHAIN,
            [*MESSAGES, Message("m9", "deposit.failed", "id2", None)],
            "told as what it is not: Message(id='m9', event='deposit.failed', statement_id='id2',"
            " number=None)",
        ),
    ],
)
def test_whatever_is_one_too_many_or_too_few_is_told(
    answered: list[Answered], chain: list[Standing], messages: list[Message], why: str
) -> None:
    """On one member's disk is enough."""
    found = reckon(answered, {"court": CHAIN, "notary": chain}, messages)
    assert why in found.why


def test_of_much_that_is_wrong_the_beginning_is_told() -> None:
    found = reckon([replace(ANSWERED[0], number=f"EV{n}") for n in range(50)], {"court": []}, [])
    assert sum(line.startswith("answered, but not at court") for line in found.why) == 21
    assert "answered, but not at court: and 30 more" in found.why


BOTH = ("gateway", "leader")
EVEN = Reckoning(3, 3, 3, 3)


@pytest.mark.parametrize(
    ("killed", "wrong", "unsigned", "reckoning", "raised", "why"),
    [
        (BOTH, [], [], EVEN, None, []),
        (["gateway"], [], [], EVEN, None, ["no leader was killed"]),
        (BOTH, ["two ways"], [], EVEN, None, ["two ways"]),
        (BOTH, [], ["not signed"], EVEN, None, ["not signed"]),
        (BOTH, [], [], replace(EVEN, why=("lost",)), None, ["lost"]),
        (BOTH, [], [], None, OSError("off"), ["OSError: off", "nothing was reckoned"]),
    ],
)
def test_what_is_wrong_shows_in_the_exit_code(
    killed: list[str],
    wrong: list[str],
    unsigned: list[str],
    reckoning: Reckoning | None,
    raised: Exception | None,
    why: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def run(
        options: object, directory: object, url: object, seen: storm.Seen, receiver: Receiver
    ) -> None:
        seen.killed.update(killed)
        seen.why += wrong
        receiver.wrong += unsigned
        seen.reckoning = reckoning
        if raised is not None:
            raise raised

    monkeypatch.setattr(storm, "_run", run)
    assert storm.main(["--seed", "1", "--keep", str(tmp_path)]) == (1 if why else 0)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["why"] == why


@pytest.mark.parametrize("asked", [["--every", "0"], ["--seconds", "4"], ["--clients", "0"]])
def test_a_storm_that_shows_nothing_is_refused(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        storm.main(asked)
    assert ended.value.code == 2
    assert "all of them are above 0" in capsys.readouterr().err


def test_without_postgresql_none_is_pretended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(postgresql, "find_binaries", lambda: None)
    assert storm.main(["--database", "postgresql"]) == 2
    told = capsys.readouterr()
    assert (told.out, "PostgreSQL is not installed here" in told.err) == ("", True)


def message(identity: str, **deposit: str) -> bytes:
    return json.dumps({"id": identity, "event": FINAL, "deposit": deposit}).encode()


async def post(receiver: Receiver, body: bytes, signed_with: str = SIGNED_WITH) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        signature = sign([signed_with], int(time.time()), body)
        return (
            await client.post(receiver.url, content=body, headers={HEADER: signature})
        ).status_code


@pytest.mark.anyio
async def test_the_receiver_takes_what_is_signed_and_remembers_the_rest() -> None:
    async with Receiver(seed=1) as receiver:
        receiver.secret = SIGNED_WITH
        body = message("m1", statement_id="id1", first_evidence_no="EV1")
        while await post(receiver, body) != 200:
            assert receiver.turned_away
        await asyncio.wait_for(receiver.told({"id1"}), 10)
        assert receiver.taken == {"m1": Message("m1", FINAL, "id1", "EV1")}
        assert receiver.wrong == []
        assert await post(receiver, body, format_secret(bytes([1] * 32))) == 403
        assert await post(receiver, message("m1", statement_id="id2")) == 200
        assert [line[:12] for line in receiver.wrong] == ["not signed: ", "message m1 c"]


@pytest.mark.anyio
async def test_the_receiver_turns_some_away_and_takes_them_when_they_come_again() -> None:
    async with Receiver(seed=1) as receiver:
        receiver.secret = SIGNED_WITH
        for n in range(200):
            body = message(f"m{n}", statement_id=f"id{n}")
            if await post(receiver, body) == 503:
                assert await post(receiver, body) == 200
        assert 0 < receiver.turned_away < 20
        assert len(receiver.statement_ids) == 200


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_short_storm(database_kind: str) -> None:
    """Goal: not one deposit lost, doubled or untold, whoever dies.

    Method: some seconds of what `README.md` tells of.
    """
    if database_kind == "postgresql" and postgresql.find_binaries() is None:
        pytest.skip("PostgreSQL is not installed here")
    command = (sys.executable, "-m", "devnet.storm", "--seconds", "13", "--every", "3")
    options = ("--clients", str(CLIENTS), "--seed", "1", "--database", database_kind)
    done = subprocess.run((*command, *options), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (
        report["answered"] == report["on_chain"] == report["numbers"] == report["told"] >= CLIENTS
    )
    assert report["database"] == database_kind
    assert min(report["killed"].values()) >= 1
