"""A statement that a gateway attested, as a batch: like one prepared here, it opens every item."""

from __future__ import annotations

import json

from node.client.errors import NotUnderstood
from node.client.values import Attested
from node.evidence.batch import Batch, parse_item
from node.evidence.keys import BadSignature, parse_signature, verify
from node.evidence.malformed import Malformed


def opened(attested: Attested) -> Batch:
    """The batch of this answer, its signature verified."""
    try:
        items = tuple(
            parse_item(
                json.dumps(each, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
            )
            for each in attested.openings
        )
        batch = Batch(attested.statement, parse_signature(attested.signature), items)
        verify(batch.deposit.key, batch.statement_bytes, batch.signature)
    except (Malformed, BadSignature, UnicodeEncodeError) as error:
        raise NotUnderstood(f"a statement of other openings: {error}") from error
    return batch
