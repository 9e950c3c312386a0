"""Writes example/ beside this file and section 20 of docs/proof-format.md.

    python tests/vectors/make_example.py

Everything follows from fixed seeds (example_chain.py), so running it again gives the same bytes; a
test compares both with what is stored.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from example_chain import Chain, Deposited  # noqa: E402

from node.evidence.batch import Batch, BatchItem, format_batch  # noqa: E402
from node.evidence.digests import sha256  # noqa: E402
from node.evidence.keys import format_signature  # noqa: E402
from node.evidence.merkle import leaf_hash  # noqa: E402
from node.evidence.policy import fingerprint  # noqa: E402
from node.evidence.proof import public_form  # noqa: E402
from node.evidence.proof_text import format_proof  # noqa: E402
from node.evidence.receipt import receipt_message  # noqa: E402
from node.evidence.record import format_genesis  # noqa: E402

DOCUMENT = HERE.parents[1] / "docs" / "proof-format.md"
HEADING = "## 20. Worked example"

SAMPLE = "示例文件 A sample file\n".encode()
OTHERS = (b"a second file\n", b"a third file\n")
LOG = b"2026-11-21T00:00:00+08:00 GET /index.html 200\n"


@cache
def chain() -> tuple[Chain, Deposited, Deposited]:
    """The chain, its deposit of three files, and its attested deposit of one digest."""
    made = Chain()
    made.enrol("gateway", "gateway")
    made.enrol("depositor", "depositor")
    details = {"file_name": "示例.txt", "media_type": "text/plain"}
    deposited = made.deposit([SAMPLE, *OTHERS], page=16, details=details)
    return made, deposited, made.deposit([LOG], mode="digest", key="gateway")


def files() -> dict[str, bytes]:
    """The files of example/ by name."""
    made, deposited, attested = chain()
    note, size = made.policies[0], deposited.leaf + 1
    proof = made.proof(deposited, 0, size=size)
    items = tuple(
        BatchItem(deposited.packed[32 * at : 32 * at + 32], opening, path)
        for at, (opening, path) in enumerate(
            zip(deposited.openings, ("sample.txt", "second.txt", "third.txt"), strict=True)
        )
    )
    batch = Batch(deposited.entry.statement_bytes, deposited.entry.signature, items)
    return {
        "genesis.txt": format_genesis(made.genesis),
        "policy.txt": note.policy_text,
        "members.txt": note.members_text,
        "fingerprint.txt": f"{fingerprint(note.policy_text)}\n".encode(),
        "sample.txt": SAMPLE,
        "sample.proof.txt": format_proof(proof),
        "sample.public.proof.txt": format_proof(public_form(proof)),
        "sample.batch.txt": format_batch(batch),
        "log.txt": LOG,
        "log.proof.txt": format_proof(made.proof(attested)),
        **{f"leaf-{at:02d}.txt": leaf for at, leaf in enumerate(made.leaves[: attested.leaf + 1])},
    }


def section() -> str:
    """Section 18 of the document."""
    made, deposited, _ = chain()
    entry, note = deposited.entry, made.policies[0]
    opening = deposited.openings[0]
    assert opening is not None
    assert opening.details is not None
    key_leaf, key = made.key_entries[1]
    proof = made.proof(deposited, 0, size=deposited.leaf + 1)
    receipt = receipt_message(made.origin, entry.statement_id, entry.receipt.accepted_at)
    parts = [
        "Made by `tests/vectors/make_example.py`; the files lie in `tests/vectors/example/`, with"
        " every leaf of the tree. Every\nprivate key is the SHA-256 of the ASCII text `example `"
        " and its name: `court log`, `court witness`, `notary log`, ...,\n`authority`, `gateway`,"
        " `depositor`. Statements, key records, receipts and details end without LF, all other"
        " texts with one.\n\n`tests/vectors/example-2/` holds a proof under rules 2, of a chain"
        " that began under rules 1: a deposit of SM2, a gateway of\nP-256, further signatures of"
        " both, and the first policy, which is all a verifier has to know from elsewhere.",
        _named("The file", SAMPLE, size=True),
        _named("Its details", opening.details),
        "The preimage of its item, in hex: first line in ASCII with its LF, salt, SHA-256, SM3,"
        " size, details digest.\n\n"
        + _block(_hex(opening.preimage(), [28, 32, 32, 32, 8, 32]))
        + f"\n\n-> item `{opening.item().hex()}`",
        "The statement, one line of three items on one page.\n\n"
        + _block(entry.statement_bytes.decode())
        + f"\n\n-> id `{entry.statement_id.hex()}`"
        + f"\n-> signature `{format_signature(entry.signature)}`",
        "The receipt's message.\n\n"
        + _block(receipt.decode())
        + f"\n\n-> signature `{format_signature(entry.receipt.signature)}`",
        "The key record of the depositor.\n\n"
        + _block(key.record_bytes.decode())
        + f"\n\n-> signature `{format_signature(key.signature)}`, leaf {key_leaf}",
        _named("The members text", note.members_text),
        _named("The policy text", note.policy_text)
        + f"\n-> fingerprint `{fingerprint(note.policy_text)}`",
        "The genesis file begins with these lines before the policy note.\n\n"
        + _block("\n".join(format_genesis(made.genesis).decode().split("\n")[:7])),
        "The first block entry, leaf 0.\n\n"
        + _block(made.leaves[0].decode())
        + f"\n\n-> leaf hash `{leaf_hash(made.leaves[0]).hex()}`",
        f"The deposit's entry, leaf {deposited.leaf}.\n\n"
        + _block(made.leaves[deposited.leaf].decode())
        + f"\n\n-> entry hash `{leaf_hash(made.leaves[deposited.leaf]).hex()}`"
        + f"\n-> evidence number of item 0 `{proof.number}`",
        "The checkpoint note of the tree after it.\n\n" + _block(proof.tlog.checkpoint.decode()),
        "The whole proof file of item 0, the holder's copy.\n\n"
        + _block(format_proof(proof).decode()),
    ]
    return f"{HEADING}\n\n" + "\n\n".join(parts) + "\n"


def _named(name: str, data: bytes, *, size: bool = False) -> str:
    length = f", {len(data)} bytes with its LF" if size else ""
    return f"{name}{length}.\n\n{_block(data.decode())}\n\n-> SHA-256 `{sha256(data).hex()}`"


def _block(text: str) -> str:
    return "```\n" + text.removesuffix("\n") + "\n```"


def _hex(data: bytes, sizes: list[int]) -> str:
    lines, at = [], 0
    for size in sizes:
        lines.append(data[at : at + size].hex())
        at += size
    assert at == len(data)
    return "\n".join(lines)


def main() -> None:
    """Write all of it."""
    folder = HERE / "example"
    folder.mkdir(exist_ok=True)
    for name, data in files().items():
        (folder / name).write_bytes(data)
    text = DOCUMENT.read_text().split(f"\n{HEADING}\n")[0].rstrip("\n")
    DOCUMENT.write_text(f"{text}\n\n{section()}")


if __name__ == "__main__":
    main()
