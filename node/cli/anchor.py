"""`cunzheng anchor`: files in, proofs beside them. Content is hashed here and never sent.

In this order, so that stopping anywhere loses nothing:

 1. hash all files; whatever cannot be deposited is named before anything happens, and a gateway of
    another chain than that of the policy given is refused;
 2. write the batch files (salts, statement, signature), durably;
 3. send each statement, again after any doubt: the same bytes are never deposited twice;
 4. once a quorum of members has sealed it, derive every file's proof, verify it, write it.

After a stop between 2 and 4, `cunzheng anchor --resume BATCHFILE` goes on with the same bytes. What
the depositor has of the gateway until then is its signed receipt, kept beside the batch file.
"""

from __future__ import annotations

import argparse
import secrets
import time

from node.cli.anchor_arguments import check, configure, terms_of
from node.cli.arguments import trust
from node.cli.batch_files import Kept, discard, keep, reopen
from node.cli.chain import gateways_own
from node.cli.connecting import connect, read_api_key
from node.cli.delivering import Delivered, Delivery, deliver
from node.cli.failure import Failure
from node.cli.files import PROOF_SUFFIX
from node.cli.intake import take_in
from node.cli.keys import load_key
from node.cli.receipts import keep_receipt
from node.cli.terminal import Terminal
from node.client.client import Client
from node.client.errors import ClientError, NotTaken, Pending
from node.client.gateway import Gateway
from node.client.preparing import prepare
from node.evidence.policy import parse_policy
from node.evidence.statement import statement_id
from node.evidence.steps import Anchor
from node.words import Notice, OpenPoint, State

__all__ = ["configure", "run"]

_EXPECTED = {OpenPoint.O02, OpenPoint.O09}
"""Open points that say only that a proof was just made, and verified here."""


def run(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Deposit, or go on with a deposit."""
    api_key, anchor = read_api_key(arguments.api_key_file, terminal), trust(arguments)
    check(arguments)
    with connect(arguments.gateway, terminal, api_key) as gateway:
        if arguments.resume is not None:
            kept = [reopen(path, terminal) for path in arguments.resume]
            anchor = anchor or gateways_own(gateway, arguments.patience, terminal)
        else:
            kept, anchor = _prepare(arguments, gateway, anchor, terminal)
        client, delivered = Client(gateway, anchor, patience_s=arguments.patience), []
        for number, each in enumerate(kept):
            try:
                delivered += _deposit(number, each, arguments, client, anchor, terminal)
            except ClientError as error:
                if error.nothing_taken and arguments.resume is None:
                    discard(kept[number:], terminal)
                raise
    _report(kept, delivered, terminal)
    return 0


def _prepare(
    arguments: argparse.Namespace, gateway: Gateway, anchor: Anchor | None, terminal: Terminal
) -> tuple[list[Kept], Anchor]:
    """Steps 1 and 2: nothing has been sent when this returns, and nothing can be lost any more.

    The trust anchor comes back too: where none was given, the gateway's own.
    """
    signer = load_key(arguments.key, terminal)
    first = arguments.files[0]
    folder = arguments.batch_dir or (first if first.is_dir() else first.parent)
    files = take_in(arguments.files, folder, terminal, skip=arguments.skip, force=arguments.force)
    if arguments.name and len(files) > 1:
        raise Failure("--name 只能用于一个文件。", "--name goes with one file.")
    if anchor is None:
        anchor = gateways_own(gateway, arguments.patience, terminal)
        assert anchor.policy_text is not None
        origin = parse_policy(anchor.policy_text).origin
    else:
        origin = Client(gateway, anchor, patience_s=arguments.patience).origin
    terms = terms_of(arguments, origin)
    kept, rest = [], files
    now_ms = time.time_ns() // 1_000_000
    for batch in prepare(files, terms, signer, folder, now_ms, secrets.token_bytes):
        own, rest = rest[: len(batch.items)], rest[len(batch.items) :]
        kept.append(keep(batch, folder, dict(enumerate(own))))
        path = kept[-1].path
        terminal.note(
            f"批次文件 {path} 已写入；如有中断，请运行 cunzheng anchor --resume {path}",
            f"The batch file {path} is written; after an interruption run "
            f"cunzheng anchor --resume {path}",
        )
    return kept, anchor


def _deposit(
    number: int,
    kept: Kept,
    arguments: argparse.Namespace,
    client: Client,
    anchor: Anchor,
    terminal: Terminal,
) -> list[Delivered]:
    """Steps 3 and 4 for one statement."""
    batch, name = kept.batch, arguments.idempotency_key
    identity = statement_id(batch.statement_bytes).hex()
    key = identity if name is None else f"{name}.{number}" if number else name
    try:
        deposited = client.deposit(batch, idempotency_key=key)
    except NotTaken as error:
        raise Failure(
            f"{error.zh}请改正后重新存证；同一批次可用 --resume {kept.path} 重发。",
            f"{error.en} Correct that and deposit again; the same batch can be sent again with "
            f"--resume {kept.path}.",
            error.answer,
        ) from error
    except Pending as error:
        keep_receipt(error, kept, terminal)
        raise Failure(
            f"{error.zh}；请稍后运行 cunzheng anchor --resume {kept.path}",
            f"{error.en}; later run cunzheng anchor --resume {kept.path}",
            error.answer,
        ) from error
    delivery = Delivery(anchor, kept.path.parent, kept.files, replace=arguments.force)
    return deliver(deposited.proven.proof, batch, delivery, terminal)


def _report(kept: list[Kept], delivered: list[Delivered], terminal: Terminal) -> None:
    terminal.json(
        {
            "state": State.FINAL.name,
            "batches": [str(each.path) for each in kept],
            "deposits": [
                {
                    "evidence_no": each.number,
                    "file": None if each.file is None else str(each.file),
                    "proof": str(each.proof),
                    "verified": each.verdict.code.name,
                }
                for each in delivered
            ],
            "exit_code": 0,
        }
    )
    for each in delivered:
        terminal.line(f"{each.number}  {each.file or each.proof}")
    terminal.line()
    terminal.line(
        terminal.pick(
            f"{State.FINAL.zh}：{len(delivered)} 份存证，每份证明均已核验并写在文件旁"
            f"（*{PROOF_SUFFIX}）。",
            f"{State.FINAL.en}: {len(delivered)} deposited; every proof was verified and written "
            f"beside its file (*{PROOF_SUFFIX}).",
        ),
        "bold green",
    )
    terminal.line(
        terminal.pick(
            "请保存好证明文件和批次文件：其中的摘要开启数据一旦遗失，等于失去存证。",
            "Keep the proof files and the batch file: without the openings in them nobody can ever "
            "match a deposit with its file.",
        )
    )
    points = {point for each in delivered for point in each.verdict.open_points}
    for point in sorted(points - _EXPECTED, key=lambda point: point.name):
        terminal.line(f"  {point.name}  {terminal.said(point)}", "yellow")
    terminal.line(terminal.said(Notice.NO_LATER_THAN))
