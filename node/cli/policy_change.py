"""`cunzheng policy change | sign | submit | history`: another policy for a chain that runs.

One member makes the next policy from a plan and signs it (`change`), the file goes round, others
sign it with their log keys (`sign`), and when a quorum of the policy in force has, anyone brings it
onto the chain (`submit`). `history` keeps all policies so far, for whoever verifies old proofs by a
new fingerprint.

What is changed is shown against the policy in force. That one is a gateway's word, so whoever signs
names a policy of this chain from elsewhere, from which it must descend.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from node.cli.arguments import (
    add_gateway,
    add_policies,
    add_trust,
    common,
    trust,
)
from node.cli.connecting import connect
from node.cli.failure import Failure
from node.cli.files import read_limited, write_whole
from node.cli.keys import load_key
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.errors import Misconfigured
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.members import parse_members
from node.evidence.policy import Policy, fingerprint
from node.evidence.policy_note import (
    NOTE_SIZE_MAX,
    PolicyNote,
    format_policy_note,
    parse_policy_note,
    signers,
)
from node.evidence.succession import (
    Succession,
    format_policies,
    propose,
    sign,
)
from node.words import Answer, State

PATIENCE_S = 10.0

CHANGE = Text(
    "由方案写出下一个策略并首先签名", "the next policy from a plan, signed by its first member"
)
SIGN = Text("核对并签署下一个策略", "look at the next policy, and sign it")
SUBMIT = Text("将签署完毕的策略上链生效", "put a policy that enough have signed into force")
HISTORY = Text("保存本链迄今的全部策略", "keep all policies of the chain so far")


def configure(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], language: Language
) -> None:
    """The arguments of the four."""
    for name, summary, call in (
        ("change", CHANGE, _change),
        ("sign", SIGN, _sign),
        ("submit", SUBMIT, _submit),
        ("history", HISTORY, _history),
    ):
        text = said(summary, language)
        action = actions.add_parser(
            name, help=text, description=text, allow_abbrev=False, parents=[common(language)]
        )
        action.set_defaults(call=call)
        if name in ("change", "sign"):
            _add_signing(action, language)
        if name != "history":
            what = "PLAN.toml" if name == "change" else "POLICY"
            help_ = Text("方案", "the plan") if name == "change" else Text("策略文件", "its file")
            action.add_argument("file", type=Path, metavar=what, help=said(help_, language))
        if name == "history":
            action.add_argument(
                "--newest",
                type=Path,
                metavar="FILE",
                help=said(
                    Text(
                        "另将现行策略写入此文件（policy.txt），供外部联签方使用",
                        "also write the policy in force here, for witnesses (their policy.txt)",
                    ),
                    language,
                ),
            )
        if name in ("change", "history"):
            action.add_argument(
                "--out",
                type=Path,
                required=True,
                metavar="FILE",
                help=said(Text("写入此文件", "written here"), language),
            )
        _add_source(action, language, only_gateway=name in ("submit", "history"))


def _add_signing(action: argparse.ArgumentParser, language: Language) -> None:
    action.add_argument(
        "--key",
        type=Path,
        required=True,
        metavar="KEYFILE",
        help=said(Text("本成员的 log_key 文件", "this member's log key"), language),
    )
    action.add_argument(
        "--yes",
        action="store_true",
        help=said(Text("不再询问", "do not ask"), language),
    )
    add_trust(action, language)


def _add_source(action: argparse.ArgumentParser, language: Language, *, only_gateway: bool) -> None:
    """Where the policies so far come from."""
    if only_gateway:
        add_gateway(action, language)
        return
    add_gateway(action, language, required=False)
    add_policies(action, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Do one of the four."""
    result: int = arguments.call(arguments, terminal)
    return result


def _change(arguments: argparse.Namespace, terminal: Terminal) -> int:
    from node.config import load_plan
    from node.membership.founding import policy_texts

    plan, log = load_plan(arguments.file), load_key(arguments.key, terminal)
    previous = _trusted(arguments, terminal).notes[-1]
    rules = max(plan.rules, previous.rules)
    try:
        texts = policy_texts(plan, previous.serial + 1, rules)
        note = propose(previous, *texts, log)
    except Malformed as error:
        raise Misconfigured(f"{arguments.file}: {error}") from error
    except BadSignature as error:
        raise _not_signed(error) from error
    _show(terminal, previous, note)
    _confirm(arguments, terminal)
    write_whole(arguments.out, format_policy_note(note), replace=False)
    return _signed(arguments.out, previous, note, terminal)


