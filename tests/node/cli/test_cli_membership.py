"""init, join, leave, recover, policy write where nobody else answers: what is refused, and why."""

import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from consensus.messages import Entry, EntryKind, HardState
from devnet.ceremony import hold_ceremony
from devnet.places import Places
from node import keyfile
from node.cli import join, leave
from node.config import load_member
from node.evidence.policy import fingerprint, parse_policy
from node.evidence.record import parse_genesis
from node.member.directory import open_directory
from node.member.process import read_genesis
from node.words import Answer

COULD_NOT_CHECK = Answer.COULD_NOT_CHECK.exit_code


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Two members with their directories; neither runs."""
    return hold_ceremony(tmp_path / "net", members=2, gateways=0)


def data(places: Places) -> Path:
    return places.directory / "court" / "data"


def test_init_makes_a_voter_once(run: Any, places: Places) -> None:
    settings, made = places.settings("court"), (data(places) / "incarnation").read_text()
    refused = run("init", settings)
    assert refused.exit_code == 2
    assert "is not empty" in refused.err
    assert "cunzheng member" in refused.err
    shutil.rmtree(data(places))
    done = run("init", settings, "--voters", places.voters, "--json")
    assert done.json["replica_id"] + "\n" == made
    shutil.rmtree(data(places))
    alone = run("init", settings, "--lang", "zh")
    assert alone.exit_code == 0
    assert (data(places) / "incarnation").read_text() != made
    assert "数据目录已创建" in alone.err


def test_init_is_for_members_of_the_file_and_of_the_policy(run: Any, places: Places) -> None:
    shutil.rmtree(data(places))
    settings = places.settings("court")
    text = settings.read_text()
    for old, new, why in (
        (places.members["court"], "127.0.0.1:9", "with another address than 127.0.0.1:9"),
        ('log_key = "log-key.pem"', 'log_key = "witness-key.pem"', "does not name court with"),
    ):
        settings.write_text(text.replace(old, new))
        refused = run("init", settings, "--voters", places.voters)
        assert (refused.exit_code, why in refused.err) == (2, True), refused.err
    settings.write_text(text)
    refused = run("init", settings, "--voters", places.policy)
    assert (refused.exit_code, str(places.policy) in refused.err) == (2, True)
    assert not data(places).exists()


def test_join_waits_for_somebody_to_answer(
    run: Any, places: Places, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(join, "PATIENCE_S", 1.2)
    refused = run("join", places.settings("court"))
    assert (refused.exit_code, "0 of 0 members that answer say" in refused.err) == (2, True)
    shutil.rmtree(data(places))
    caplog.clear()
    unknown = run("join", places.settings("court"))
    assert (unknown.exit_code, "none of the members" in unknown.err) == (COULD_NOT_CHECK, True)
    # Why nobody answers is said once, however often they are asked.
    (reason,) = [line for line in caplog.messages if line.startswith("notary: ")]
    assert "Connection refused" in reason
    assert not data(places).exists()


def test_leave_does_not_know_what_nobody_confirms(
    run: Any, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leave, "PATIENCE_S", 0.5)
    unknown = run("leave", places.settings("court"), "--member", "notary", "--json")
    assert unknown.exit_code == COULD_NOT_CHECK
    assert unknown.json["exit_code"] == COULD_NOT_CHECK
    assert "it is not known that notary has left" in unknown.err


def test_recover_shows_what_there_is_and_asks(run: Any, places: Places) -> None:
    """There is no terminal to answer at here."""
    before = (data(places) / "incarnation").read_text()
    notary = load_member(places.settings("notary"))
    nothing = run("recover", places.settings("court"), notary.data, "--yes")
    assert (nothing.exit_code, "single entry" in nothing.err) == (2, True)
    nowhere = places.directory / "nowhere"
    mistyped = run("recover", places.settings("court"), notary.data, nowhere, "--yes")
    assert (mistyped.exit_code, f"{nowhere} is no directory" in mistyped.err) == (2, True)
    directory = open_directory(notary, read_genesis(notary))
    noop = Entry(1, 1, EntryKind.NOOP, 1_790_000_000_000, "notary", "0.1.0", b"")
    directory.journal.append(HardState(1), (noop,))
    directory.close()
    asked = run("recover", places.settings("court"), notary.data)
    assert (asked.exit_code, "add --yes" in asked.err) == (2, True)
    assert "1 entries, the last of term 1, whole" in asked.out
    assert (data(places) / "incarnation").read_text() == before
    done = run("recover", places.settings("court"), notary.data, "--yes", "--json")
    assert (done.json["height"], done.json["term"]) == (2, 2)
    assert Path(done.json["set_aside"]) == data(places).with_name("data.lost-1")
    assert (data(places) / "incarnation").read_text() == f"{done.json['replica_id']}\n"


def test_recover_leaves_alone_what_somebody_may_have_recovered(run: Any, places: Places) -> None:
    """Whoever listens there may know nobody here any more, and answer nothing."""
    before = (data(places) / "incarnation").read_text()
    host, _, port = places.members["notary"].rpartition(":")
    with socket.create_server((host, int(port))):
        refused = run("recover", places.settings("court"), data(places), "--yes")
    assert (refused.exit_code, "somebody listens at notary" in refused.err) == (2, True)
    assert (data(places) / "incarnation").read_text() == before


def test_recover_finishes_what_was_stopped_before_its_last_step(run: Any, places: Places) -> None:
    """Killed between setting aside what was there and putting into place what it had made: it is
    all that is left, and given as COPY it would have been deleted."""
    made = (data(places) / "incarnation").read_text()
    new = data(places).with_name("data.new")
    data(places).rename(new)
    finished = run("recover", places.settings("court"), new, "--yes")
    assert (finished.exit_code, "stopped before its last step" in finished.err) == (2, True)
    assert (data(places) / "incarnation").read_text() == made
    assert not new.exists()


# The policy a chain begins with.


def plan(tmp_path: Path) -> str:
    keys = {
        name: keyfile.create(tmp_path / f"{name}.pem", "").public.text
        for name in ("authority", "log", "witness")
    }
    return f"""\
