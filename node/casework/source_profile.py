"""Source profiles (来源档案): where the records of a business system come from, registered once.

Records that arise by the thousand cannot each say from which system they come, by which process,
who runs it and whose clock it follows. Their statements name a profile by its digest instead:

    profile  SHA-256 of the text
    text     cunzheng/source-profile/v1 LF
             {"clock_source":"NTP","operator":"...","process":"...","salt":"00...","system":"..."}

JSON with sorted keys, without spaces, in UTF-8, and no line feed at its end. The salt (16 bytes)
keeps the digest on the chain from telling who the operator is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from node.evidence.digests import sha256

TAG = b"cunzheng/source-profile/v1\n"
SALT_SIZE = 16


@dataclass(frozen=True, slots=True)
class SourceProfile:
    """What a profile says; all of it as the depositor states it."""

    system: str
    process: str
    operator: str
    clock_source: str
    business_course: str | None = None
    """That such records arise in the normal course of business, and how (民事证据规定 Art. 93)."""
    retention: str | None = None

    def text(self, salt: bytes) -> bytes:
        """What is digested and kept."""
        assert len(salt) == SALT_SIZE
        said = {name: value for name, value in asdict(self).items() if value is not None}
        value = {**said, "salt": salt.hex()}
        canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return TAG + canonical.encode()


def profile_digest(text: bytes) -> bytes:
    """What statements name the profile by."""
    return sha256(text)


def profile_fields(text: bytes) -> dict[str, str]:
    """What a text that was kept says, its salt too."""
    assert text.startswith(TAG)
    fields: dict[str, str] = json.loads(text.removeprefix(TAG))
    return fields
