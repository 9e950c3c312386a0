"""`cunzheng key enrol|rotate|revoke`: an enrolling authority says whose key may do what, from when.

A revocation speaks about the time from `--effective` on: what was deposited before it still
verifies, what came into a block later does not. So when a key was stolen, the time of the theft is
given, not the time of the revocation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from node.cli.arguments import add_api_key, add_gateway, add_trust, common, trust
from node.cli.connecting import connect, read_api_key
from node.cli.failure import Failure
from node.cli.keys import load_key
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.cli.times import now_ms, read_time
from node.client.gateway import Gateway
from node.evidence.enrolment import ACTIONS, ROLES, KeyRecord, format_key_record
from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.policy import parse_policy
from node.words import Answer, State

PATIENCE_S = 10.0

_SUMMARIES = {
    "enrol": Text("由登记机构登记一个签名密钥", "enrol a signing key, as an enrolling authority"),
    "rotate": Text(
        "由登记机构以新密钥接替旧密钥", "put a new key in place of one, as an enrolling authority"
    ),
    "revoke": Text("由登记机构撤销一个密钥", "revoke a key, as an enrolling authority"),
}


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `key`."""
    actions = parser.add_subparsers(metavar="|".join(ACTIONS), required=True, dest="action")
    for action, text in _SUMMARIES.items():
        _configure(actions, action, said(text, language), language)


def _configure(
    actions: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    summary: str,
    language: Language,
) -> None:
    action = actions.add_parser(
        name,
        help=summary,
        description=summary,
        allow_abbrev=False,
        parents=[common(language)],
    )
    action.add_argument(
        "--authority",
        type=Path,
        required=True,
        metavar="KEYFILE",
        help=said(Text("登记机构的私钥文件", "the enrolling authority's key file"), language),
    )
    action.add_argument(
        "--key",
        required=True,
        metavar="ed25519:...",
        help=said(Text("所涉公钥", "the public key it is about"), language),
    )
    if name == "rotate":
        action.add_argument(
            "--successor",
            required=True,
            metavar="ed25519:...",
            help=said(Text("接替它的公钥", "the public key that takes its place"), language),
        )
    if name == "enrol":
        action.add_argument(
            "--role",
            required=True,
            choices=ROLES,
            help=said(Text("该密钥的角色", "what the key is for"), language),
        )
        action.add_argument(
            "--origin",
            help=said(Text("链名（默认询问网关）", "the chain (default: the gateway's)"), language),
        )
    action.add_argument(
        "--effective",
        metavar="TIME",
        help=said(
            Text(
                "自何时起生效，如 2026-11-22T08:00:00+08:00（默认为现在）；密钥失窃时填失窃时间",
                "from when on, like 2026-11-22T08:00:00+08:00 (default: now); for a stolen key the "
                "time it was stolen",
            ),
            language,
        ),
    )
    add_trust(action, language)
    add_gateway(action, language)
    add_api_key(action, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Sign the key record and hand it in."""
    key = _public_key("--key", arguments.key)
    effective = (
        now_ms() if arguments.effective is None else read_time("--effective", arguments.effective)
    )
    successor = None
    if arguments.action == "rotate":
        successor = _public_key("--successor", arguments.successor)
    authority = load_key(arguments.authority, terminal)
    api_key = read_api_key(arguments.api_key_file, terminal)
    with connect(arguments.gateway, terminal, api_key) as gateway:
        if arguments.action == "enrol":
            role, serial = arguments.role, 1
        else:
            role, serial = _standing(gateway, key)
        origin = _origin(arguments, gateway, terminal)
        record = format_key_record(
            KeyRecord(
                origin=origin,
                action=arguments.action,
                effective=effective,
                key=key,
                role=role,
                serial=serial,
                successor=successor,
            )
        )
        value = gateway.hand_in(record, authority.public, authority.sign(record), PATIENCE_S)
    committed = value.get("state") == State.COMMITTED.name
    exit_code = 0 if committed else Answer.PENDING.exit_code
    terminal.json({"record": record.decode(), "answer": value, "exit_code": exit_code})
    state = State.COMMITTED if committed else State.PENDING
    terminal.line(f"{key.text}  {role}  {arguments.action}  {terminal.said(state)}")
    return exit_code


def _origin(arguments: argparse.Namespace, gateway: Gateway, terminal: Terminal) -> str:
    """The chain the record is for. A gateway that may choose it has an authority that serves two
    chains sign for the other one."""
    named, anchor = getattr(arguments, "origin", None), trust(arguments)
    if anchor is not None:
        notes = gateway.policies(PATIENCE_S).notes
        if not any(anchor.names(each.policy_text) for each in notes):
            raise Failure(
                "该网关的链并非您给出的策略所属的链，未签署；请核对网关地址。",
                "the gateway's chain is not the one of the policy you named, and nothing was "
                "signed; check the gateway's address.",
                Answer.PROOF_NOT_VALID,
            )
        if named is None or named == notes[-1].origin:
            return notes[-1].origin
        raise Failure(
            f"--origin 与您给出的策略所属的链（{notes[-1].origin}）不符，未签署。",
            f"--origin is not the chain of the policy you named ({notes[-1].origin}); nothing was "
            "signed.",
        )
    if named is not None:
        return str(named)
    origin = parse_policy(gateway.policy_text(PATIENCE_S)).origin
    terminal.note(
        f"链名 {origin} 为网关所称；请以 --policy 或 --policy-fingerprint 给出从别处取得的策略。",
        f"That the chain is {origin} is the gateway's word; name its policy, had from elsewhere, "
        "with --policy or --policy-fingerprint.",
        "yellow",
    )
    return origin


def _standing(gateway: Gateway, key: PublicKey) -> tuple[str, int]:
    """The role of a key by what the gateway says of it, and the serial that the next record about
    it must have. The members check both."""
    records, next_serial = gateway.key_records(key, PATIENCE_S)
    if not records:
        raise Failure(
            "链上没有登记过这个密钥；请核对公钥，或先用 key enrol 登记。",
            "this key was never enrolled on the chain; check it, or enrol it first (key enrol).",
        )
    return records[0].role, next_serial


def _public_key(name: str, text: str) -> PublicKey:
    try:
        return parse_public_key(text)
    except Malformed as error:
        raise Failure(
            f"{name} 不是公钥（{error}）；请使用 cunzheng keygen 给出的那一行（ed25519: 开头）。",
            f"{name} is no public key ({error}); use the line that cunzheng keygen printed "
            "(ed25519:...).",
        ) from error
