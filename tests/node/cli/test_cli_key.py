"""Keys on the chain: enrolled, replaced, revoked from a time on."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from node.evidence.enrolment import parse_key_record

Live, Run = Any, Any


def test_a_key_is_enrolled_and_may_deposit(
    live: Live,
    run: Run,
    tmp_path: Path,
    key_file: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # From which time a key is good is the authority's clock; here the chain's stands still.
    monkeypatch.setattr("time.time_ns", lambda: live.cluster.clock.now * 1_000_000)
    own = tmp_path / "own.pem"
    public = run("keygen", own, "--json").json["public_key"]
    authority = key_file("authority")
    enrol = ("key", "enrol", "--gateway", live.url, "--role", "depositor", "--authority")
    done = run(*enrol, authority, "--key", public)
    assert done.exit_code == 0, done.err
    assert "committed" in done.out
    assert f"{live.cluster.world.origin} is the gateway's word" in done.err
    file = tmp_path / "file.txt"
    file.write_text("x")
    access = [own if each == live.key else each for each in live.access]
    assert run("anchor", file, *access).exit_code == 0
    twice = run(*enrol, authority, "--key", public, "--json")
    assert twice.exit_code == 2
    assert twice.json["error"]["code"] == "KEY_RECORD_SKIPPED"


def test_no_gateway_chooses_the_chain_that_is_signed_for(
    live: Live, run: Run, tmp_path: Path, key_file: Callable[[str], Path]
) -> None:
    """An authority may serve a test network and another one with one key."""
    public = run("keygen", tmp_path / "own.pem", "--json").json["public_key"]
    enrol = ("key", "enrol", "--gateway", live.url, "--role", "depositor", "--key", public)
    enrol = (*enrol, "--authority", key_file("authority"))
    ours, other = tmp_path / "ours.txt", tmp_path / "other.txt"
    ours.write_bytes(live.cluster.world.note().policy_text)
    other.write_bytes(type(live.cluster.world)(origin="cunzheng.test/b").note().policy_text)
    done = run(*enrol, "--policy", other)
    assert done.exit_code == 30, done.err
    assert "nothing was signed" in done.err
    done = run(*enrol, "--policy", ours, "--origin", "cunzheng.test/b")
    assert done.exit_code == 2
    assert not live.cluster.proposals
    done = run(*enrol, "--policy", ours)
    assert done.exit_code == 0, done.err
    assert "gateway's word" not in done.err


def iso(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, timezone(timedelta(hours=8))).isoformat()


def test_a_key_stolen_at_a_time_is_good_until_then(
    live: Live,
    run: Run,
    tmp_path: Path,
    key_file: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, hour_ms = live.cluster.clock, 3_600_000
    monkeypatch.setattr("time.time_ns", lambda: clock.now * 1_000_000)
    before, after = tmp_path / "before.txt", tmp_path / "after.txt"
    before.write_text("before")
    after.write_text("after")
    assert run("anchor", before, *live.access).exit_code == 0
    clock.now += 2 * hour_ms
    stolen = clock.now - hour_ms
    public = live.cluster.world.depositor.public.text
    revoke = ("key", "revoke", "--gateway", live.url, "--key", public, "--authority")
    done = run(*revoke, key_file("authority"), "--effective", iso(stolen), "--json")
    assert done.exit_code == 0, done.err
    record = parse_key_record(done.json["record"].encode())
    assert (record.effective, record.serial, record.role) == (stolen, 2, "depositor")
    refused = run("anchor", after, *live.access, "--json")
    assert refused.json["error"]["code"] == "KEY_NOT_ENROLLED"
    trust = ("--policy", live.policy)
    assert run("verify", before, *trust).exit_code == 10
    # Also as the chain gives it today, and not a minute of it depends on asking anybody.
    again = run(*revoke, key_file("authority"))
    assert again.exit_code == 2
    assert "revoked or replaced already" in again.err


def test_a_key_revoked_at_another_gateway_a_moment_ago_says_what_to_do(
    live: Live, run: Run, tmp_path: Path
) -> None:
    """This gateway does not know yet, so the deposit comes onto the chain in vain."""
    before, after = tmp_path / "before.txt", tmp_path / "after.txt"
    before.write_text("before")
    after.write_text("after")
    assert run("anchor", before, *live.access).exit_code == 0
    world = live.cluster.world
    revoke = world.key("revoke", world.depositor.public, 2)
    live.do(lambda: live.cluster.apply([revoke]))
    refused = run("anchor", after, *live.access)
    assert (refused.exit_code, "V302" in refused.err) == (30, True)
    assert "deposit again with a key that is in force" in refused.err


def test_a_successor_takes_a_keys_place(
    live: Live,
    run: Run,
    tmp_path: Path,
    key_file: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = live.cluster.clock
    monkeypatch.setattr("time.time_ns", lambda: clock.now * 1_000_000)
    new = tmp_path / "new.pem"
    successor = run("keygen", new, "--json").json["public_key"]
    done = run(
        *("key", "rotate", "--gateway", live.url, "--authority", key_file("authority")),
        *("--key", live.cluster.world.depositor.public.text, "--successor", successor),
    )
    assert done.exit_code == 0, done.err
    clock.now += 6_000
    file = tmp_path / "file.txt"
    file.write_text("x")
    assert run("anchor", file, *live.access, "--json").exit_code != 0
    access = [new if each == live.key else each for each in live.access]
    assert run("anchor", file, *access).exit_code == 0
    outcome = run("verify", file, "--policy", live.policy, "--json")
    assert outcome.exit_code == 10, outcome.out
    points = [each["key"] for each in outcome.json["results"][0]["verdict"]["open_points"]]
    assert "O06" not in points, "by the rotation enclosed, the successor is a depositor's key"


@pytest.mark.parametrize("text", ["yesterday", "2026-11-22T08:00:00", "0001-01-01T00:00:00+00:00"])
def test_a_time_without_its_offset_is_none(
    live: Live, run: Run, key_file: Callable[[str], Path], text: str
) -> None:
    outcome = run(
        *("key", "revoke", "--gateway", live.url, "--authority", key_file("authority")),
        *("--key", live.cluster.world.depositor.public.text, "--effective", text),
    )
    assert outcome.exit_code == 2
    assert "--effective" in outcome.err


def test_a_key_that_was_never_enrolled_cannot_be_revoked(
    live: Live, run: Run, key_file: Callable[[str], Path]
) -> None:
    outcome = run(
        *("key", "revoke", "--gateway", live.url, "--authority", key_file("authority")),
        *("--key", live.cluster.world.witness("nobody").public.text),
    )
    assert outcome.exit_code == 2
    assert "never enrolled" in outcome.err


def test_who_is_no_authority_enrols_nobody(
    live: Live, run: Run, key_file: Callable[[str], Path]
) -> None:
    key = live.cluster.world.witness("nobody").public.text
    enrol = ("key", "enrol", "--gateway", live.url, "--role", "court", "--key", key)
    stranger = key_file("stranger")
    assert run(*enrol, "--authority", stranger).exit_code == 70
    outcome = run(*enrol, "--authority", key_file("authority"), "--origin", "a.test/other")
    assert outcome.exit_code == 2
    assert "cunzheng.test/rooms" in outcome.err


def test_what_is_no_public_key(live: Live, run: Run, key_file: Callable[[str], Path]) -> None:
    for key in ("", "ed25519:", "ed25519:AAAA", "p256:AAAA", json.dumps({})):
        outcome = run(
            *("key", "enrol", "--gateway", live.url, "--role", "court", "--key", key),
            *("--authority", key_file("authority")),
        )
        assert outcome.exit_code == 2
