"""Reads published logs with tlog-scales, an implementation of c2sp.org/tlog-tiles by others.

Each line of the input is a question, a JSON array of LOG, COMMAND and arguments; each line of the
output is its answer, {"answer": [...]}, or {"refused": why}. LOG is an address or a directory;
hashes are in base64.

    signers VKEY...                 whose signatures on the checkpoint hold, by name
    root                            the root, which the tiles and the checkpoint must agree on
    record INDEX [HASH...]          the path by which the entry is that leaf
    tree CHECKPOINT VKEY [HASH...]  the path by which that file is of the same log

A path is checked and told; unless one is given it is made from the tiles.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tlog_scales import tiles
from tlog_scales.backend import make_backend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tlog import Checkpoint, ConsistencyProof, InclusionProof
from tlog_scales.utils import b64dec, b64enc


def signers(log: TilesReader, *vkeys: str) -> list[str]:
    checkpoint = log.get_checkpoint()
    keys = VkeySet(*map(Vkey.from_string, vkeys))
    return sorted(vkey.name for vkey, _ in keys.verify(checkpoint.signatures, checkpoint))


def root(log: TilesReader) -> list[str]:
    said, made = log.get_checkpoint().root_hash, log.calculate_root_hash()
    if made != said:
        raise ValueError(f"the root is {b64enc(made)}, not {b64enc(said)}")
    return [b64enc(made)]


def record(log: TilesReader, index: int, *given: str) -> list[str]:
    checkpoint = log.get_checkpoint()
    if given:
        proof = InclusionProof(index, checkpoint.size, list(map(b64dec, given)))
    else:
        proof = log.get_inclusion_proof(index, checkpoint.size)
    proof.check(tiles.leaf_hash(log.get_entry(index)), checkpoint.root_hash)
    return list(map(b64enc, proof.node_hashes))


def tree(log: TilesReader, file: str, vkey: str, *given: str) -> list[str]:
    new, old = log.get_checkpoint(), Checkpoint.from_text(Path(file).read_text("utf-8"))
    for checkpoint in (old, new):
        checkpoint.verify(Vkey.from_string(vkey))
    if given:
        proof = ConsistencyProof(old.size, new.size, list(map(b64dec, given)))
    else:
        proof = log.get_consistency_proof(old.size, new.size)
    proof.check(old.root_hash, new.root_hash)
    return list(map(b64enc, proof.node_hashes))


COMMANDS: dict[str, Callable[..., list[str]]] = {
    each.__name__: each for each in (signers, root, record, tree)
}


def answer(where: str, command: str, arguments: Sequence[object]) -> dict[str, object]:
    try:
        return {"answer": COMMANDS[command](TilesReader(make_backend(where)), *arguments)}
    except Exception as error:  # It raises whatever its libraries do.
        return {"refused": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    where, command, *arguments = json.loads(line)
    print(json.dumps(answer(where, command, arguments)), flush=True)
