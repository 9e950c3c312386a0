"""`cunzheng key enrol`: an enrolling authority says whose key may do what, from now on."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from node.cli.arguments import add_api_key, add_gateway, common
from node.cli.client import GatewayClient, read_api_key
from node.cli.failure import Failure
from node.cli.keys import load_key
from node.cli.language import Language, Text, said
from node.cli.terminal import Terminal
from node.evidence.enrolment import ROLES, KeyRecord, format_key_record
from node.evidence.keys import PublicKey, parse_public_key
from node.evidence.malformed import Malformed
from node.evidence.policy import parse_policy
from node.words import Answer, State

PATIENCE_S = 10.0


def configure(parser: argparse.ArgumentParser, language: Language) -> None:
    """The arguments of `key`."""
    actions = parser.add_subparsers(metavar="enrol", required=True)
    summary = said(
        Text("由登记机构登记一个签名密钥", "enrol a signing key, as an enrolling authority"),
        language,
    )
    action = actions.add_parser(
        "enrol",
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
        help=said(Text("要登记的公钥", "the public key to enrol"), language),
    )
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
    add_gateway(action, language)
    add_api_key(action, language)


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Sign the key record and hand it in."""
    key, authority = _public_key(arguments.key), load_key(arguments.authority, terminal)
    api_key = read_api_key(arguments.api_key_file, terminal)
    with GatewayClient(arguments.gateway, terminal, api_key) as gateway:
        origin = arguments.origin
        if origin is None:
            origin = parse_policy(gateway.policy_text(PATIENCE_S)).origin
        record = format_key_record(
            KeyRecord(
                origin=origin,
                action="enrol",
                effective=time.time_ns() // 1_000_000,
                key=key,
                role=arguments.role,
                serial=1,
            )
        )
        value = gateway.hand_in(record, authority.public, authority.sign(record), PATIENCE_S)
    committed = value.get("state") == State.COMMITTED.name
    exit_code = 0 if committed else Answer.PENDING.exit_code
    terminal.json({"record": record.decode(), "answer": value, "exit_code": exit_code})
    state = State.COMMITTED if committed else State.PENDING
    terminal.line(f"{key.text}  {arguments.role}  {terminal.said(state)}")
    return exit_code


def _public_key(text: str) -> PublicKey:
    try:
        return parse_public_key(text)
    except Malformed as error:
        raise Failure(
            f"--key 不是公钥（{error}）；请使用 cunzheng keygen 给出的那一行（ed25519: 开头）。",
            f"--key is no public key ({error}); use the line that cunzheng keygen printed "
            "(ed25519:...).",
        ) from error
