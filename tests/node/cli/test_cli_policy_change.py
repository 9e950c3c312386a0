"""A chain that runs gets another policy: made from a plan, signed in a round, put into force."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.cli import policy_change
from node.evidence.members import parse_members
from node.evidence.policy import fingerprint
from node.evidence.policy_note import parse_policy_note
from node.evidence.succession import parse_policies

Live, Run = Any, Any
Keys = Callable[[str], Path]

MEMBER = """
[[members]]
name = "{name}"
kind = "{kind}"
organisation = "示例 {name}"
log_key = "{log}"
witness_key = "{witness}"
"""


@pytest.fixture
def plan(live: Live, tmp_path: Path) -> Path:
    """The same members, and all of them needed."""
    world = live.cluster.world
    lines = [
        f'origin = "{world.origin}"',
        'network = "test"',
        "quorum = 3",
        f'authorities = ["{world.authority.public.text}"]',
    ]
    kinds = {"court": "court", "forensic": "forensic", "notary": "notary"}
    lines += [
        MEMBER.format(
            name=name,
            kind=kinds[name],
            log=world.log(name).public.text,
            witness=world.witness(name).public.text,
        )
        for name in world.names
    ]
    path = tmp_path / "plan.toml"
    path.write_text("\n".join(lines))
    return path


def trusted(live: Live) -> tuple[Any, ...]:
    return ("--gateway", live.url, "--policy", live.policy, "--yes")


def test_from_a_plan_to_a_policy_in_force(
    live: Live, run: Run, plan: Path, tmp_path: Path, key_file: Keys
) -> None:
    old = tmp_path / "old.txt"
    old.write_text("deposited before the change")
    assert run("anchor", old, *live.access).exit_code == 0
    first = fingerprint(live.policy.read_bytes())

    change = tmp_path / "policy-2.txt"
    made = run(
        *("policy", "change", plan, "--key", key_file("court log"), "--out", change),
        *trusted(live),
    )
    assert made.exit_code == 0, made.err
    assert "quorum" in made.out
    assert "signed by court (2 are needed)" in made.out
    early = run("policy", "submit", change, "--gateway", live.url, "--json")
    assert early.json["error"]["code"] == "POLICY_NOT_NEXT"

    signed = run(
        *("policy", "sign", change, "--key", key_file("notary log"), "--json"), *trusted(live)
    )
    assert signed.json["signed"] == ["court", "notary"]
    done = run("policy", "submit", change, "--gateway", live.url)
    assert done.exit_code == 0, done.err
    newest = fingerprint(parse_policy_note(change.read_bytes()).policy_text)
    assert newest in done.out
    assert run("policy", "submit", change, "--gateway", live.url).exit_code == 0, "once is enough"

    history, policy = tmp_path / "policies.txt", tmp_path / "policy.txt"
    kept = run("policy", "history", "--gateway", live.url, "--out", history, "--newest", policy)
    assert kept.exit_code == 0, kept.err
    assert [each.serial for each in parse_policies(history.read_bytes()).notes] == [1, 2]

    # What was sealed under the first policy is judged by who was told the newest only.
    assert run("verify", old, "--policy-fingerprint", first).exit_code == 10
    assert run("verify", old, "--policy-fingerprint", newest).exit_code == 30
    by_newest = ("verify", old, "--policy-fingerprint", newest)
    assert run(*by_newest, "--policies", history).exit_code == 10
    for file in (policy, change):
        assert newest in run("policy", "fingerprint", file).out
        assert run("verify", old, "--policy", file, "--policies", history).exit_code == 10
    # And what is sealed under the second, by who was told the first.
    new = tmp_path / "new.txt"
    new.write_text("deposited after the change")
    assert run("anchor", new, *live.access).exit_code == 0
    outcome = run("verify", new, "--policy-fingerprint", first, "--json")
    assert outcome.exit_code == 10, outcome.out


def test_the_rules_are_raised_and_members_get_further_keys(
    live: Live, run: Run, plan: Path, tmp_path: Path, key_file: Keys
) -> None:
    keys = {}
    for suite in ("p256", "sm2"):
        made = run("keygen", tmp_path / f"{suite}.pem", "--algorithm", suite, "--json")
        keys[suite] = made.json["public_key"]
    text = plan.read_text("utf-8").replace("quorum = 3", "quorum = 2\nrules = 2")
    further = "".join(f'{suite}_key = "{key}"\n' for suite, key in keys.items())
    plan.write_text(text.replace('name = "court"\n', f'name = "court"\n{further}'), "utf-8")
    change = tmp_path / "policy-2.txt"
    begin = ("policy", "change", plan, "--key", key_file("court log"), "--out", change)
    made = run(*begin, *trusted(live))
    assert made.exit_code == 0, made.err
    # Whoever signs reads each key as it stands in the plan, and nothing that stays as it is.
    lines = [line.strip() for line in made.out.splitlines() if line.strip()]
    shown = {line.partition("  ")[0]: line.split()[-1] for line in lines}
    assert {name: shown[f"court {name}_key"] for name in keys} == keys
    assert "court log_key" not in shown
    run("policy", "sign", change, "--key", key_file("notary log"), *trusted(live))
    assert run("policy", "submit", change, "--gateway", live.url).exit_code == 0
    note = live.cluster.memory.chain.note
    assert (note.rules, note.policy.quorum) == (2, 2)
    court, *others = parse_members(note.members_text)
    assert [key.text for key in court.keys] == list(keys.values())
    assert not any(each.keys for each in others)


def test_a_plan_that_changes_nothing_is_told(
    live: Live, run: Run, plan: Path, tmp_path: Path, key_file: Keys
) -> None:
    plan.write_text(plan.read_text("utf-8").replace("quorum = 3", "quorum = 2"), "utf-8")
    change = tmp_path / "policy-2.txt"
    made = run(
        *("policy", "change", plan, "--key", key_file("court log"), "--out", change),
        *trusted(live),
    )
    assert "Nothing but the serial changes" in made.err


def test_nothing_is_signed_that_does_not_descend_from_a_known_policy(
    live: Live, run: Run, plan: Path, tmp_path: Path, key_file: Keys
) -> None:
    change = tmp_path / "policy-2.txt"
    begin = ("policy", "change", plan, "--key", key_file("court log"), "--out", change, "--yes")
    nothing_known = run(*begin, "--gateway", live.url)
    assert (nothing_known.exit_code, change.exists()) == (2, False)
    other = run(*begin, "--gateway", live.url, "--policy-fingerprint", "-".join(["ABCD"] * 8))
    assert (other.exit_code, change.exists()) == (30, False)
    nobody_asked = run(*begin, "--policy", live.policy)
    assert (nobody_asked.exit_code, change.exists()) == (2, False)
    assert "--gateway" in nobody_asked.err


def test_whoever_is_no_member_signs_nothing(
    live: Live, run: Run, plan: Path, tmp_path: Path, key_file: Keys
) -> None:
    change = tmp_path / "policy-2.txt"
    begin = ("policy", "change", plan, "--out", change, *trusted(live), "--key")
    for name in ("authority", "court witness", "mallory"):
        outcome = run(*begin, key_file(name))
        assert (outcome.exit_code, change.exists()) == (2, False)
    assert run(*begin, key_file("court log")).exit_code == 0
    before = change.read_bytes()
    outcome = run("policy", "sign", change, *trusted(live), "--key", key_file("mallory"))
    assert (outcome.exit_code, change.read_bytes()) == (2, before)


@pytest.mark.parametrize("answer", ["", "yes\n", "sign"])
def test_it_is_asked_first(
    live: Live,
    run: Run,
    plan: Path,
    tmp_path: Path,
    key_file: Keys,
    answer: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Typed:
        """A person at a terminal."""

        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr(policy_change.sys, "stdin", Typed())
    change = tmp_path / "policy-2.txt"
    outcome = run(
        *("policy", "change", plan, "--out", change, "--key", key_file("court log")),
        *("--gateway", live.url, "--policy", live.policy),
    )
    assert change.exists() == (answer == "sign")
    assert outcome.exit_code == (0 if answer == "sign" else 2)


def test_without_a_network(
    live: Live, run: Run, plan: Path, tmp_path: Path, key_file: Keys
) -> None:
    """A log key may live on a machine that talks to nobody."""
    history, change = tmp_path / "policies.txt", tmp_path / "policy-2.txt"
    run("policy", "history", "--gateway", live.url, "--out", history)
    known = ("--policies", history, "--policy", live.policy, "--yes")
    made = run("policy", "change", plan, "--key", key_file("notary log"), "--out", change, *known)
    assert made.exit_code == 0, made.err
    damaged = tmp_path / "damaged.txt"
    damaged.write_bytes(history.read_bytes()[:-1])
    bad = ("--policies", damaged, "--policy", live.policy, "--yes")
    outcome = run("policy", "sign", change, "--key", key_file("court log"), *bad)
    assert outcome.exit_code == 2
    assert "not a valid policies file" in outcome.err