origin = "evidence.example/2026"
network = "test"
quorum = 1
authorities = ["{keys["authority"]}"]

[[members]]
name = "court"
kind = "court"
organisation = "示例互联网法院"
log_key = "{keys["log"]}"
witness_key = "{keys["witness"]}"
"""


def test_a_policy_is_written_once(run: Any, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(plan(tmp_path), "utf-8")
    done = run("policy", "write", tmp_path / "plan.toml", "--json")
    text = (tmp_path / "policy.txt").read_bytes()
    policy, genesis = parse_policy(text), parse_genesis((tmp_path / "genesis.txt").read_bytes())
    assert done.json["fingerprint"] == fingerprint(text)
    assert (policy.quorum, [each.member for each in policy.sealers]) == (1, ["court"])
    assert genesis.note.policy_text == text
    assert genesis.note.members_text == (tmp_path / "members.txt").read_bytes()
    again = run("policy", "write", tmp_path / "plan.toml")
    assert (again.exit_code, "a chain has one beginning" in again.err) == (2, True)
    assert (tmp_path / "policy.txt").read_bytes() == text


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("quorum = 1", "quorum = 2", "quorum is not 1 to the number of members"),
        ("quorum = 1", 'quorum = "1"', "`quorum` is not a number"),
        ("quorum = 1", "quorum = true", "`quorum` is not a number"),
        ('kind = "court"', 'kind = "bank"', "kind"),
        ("witness_key = ", "witnes_key = ", "unknown setting `witnes_key`"),
        ('authorities = ["ed25519:', 'authorities = ["rsa:', "public key"),
        ('log_key = "ed25519:', 'log_key = "ed25519:COURT-', "the plan's log_key of court, "),
        ('"test"', '"trial"', "neither test nor production"),
    ],
)
def test_what_a_policy_cannot_say(run: Any, tmp_path: Path, old: str, new: str, why: str) -> None:
    text = plan(tmp_path)
    assert old in text
    (tmp_path / "plan.toml").write_text(text.replace(old, new), "utf-8")
    refused = run("policy", "write", tmp_path / "plan.toml")
    assert (refused.exit_code, why in refused.err) == (2, True), refused.err
    assert not (tmp_path / "genesis.txt").exists()