def _sign(arguments: argparse.Namespace, terminal: Terminal) -> int:
    log, note = load_key(arguments.key, terminal), _read(arguments.file)
    previous = _trusted(arguments, terminal).notes[-1]
    note = _checked(previous, note, log)
    _show(terminal, previous, note)
    _confirm(arguments, terminal)
    # In place: what is there stays until the whole new file is, and the file only gains a line.
    write_whole(arguments.file, format_policy_note(note), replace=True)
    return _signed(arguments.file, previous, note, terminal)


def _submit(arguments: argparse.Namespace, terminal: Terminal) -> int:
    note = _read(arguments.file)
    with connect(arguments.gateway, terminal) as gateway:
        value = gateway.submit_policy(format_policy_note(note), PATIENCE_S)
    committed = value.get("state") == State.COMMITTED.name
    state = State.COMMITTED if committed else State.PENDING
    exit_code = 0 if committed else Answer.PENDING.exit_code
    terminal.json({"answer": value, "exit_code": exit_code})
    terminal.line(f"{fingerprint(note.policy_text)}  {note.serial}  {terminal.said(state)}", "bold")
    if committed:
        terminal.note(
            "请公布新的策略指纹；旧证明仍可凭旧指纹核验，或凭新指纹加 policy history 文件核验。",
            "Publish the new fingerprint. Old proofs still verify by the old one, or by the new "
            "one with the file of `policy history`.",
        )
    return exit_code


def _history(arguments: argparse.Namespace, terminal: Terminal) -> int:
    with connect(arguments.gateway, terminal) as gateway:
        succession = gateway.policies(PATIENCE_S)
    write_whole(arguments.out, format_policies(succession), replace=True)
    if arguments.newest is not None:
        write_whole(arguments.newest, succession.notes[-1].policy_text, replace=True)
    rows = [
        (
            str(each.serial),
            fingerprint(each.policy_text),
            terminal.pick(f"规则 {each.rules}", f"rules {each.rules}"),
        )
        for each in succession.notes
    ]
    terminal.json({"fingerprints": [row[1] for row in rows], "exit_code": 0})
    terminal.columns(rows)
    return 0


def _trusted(arguments: argparse.Namespace, terminal: Terminal) -> Succession:
    """The policies so far, once one of them is known from elsewhere."""
    anchor = trust(arguments)
    if anchor is None:
        raise Failure(
            "请用 --policy（如 genesis.txt）或 --policy-fingerprint 给出从别处取得的本链策略。",
            "name a policy of this chain that you have from elsewhere: --policy (genesis.txt will "
            "do) or --policy-fingerprint.",
        )
    if anchor.succession is not None:
        succession = anchor.succession
    elif arguments.gateway is not None:
        with connect(arguments.gateway, terminal) as gateway:
            succession = gateway.policies(PATIENCE_S)
    else:
        raise Failure("请给出 --gateway 或 --policies。", "name --gateway or --policies.")
    if not any(anchor.names(each.policy_text) for each in succession.notes):
        raise Failure(
            "所得策略并非由您给出的策略演变而来；请勿签署，并向其他成员核实。",
            "these policies do not descend from the one you named: do not sign, ask the others.",
            Answer.PROOF_NOT_VALID,
        )
    return succession


def _read(path: Path) -> PolicyNote:
    try:
        return parse_policy_note(read_limited(path, NOTE_SIZE_MAX))
    except Malformed as error:
        raise Misconfigured(f"{path}: {error}") from error


def _checked(previous: PolicyNote, note: PolicyNote, log: Signer) -> PolicyNote:
    try:
        return sign(previous, note, log)
    except (Malformed, BadSignature) as error:
        raise _not_signed(error) from error


def _not_signed(error: Exception) -> Failure:
    return Failure(f"未签署：{error}。", f"not signed: {error}.")


