"""Deposits and proofs through gateways that need not be trusted.

    signer = keyfile.load_signer(Path("my.key"))
    with connect("https://gateway.example", "czk_...", policy=policy, signer=signer) as client:
        (batch,) = client.prepare([Path("contract.pdf")])
        Path("contract.batch.txt").write_bytes(format_batch(batch))  # before anything is sent
        deposited = client.deposit(batch)
        for proven in deposited.proofs():
            print(proven.number, proven.verdict.code.name)

`policy` is a policy text, or `fingerprint` that of one, had from elsewhere than the gateways: from
a court. Whatever a gateway gives as a proof or a receipt is verified against it before a method
returns it, and raises `NotVerified` otherwise. What a look-up tells is the gateway's word until its
proof was fetched.

Stopped anywhere, or in doubt: call `deposit` with the same batch again. A batch is one statement,
its bytes are deposited once, whichever gateway they reach and however often.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from node.client.checking import (
    Proven,
    check_number,
    check_proof,
    check_proof_of,
    check_receipt,
)
from node.client.connection import Connection
from node.client.credentials import ApiKey
from node.client.errors import (
    ClientError,
    NotTaken,
    NotUnderstood,
    NotVerified,
    OtherChain,
    Pending,
)
from node.client.gateway import Gateway
from node.client.hashing import HashedFile, hash_file
from node.client.opened import opened
from node.client.preparing import Terms, prepare
from node.client.values import Found, Part, Searched
from node.evidence.batch import Batch, derive_all
from node.evidence.item import ALG_SETS
from node.evidence.keys import Signer
from node.evidence.policy import fingerprint as fingerprint_of
from node.evidence.policy import parse_policy
from node.evidence.proof_text import format_proof
from node.evidence.statement import receipt_number, statement_id
from node.evidence.steps import Anchor
from node.words import Answer, State

PATIENCE_S = 60.0
"""How long a call tries: an election takes a second, a gateway's restart some."""


@dataclass(frozen=True, slots=True)
class Deposited:
    """A statement on the chain, sealed by a quorum: its batch, and the proof of one of its items,
    which verified."""

    batch: Batch
    proven: Proven
    anchor: Anchor

    def proofs(self) -> Iterator[Proven]:
        """The holder's proofs of all items in order, each verified; no gateway is asked."""
        for proof in derive_all(self.proven.proof, self.batch):
            yield check_proof(format_proof(proof), self.anchor)


def connect(
    urls: str | Sequence[str],
    api_key: str | None = None,
    *,
    policy: bytes | None = None,
    fingerprint: str | None = None,
    signer: Signer | None = None,
    credential: httpx.Auth | None = None,
    patience_s: float = PATIENCE_S,
) -> Client:
    """A client of these gateways; name the policy, or its fingerprint.

    `signer` signs deposits; without one the gateway can only attest them (`Client.attest`).
    `credential` is for those who let an own key sign their requests instead of an API key.
    """
    if (policy is None) == (fingerprint is None):
        raise ValueError("name the policy or its fingerprint: one of the two")
    if api_key is not None:
        credential = ApiKey(api_key)
    gateway = Gateway(Connection(urls, credential))
    return Client(gateway, Anchor(policy, fingerprint), signer, patience_s)


