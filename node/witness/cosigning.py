"""One request to a witness, from its bytes to the answer.

 1. The body is a request, and the note in it a checkpoint.        400
 2. The log is watched.                                            404
 3. The note is signed as that log's must be.                      403
 4. The new tree begins with the one cosigned last (`decide`).     400, 409, 422
 5. It is kept, on disk, and only then handed out.                 200

`Witness` belongs to one thread, and so 4 and 5 are one step: of two requests that race, the second
is judged by what the first left behind.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress

from consensus.reasons import Reasons
from node.evidence.checkpoint import Checkpoint, cosign, parse_foreign_checkpoint
from node.evidence.digests import sha256
from node.evidence.keys import BadSignature, Signer
from node.evidence.malformed import Malformed
from node.evidence.note import (
    SIGNATURES_MAX,
    TYPE_COSIGNATURE,
    Note,
    SignatureLine,
    Vkey,
    ed25519_vkey,
    format_line,
    format_note,
    parse_note,
)
from node.evidence.policy_note import PolicyNote
from node.evidence.succession import Succession
from node.witness.protocol import (
    AddCheckpoint,
    Answer,
    Conflict,
    Refused,
    accepted,
    decide,
    parse_request,
)
from node.witness.state import State
from node.witness.watching import (
    Followed,
    Watched,
    check_any,
    still_watched,
    watched_by_followed,
)

_log = logging.getLogger(__name__)


class Witness:
    """Owned by one thread, with its state."""

    def __init__(
        self,
        name: str,
        signer: Signer,
        watched: Iterable[Watched],
        state: State,
        followed: Iterable[Followed] = (),
    ) -> None:
        self.vkey: Vkey = ed25519_vkey(name, signer.public, TYPE_COSIGNATURE)
        self.state = state
        self._signer = signer
        self._reasons = Reasons(_log, logging.WARNING)  # Anybody may ask, and be refused.
        self._ways: dict[str, list[Watched]] = {}
        for each in watched:
            self._ways.setdefault(each.origin, []).append(each)
        for chain in followed:
            notes = self.policies(chain)
            self._follow(chain, [note.policy_text for note in notes] or [chain.policy_text])

    @property
    def origins(self) -> tuple[str, ...]:
        """The logs it watches."""
        return tuple(self._ways)

    def policies(self, chain: Followed) -> tuple[PolicyNote, ...]:
        """From the policy that the settings name on, as far as they are known; none if no more than
        that one is."""
        kept = self.state.policies(chain.origin)
        notes = () if kept is None else kept.notes
        texts = [note.policy_text for note in notes]
        return notes[texts.index(chain.policy_text) :] if chain.policy_text in texts else ()

    def learn(self, chain: Followed, notes: Sequence[PolicyNote]) -> None:
        """These are its policies, from the one of the settings on; raises `Malformed` unless each
        follows the one before it."""
        policies = Succession(tuple(notes))
        if notes[0].policy_text != chain.policy_text:
            raise Malformed("policies", "the first is not the one of the settings")
        self.state.keep_policies(chain.origin, policies)
        self._follow(chain, [note.policy_text for note in notes])
        _log.info("%s: policies up to %d are known", chain.origin, notes[-1].serial)

    def _follow(self, chain: Followed, policy_texts: Sequence[bytes]) -> None:
        others = [each for each in self._ways.get(chain.origin, ()) if not each.serial]
        ways = [*watched_by_followed(policy_texts), *others]
        last = self.state.note(sha256(chain.origin.encode()))
        if last is not None:
            with suppress(BadSignature):  # By a policy that the settings name no more.
                ways = still_watched(ways, check_any(ways, parse_note(last))[0])
        self._ways[chain.origin] = ways

    def add_checkpoint(self, body: bytes, now_s: int) -> Answer:
        """Judge one request, and cosign; `now_s` is the time."""
        try:
            request, note, checkpoint = _read(body)
            return self._cosign(request, note, checkpoint, now_s)
        except Refused as refused:
            if not isinstance(refused, Conflict):  # Which is how a log learns how far we are.
                self._reasons.note("", f"refused with {refused}")
            return refused.answer

    def _cosign(
        self, request: AddCheckpoint, note: Note, checkpoint: Checkpoint, now_s: int
    ) -> Answer:
        ways = self._ways.get(checkpoint.origin)
        if ways is None:
            raise Refused(404, "this witness does not watch that log")
        try:
            way, found = check_any(ways, note)
        except BadSignature as error:
            raise Refused(403, str(error)) from error
        lines = _one_each(found)
        last = self.state.last(checkpoint.origin)
        if last is not None and last.size == checkpoint.size and last.root != checkpoint.root:
            self._contradicted(note, lines, checkpoint)
        decide(last, request, checkpoint)
        # The whole text is signed, as C2SP says, also where a foreign log has extension lines.
        line = cosign(note.text, now_s, self.vkey.name, self._signer)
        self.state.keep(checkpoint.origin, format_note(Note(note.text, (*lines, line))))
        self._ways[checkpoint.origin] = still_watched(ways, way)
        _log.info(
            "cosigned %s: size %d, root %s, after size %d",
            checkpoint.origin,
            checkpoint.size,
            checkpoint.root.hex(),
            request.old_size,
        )
        return accepted(format_line(line))

    def _contradicted(
        self, note: Note, lines: tuple[SignatureLine, ...], checkpoint: Checkpoint
    ) -> None:
        """The log has signed two roots for one size: with the note cosigned last, this one proves
        it."""
        if self.state.keep_contradiction(checkpoint.origin, format_note(Note(note.text, lines))):
            _log.error(
                "%s signed another root for size %d: %s",
                checkpoint.origin,
                checkpoint.size,
                checkpoint.root.hex(),
            )


def _one_each(lines: Iterable[SignatureLine]) -> tuple[SignatureLine, ...]:
    """One line of each key, and room for ours: anybody can send a line many times over."""
    first: dict[tuple[str, bytes], SignatureLine] = {}
    for line in lines:
        first.setdefault((line.name, line.key_id), line)
    return tuple(first.values())[: SIGNATURES_MAX - 1]


def _read(body: bytes) -> tuple[AddCheckpoint, Note, Checkpoint]:
    try:
        request = parse_request(body)
        note = parse_note(request.note)
        checkpoint, _ = parse_foreign_checkpoint(note.text)
    except Malformed as error:
        raise Refused(400, str(error)) from error
    return request, note, checkpoint