def _show(terminal: Terminal, previous: PolicyNote, note: PolicyNote) -> None:
    """What is about to change, old and new."""
    terminal.line(terminal.pick("将变更的内容", "What changes"), "bold")
    before, after = previous.policy, note.policy
    heads = [
        ("", terminal.pick("现行", "now"), terminal.pick("变更后", "then")),
        (terminal.pick("策略序号", "serial"), str(before.serial), str(after.serial)),
        (
            terminal.pick("策略指纹", "fingerprint"),
            fingerprint(previous.policy_text),
            fingerprint(note.policy_text),
        ),
    ]
    rows = list(_rows(previous, note, terminal))
    terminal.columns(heads + rows)
    terminal.line()
    if not rows:
        terminal.note(
            "除序号外没有任何变更；请核对方案。",
            "Nothing but the serial changes: look at the plan again.",
            "yellow",
        )


def _rows(
    previous: PolicyNote, note: PolicyNote, terminal: Terminal
) -> Iterator[tuple[str, str, str]]:
    before, after = previous.policy, note.policy
    for name, zh, en in (
        ("rules", "规则编号", "rules"),
        ("quorum", "最低联签数", "quorum"),
        ("skew_ms", "允许的时钟误差（毫秒）", "clock skew (ms)"),
    ):
        old, new = str(getattr(before, name)), str(getattr(after, name))
        if old != new:
            yield terminal.pick(zh, en), old, new
    olds, news = (_members(each) for each in (previous, note))
    for place in dict.fromkeys((*olds, *news)):
        old, new = olds.get(place, "-"), news.get(place, "-")
        if old != new:
            yield " ".join(place), old, new
    for text in sorted(_authorities(before) ^ _authorities(after)):
        there = text in _authorities(before)
        name = terminal.pick("登记机构", "authority")
        yield name, text if there else "-", "-" if there else text


def _members(note: PolicyNote) -> dict[tuple[str, str], str]:
    """All that a policy says of its members, each under the member and the word of the plan."""
    named = {each.name: each for each in parse_members(note.members_text)}
    told: dict[tuple[str, str], str] = {}
    for sealer in note.policy.sealers:
        member = named[sealer.member]
        told |= {
            (member.name, "kind"): member.kind,
            (member.name, "organisation"): member.organisation,
            (member.name, "log_key"): sealer.log.text,
            (member.name, "witness_key"): sealer.witness.text,
            **{(member.name, f"{key.algorithm}_key"): key.text for key in member.keys},
        }
    return told


def _authorities(policy: Policy) -> set[str]:
    return {key.text for key in policy.authorities}


def _confirm(arguments: argparse.Namespace, terminal: Terminal) -> None:
    if arguments.yes:
        return
    if not sys.stdin.isatty():
        raise Failure(
            "没有终端可供确认；确认无误后请加 --yes。",
            "there is no terminal to confirm at; when you are sure, add --yes.",
        )
    terminal.note("输入 sign 以签署：", "Type sign to sign it:")
    if sys.stdin.readline().strip() != "sign":
        raise Failure("未确认，未签署。", "not confirmed; nothing was signed.")


def _signed(path: Path, previous: PolicyNote, note: PolicyNote, terminal: Terminal) -> int:
    """Who has signed, and what is to do next."""
    found, quorum = signers(previous, note), previous.policy.quorum
    text = fingerprint(note.policy_text)
    value = {"serial": note.serial, "fingerprint": text, "signed": found, "quorum": quorum}
    terminal.json(value | {"exit_code": 0})
    names = ", ".join(found)
    terminal.line(
        terminal.pick(
            f"已签署：{names}（需 {quorum} 家）", f"signed by {names} ({quorum} are needed)"
        ),
        "bold",
    )
    if len(found) < quorum:
        terminal.note(
            f"请将 {path} 交给其他成员：cunzheng policy sign {path}",
            f"Hand {path} to the other members: cunzheng policy sign {path}",
        )
    else:
        terminal.note(
            f"可以上链：cunzheng policy submit {path}", f"Enough: cunzheng policy submit {path}"
        )
    return 0