class Client:
    """Gateways, a policy from elsewhere, and what to sign with. Use as a context manager."""

    def __init__(
        self,
        gateway: Gateway,
        anchor: Anchor,
        signer: Signer | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.gateway = gateway
        self._anchor = anchor
        self._signer = signer
        self._patience_s = patience_s
        self._origin: str | None = None

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.gateway.__exit__()

    @property
    def origin(self) -> str:
        """The chain of the policy, once the gateways have been compared with it.

        A statement names its chain inside what is signed, so this comes before any signature.
        """
        if self._origin is None:
            self._origin = self._agreed_origin()
        return self._origin

    # Deposits.

    def prepare(
        self,
        files: Sequence[Path | HashedFile],
        *,
        category: str = "A14_0",
        mode: str = "commitment",
        alg: str | None = None,
        profile: bytes | None = None,
        details: Mapping[str, str] | None = None,
    ) -> list[Batch]:
        """Signed statements about these files, up to 16,384 each; nothing is sent.

        Keep the batches (`evidence.batch.format_batch`) before you send them: without the openings
        in them nobody can ever match a deposit with its file. `details` are said of every file.
        A category other than A14_0 goes with the digest of a registered source profile (来源档案).
        Mode `digest` names one digest, `alg`, in the clear: neither personal nor guessable content.
        """
        if self._signer is None:
            raise ValueError("there is no signer: give one to connect(), or use attest()")
        alg = alg or (ALG_SETS[-1] if mode == "commitment" else "sha256")
        terms = Terms(self.origin, mode, alg, category, details or {}, profile=profile)
        hashed = [each if isinstance(each, HashedFile) else hash_file(each) for each in files]
        now_ms = time.time_ns() // 1_000_000
        return [*prepare(hashed, terms, self._signer, Path.cwd(), now_ms, secrets.token_bytes)]

    def deposit(
        self, batch: Batch, *, idempotency_key: str | None = None, patience_s: float | None = None
    ) -> Deposited:
        """Deposit a batch and wait for its proof, or ask how far it has come: it is the same.

        Raises `Pending` if patience ends before enough members have cosigned.
        """
        part = self.gateway.deposit(
            batch.statement_bytes,
            batch.signature,
            batch.packed,
            idempotency_key=idempotency_key or statement_id(batch.statement_bytes).hex(),
            plain=batch.deposit.mode == "digest",
            patience_s=self._patience_s if patience_s is None else patience_s,
        )
        return self._deposited(part, batch)

    def attest(
        self,
        files: Sequence[Path | HashedFile],
        *,
        idempotency_key: str,
        category: str = "A14_0",
        details: Mapping[str, str] | None = None,
        patience_s: float | None = None,
    ) -> list[Deposited]:
        """Have the gateway salt and sign statements about these files, for who has no key.

        It learns the digests, and every proof has the open point that the depositor did not sign.
        A retry needs the same files, terms and Idempotency-Key, and gateways of one database.
        """
        hashed = [each if isinstance(each, HashedFile) else hash_file(each) for each in files]
        said = [{"file_name": each.path.name, **(details or {})} for each in hashed]
        answers = self.gateway.attest(
            hashed,
            said,
            {"category": category},
            idempotency_key=idempotency_key,
            patience_s=self._patience_s if patience_s is None else patience_s,
        )
        found, rest = [], hashed
        for each in answers:
            batch = opened(each)
            own, rest = rest[: len(batch.items)], rest[len(batch.items) :]
            if batch.deposit.origin != self.origin or not _is_of(batch, own):
                raise NotVerified(
                    "网关所签的存证单不是所提交的文件；请换一个网关。",
                    "the statement the gateway signed is not about the files given; use another "
                    "gateway.",
                    Answer.COULD_NOT_CHECK,
                )
            found.append((each.part, batch))
        if rest:
            raise NotUnderstood("fewer items than files")
        return [self._deposited(part, batch) for part, batch in found]

    # Look-ups.

    def proof(self, number: str) -> Proven:
        """The proof of an evidence number in public form."""
        data = self.gateway.proof(number, self._patience_s)
        check_number(data, number)
        return check_proof(data, self._anchor)

    def look_up(self, number: str) -> tuple[Found | None, Searched]:
        """What a number alone tells: the gateway's word."""
        return self.gateway.look_up(number, self._patience_s)

    def search(self, digest: bytes, alg: str = "sha256") -> tuple[list[Found], Searched]:
        """Deposits of a plain digest, oldest first: the gateway's word."""
        return self.gateway.search(digest, alg, self._patience_s)

    def _deposited(self, part: Part, batch: Batch) -> Deposited:
        """What the answer about a batch comes to, verified."""
        statement, receipt, fault = batch.statement_bytes, None, ""
        try:
            receipt = check_receipt(part.receipt, batch.deposit.origin, statement)
        except NotVerified as error:
            if part.state is State.FINAL and part.receipt is not None:
                raise
            fault = str(error)
        if part.state is State.FAILED:
            raise NotTaken(
                f"上链失败：{part.reason}。",
                f"the chain did not take it: {part.reason}.",
                Answer.COULD_NOT_CHECK,
            )
        if part.state is not State.FINAL or part.proof is None:
            number = receipt_number(statement_id(statement))
            raise Pending(
                f"尚未由足够的成员联签（{part.state.zh}，接收编号 {number}）",
                f"not cosigned by enough members yet ({part.state.en}, receipt number {number})",
                receipt,
                fault,
            )
        proven = check_proof_of(part.proof, self._anchor, statement)
        return Deposited(batch, proven, self._anchor)

    def _agreed_origin(self) -> str:
        if self._anchor.policy_text is None:
            return self._origin_by_fingerprint()
        origin = parse_policy(self._anchor.policy_text).origin
        try:
            theirs = parse_policy(self.gateway.policy_text(patience_s=0)).origin
        except ClientError as error:
            if error.answer is not Answer.COULD_NOT_CHECK:
                raise
            # It cannot say now, and need not: what is signed is for the chain of the policy given.
            return origin
        if theirs != origin:
            raise OtherChain(
                f"网关所在的链是 {theirs}，而所给策略属于 {origin}；未签名，也未发送任何内容。"
                "请核对网关地址和策略文件。",
                f"the gateway is of the chain {theirs}, the policy given of {origin}; nothing was "
                "signed or sent. Check the address of the gateway and the policy file.",
            )
        return origin

    def _origin_by_fingerprint(self) -> str:
        text = self.gateway.policy_text(self._patience_s)
        if not self._anchor.names(text):
            raise OtherChain(
                f"网关的策略指纹是 {fingerprint_of(text)}，不是所给的 {self._anchor.fingerprint}；"
                "未签名，也未发送任何内容。请核对指纹；如策略已变更，请用 --policy 给出策略文件。",
                f"the gateway's policy has the fingerprint {fingerprint_of(text)}, not "
                f"{self._anchor.fingerprint} as given; nothing was signed or sent. Compare the "
                "fingerprint; if the policy has changed since, give a policy file with --policy.",
            )
        return parse_policy(text).origin


def _is_of(batch: Batch, files: Sequence[HashedFile]) -> bool:
    """Whether these openings are of these files, in this order."""
    return len(files) == len(batch.items) and all(
        each.opening is not None
        and each.opening.size == file.digests.size
        and all(file.digests.digests[alg] == digest for alg, digest in each.opening.digests)
        for each, file in zip(batch.items, files, strict=True)
    )
