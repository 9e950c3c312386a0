"""GET /v1/blocks/{height}: where a block stands, and all that ties it to the others.

For everybody, as checkpoints and hash tiles are: a block entry says who proposed what size of a
block when, and nothing of anybody's deposit. What was deposited in it, its entries and its body,
is for auditors (`tilelog`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from node.errors import Absent
from node.evidence.checkpoint import format_checkpoint
from node.evidence.merkle import leaf_hash
from node.gateway.deposits.answers import always, moment
from node.gateway.gateway import gateway_of
from node.gateway.http.language import language_of
from node.gateway.http.openapi import problems
from node.gateway.http.problems import Problem, ProblemError
from node.gateway.http.responses import answer
from node.gateway.http.schemas import Moment, NoQuery
from node.gateway.members.client import CannotCheck

router = APIRouter(tags=["published log"])

Nothing = Annotated[NoQuery, Query()]
Height = Annotated[
    str, Path(pattern="^(0|[1-9][0-9]{0,14})$", description="0 is the block of the genesis.")
]


class BlockAnswer(BaseModel):
    """A block as it stands in the published tree. All of it follows from `entry` and `checkpoint`,
    and these from the tree."""

    height: int
    time: Moment
    block_hash: str = Field(
        description="区块哈希, hex: SHA-256 of `entry` and `checkpoint`, one after the other. The "
        "next block names it as `previous`."
    )
    previous: str = Field(description="Hash of the block before it; zeros at height 0.")
    proposer: str = Field(description="The member that proposed it.")
    term: int = Field(description="Of Raft.")
    version: str = Field(description="Of the proposer's software.")
    carries: str = Field(description="records, configuration or nothing.")
    body: str = Field(description="SHA-256 of what the members agreed on (/bodies/HEIGHT), hex.")
    taken: int = Field(description="Records that became entries.")
    skipped: int = Field(description="Records that did not hold.")
    rules: int = Field(description="Validity rules it was made by.")
    leaf_index: int = Field(description="Of the block entry; the records taken follow it.")
    entry_hash: str = Field(description="Leaf hash of the block entry, hex.")
    entry: str = Field(description="The block entry, verbatim.")
    size: int = Field(description="Leaves of the tree after it.")
    root: str = Field(description="Root of that tree (Merkle 根), hex.")
    checkpoint: str = Field(description="Checkpoint body of that tree, verbatim.")
    notices: list[str]


@router.get(
    "/v1/blocks/{height}",
    summary="A block by its height",
    response_model=BlockAnswer,
    responses=problems(
        Problem.FIELD_INVALID, Problem.FIELD_UNKNOWN, Problem.NOT_PUBLISHED, Problem.CANNOT_CHECK
    ),
)
async def get_block(http: Request, height: Height, _: Nothing) -> Response:
    """Of what a quorum has cosigned. A member's answer is passed on only if its entries stand in
    the published tree, and the next block names this one by its hash."""
    gateway, language = gateway_of(http), language_of(http)
    try:
        block = await gateway.log.block(int(height))
    except Absent as error:
        raise ProblemError(Problem.NOT_PUBLISHED) from error
    except CannotCheck as error:
        raise ProblemError(Problem.CANNOT_CHECK) from error
    entry = block.entry
    value = BlockAnswer(
        height=entry.height,
        time=moment(entry.time_ms, "proposer"),
        block_hash=block.hash.hex(),
        previous=entry.previous.hex(),
        proposer=entry.proposer,
        term=entry.term,
        version=entry.version,
        carries=entry.carries,
        body=entry.body.hex(),
        taken=entry.taken,
        skipped=entry.skipped,
        rules=entry.rules,
        leaf_index=block.leaf_index,
        entry_hash=leaf_hash(block.entry_bytes).hex(),
        entry=block.entry_bytes.decode("ascii"),
        size=block.after.size,
        root=block.after.root.hex(),
        checkpoint=format_checkpoint(block.after).decode(),
        notices=always(language, gateway.network),
    )
    return answer(http, value)
