"""From files to signed statements, on the depositor's machine.

Every file gets a salt of its own, and every detail about it another; all files of one deposit stand
in one statement of up to 16,384 items, signed with the depositor's key. What only the depositor
should have (salts, digests, details) stays in the batch.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.client.hashing import HashedFile
from node.evidence import item
from node.evidence.batch import Batch, BatchItem
from node.evidence.item import ITEMS_MAX, SALT_SIZE, VALUE_SALT_SIZE, DetailValue, Opening
from node.evidence.keys import Signer
from node.evidence.statement import NONCE_SIZE, Deposit, format_statement

PAGED_FROM = 17
"""Items from which pages of 16 pay: below that one page would show all its neighbours."""
_MEDIA_TYPE_UNKNOWN = "application/octet-stream"

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all files of one deposit. `alg` as the statement names it."""

    origin: str
    mode: str
    alg: str
    category: str
    details: Mapping[str, str]
    name: str | None = None
    profile: bytes | None = None


def prepare(
    files: Sequence[HashedFile],
    terms: Terms,
    signer: Signer,
    directory: Path,
    now_ms: int,
    random: Random,
) -> Iterator[Batch]:
    """The signed batches of these files; paths in them are relative to `directory`."""
    for start in range(0, len(files), ITEMS_MAX):
        items = tuple(
            _item(file, terms, directory, random) for file in files[start : start + ITEMS_MAX]
        )
        packed = b"".join(each.item for each in items)
        page = 16 if terms.mode == "commitment" and len(items) >= PAGED_FROM else 1
        statement = format_statement(
            Deposit(
                origin=terms.origin,
                key=signer.public,
                nonce=random(NONCE_SIZE),
                claimed_at=now_ms,
                mode=terms.mode,
                alg=terms.alg,
                count=len(items),
                page=page,
                items_root=item.items_root(packed, page),
                category=terms.category,
                profile=terms.profile,
            )
        )
        yield Batch(statement, signer.sign(statement), items)


def _item(file: HashedFile, terms: Terms, directory: Path, random: Random) -> BatchItem:
    path = _relative(file.path, directory)
    if terms.mode == "digest":
        return BatchItem(file.digests.digests[terms.alg], None, path)
    details: dict[str, str] = {
        "file_name": terms.name or file.path.name,
        "media_type": mimetypes.guess_type(file.path.name)[0] or _MEDIA_TYPE_UNKNOWN,
        **terms.details,
    }
    salted: dict[str, tuple[bytes, DetailValue]] = {
        key: (random(VALUE_SALT_SIZE), item.clean(value)) for key, value in details.items()
    }
    opening = Opening(
        salt=random(SALT_SIZE),
        digests=tuple((alg, file.digests.digests[alg]) for alg in terms.alg.split("+")),
        size=file.digests.size,
        details=item.format_details(salted),
    )
    return BatchItem(opening.item(), opening, path)


def _relative(path: Path, directory: Path) -> str | None:
    """The path from the batch file; none if a name in it could not be written there unchanged."""
    text = os.path.relpath(path, directory)
    return text if item.clean(text) == text else None
