"""A member asks its witnesses for their cosignatures.

One task for each witness. It sends the newest note this member published, with the path from the
tree the witness has cosigned last, and keeps the cosignature if it holds. Every member asks, so
often another one was first: then the witness says how far it is, and is asked again from there.

A witness cannot be made to cosign two histories, so one that refuses the path of an honest member
has seen another tree. What it shows to have cosigned is fetched then; if it is another tree, the
note is kept (`data/NAME.contradiction`), and the seals in it are taken in like any others, which
names the members that made them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import httpx

from consensus.disk import REAL_DISK
from consensus.reasons import Reasons
from node.config import WitnessAddress
from node.errors import DiskFailed, Misconfigured
from node.evidence.checkpoint import parse_foreign_checkpoint, verify_cosignature
from node.evidence.keys import BadSignature
from node.evidence.malformed import Malformed
from node.evidence.note import SignatureLine, Vkey, format_line, lines_by, parse_note
from node.member.participant import Participant
from node.seals.sealing import Note, SentSeal
from node.witness.protocol import (
    ANSWER_SIZE_MAX,
    PATH,
    REQUEST_SIZE_MAX,
    AddCheckpoint,
    Answer,
    format_request,
    note_path,
    parse_conflict,
    parse_cosignatures,
)

PAUSE_S = 5.0
"""A witness is asked no more often; under load a cosignature covers what came since the last."""
PAUSE_S_MAX = 300.0
"""A witness that does not cosign is asked ever more rarely, but not more rarely than this."""
RENEW_S = 600.0
"""A tree that does not grow is cosigned again, to show that it did not."""
SILENT_S = 900.0
"""So long without a cosignature is for an operator to look at."""
ANSWER_S = 10.0
TRIES = 3
"""Times a witness says within one attempt that it is further or less far than was thought."""

_log = logging.getLogger(__name__)


class NotCosigned(Exception):
    """Not this time, and why."""


class Witnessing:
    """All the witnesses of one member. Owned by the event loop of the participant."""

    def __init__(self, participant: Participant, witnesses: Sequence[WitnessAddress]) -> None:
        kept = participant.seals.witnessed()
        names, origin = [each.vkey.name for each in witnesses], participant.store.chain.origin
        for name in names:
            if f"{name}/".startswith(f"{origin}/"):
                raise Misconfigured(f"witness {name} is named like a member of {origin}")
        participant.witnessed = {name: kept.get(name) for name in names}
        self._asking = [Asking(participant, each) for each in witnesses]

    async def run(self) -> None:
        """Ask until cancelled; returns at once if there is nobody to ask."""
        if not self._asking:
            return
        async with httpx.AsyncClient(timeout=ANSWER_S) as http, asyncio.TaskGroup() as group:
            for each in self._asking:
                group.create_task(each.run(http))


class Asking:
    """One witness, as it answered so far."""

    def __init__(self, participant: Participant, witness: WitnessAddress) -> None:
        self.name = witness.vkey.name
        self._participant = participant
        self._vkey: Vkey = witness.vkey
        self._url = witness.url.rstrip("/")
        kept = participant.witnessed[self.name]
        self._size = kept.size if kept else 0
        """How far the witness is, as far as is known here."""
        self._accusations: dict[str, None] = {}
        """What it did that no honest witness does, in the order in which it did it."""
        self._reasons = Reasons(_log, logging.WARNING)

    async def run(self, http: httpx.AsyncClient) -> NoReturn:
        """Ask for every new note, and now and then again for the last one."""
        loop, noted = asyncio.get_running_loop(), self._participant.noted
        await noted.wait_for(1)
        last_s, pause_s = loop.time(), PAUSE_S
        while True:
            try:
                size = await self._ask(http)
            except NotCosigned as error:
                self._reasons.note(self.name, f"witness {self.name}: {error}")
                self._alarm(error, loop.time() - last_s)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, PAUSE_S_MAX)
                continue
            self._alarm()
            last_s, pause_s = loop.time(), PAUSE_S
            await asyncio.sleep(pause_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await noted.wait_for(size + 1)

    async def _ask(self, http: httpx.AsyncClient) -> int:
        """Have the newest note cosigned, and keep the cosignature; returns the size."""
        note = self._participant.note
        assert note is not None, "asked once there is one"
        if (reached := self._participant.store.chain.size) < note.size:
            raise NotCosigned(f"this member's own tree has {reached} of {note.size} entries so far")
        body = parse_note(note.data).text
        for _ in range(TRIES):
            old = self._size
            if old > note.size:
                self._size = 0  # It may be less far another time; then it says so.
                raise NotCosigned(f"it has seen {old} entries, and this member {note.size}")
            answer = await self._post(http, format_request(await self._request(old, note)))
            match answer.status:
                case 200:
                    await self._keep(note.size, body, answer)
                    return note.size
                case 409:
                    self._size = self._conflicting_size(answer, old)
                case 422:
                    await self._look_what_it_cosigned(http, body)
                    raise NotCosigned(f"it refuses the path from {old} to {note.size} entries")
                case status:
                    said = answer.body[:200].decode(errors="replace").strip()
                    raise NotCosigned(f"it answers {status}: {said}")
        raise NotCosigned("others are always faster")

    async def _request(self, old: int, note: Note) -> AddCheckpoint:
        path: tuple[bytes, ...] = ()
        if 0 < old < note.size:
            store = self._participant.store
            path = await self._participant.read(store.consistency_path, old, note.size)
        return AddCheckpoint(old, path, note.data)

    def _conflicting_size(self, answer: Answer, old: int) -> int:
        try:
            size = parse_conflict(answer)
        except Malformed as error:
            raise NotCosigned(f"it answers 409 without a size: {error}") from error
        if size == old:
            raise NotCosigned(f"it has seen {size} entries, as it was told, and says it has not")
        kept = self._participant.witnessed[self.name]
        if kept is not None and size < kept.size:
            self._accuse(f"has seen {size} entries, and had cosigned {kept.size}")
        return size

    async def _keep(self, size: int, body: bytes, answer: Answer) -> None:
        try:
            lines = parse_cosignatures(answer.body)
        except Malformed as error:
            raise NotCosigned(f"its answer is no cosignature: {error}") from error
        line = self._verified(body, lines)
        self._size = size
        cosigned = SentSeal(size, body, format_line(line))
        await self._participant.keep_witnessed(self.name, cosigned)

    def _verified(self, body: bytes, lines: Sequence[SignatureLine]) -> SignatureLine:
        """The line by the key of the settings; lines by others say nothing."""
        for line in lines:
            if (line.name, line.key_id) == (self._vkey.name, self._vkey.key_id):
                try:
                    verify_cosignature(body, line, self._vkey)
                except BadSignature as error:
                    raise NotCosigned(f"its cosignature does not hold: {error}") from error
                return line
        raise NotCosigned("it did not sign with the key of the settings")

    # When it refuses.

    async def _look_what_it_cosigned(self, http: httpx.AsyncClient, body: bytes) -> None:
        """Is it another tree than ours? Then keep it and take in who sealed it."""
        origin = parse_foreign_checkpoint(body)[0].origin
        answer = await self._exchange(http, "GET", note_path(origin))
        try:
            note = parse_note(answer.body)
            checkpoint, _ = parse_foreign_checkpoint(note.text)
        except Malformed as error:
            raise NotCosigned(f"it refuses the path and does not show why: {error}") from error
        self._verified(note.text, lines_by(note, self._vkey))
        participant = self._participant
        if checkpoint.origin != origin or not 0 < checkpoint.size <= participant.store.chain.size:
            raise NotCosigned(f"it refuses the path and shows a tree of size {checkpoint.size}")
        if await participant.read(participant.store.root, checkpoint.size) == checkpoint.root:
            return
        self._accuse(f"cosigned another tree of size {checkpoint.size}")
        await participant.read(self._write_down, answer.body)
        seals = [line for line in note.signatures if line.name.startswith(f"{origin}/")]
        await participant.receive([(note.text, format_line(line)) for line in seals])

    def _write_down(self, note: bytes) -> None:
        directory = self._participant.seals.directory.parent
        try:
            REAL_DISK.write_file(evidence_path(directory, self._vkey), note)
            REAL_DISK.sync(directory)
        except FileExistsError:
            return  # The first one is enough.
        except OSError as error:
            raise DiskFailed(f"{directory}: {error}") from error

    def _accuse(self, what: str) -> None:
        if what not in self._accusations:
            _log.error("witness %s %s", self.name, what)
            self._accusations[what] = None

    def _alarm(self, error: NotCosigned | None = None, silent_s: float = 0.0) -> None:
        told = [*self._accusations]
        if error is not None and silent_s > SILENT_S:
            told.append(f"has not cosigned for {silent_s / 60:.0f} minutes: {error}")
        self._participant.witness_alarms[self.name] = told

    # HTTP.

    async def _post(self, http: httpx.AsyncClient, body: bytes) -> Answer:
        return await self._exchange(http, "POST", PATH, body)

    async def _exchange(
        self, http: httpx.AsyncClient, method: str, path: str, body: bytes = b""
    ) -> Answer:
        """One answer, at most as long as one can be, and not packed: a kilobyte could unpack to
        more than this machine has."""
        limit = max(ANSWER_SIZE_MAX, REQUEST_SIZE_MAX)
        try:
            async with (
                asyncio.timeout(ANSWER_S),
                http.stream(
                    method, self._url + path, content=body, headers={"accept-encoding": "identity"}
                ) as response,
            ):
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise NotCosigned("it answers with packed bytes, which was not asked for")
                data = bytearray()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > limit:
                        raise NotCosigned(f"it answers more than {limit} bytes")
                kind = response.headers.get("content-type", "")
                return Answer(response.status_code, bytes(data), kind)
        except TimeoutError as error:
            raise NotCosigned(f"no answer in {ANSWER_S:.0f} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NotCosigned(f"{type(error).__name__}: {error}") from error


def evidence_path(directory: Path, vkey: Vkey) -> Path:
    """Where the note is kept with which this witness contradicts the chain."""
    return directory / f"witness-{vkey.key_id.hex()}.contradiction"
