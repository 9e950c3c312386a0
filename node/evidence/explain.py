"""A proof taken apart for people with stock tools (docs/proof-format.md, section 13).

Verification is hashing and checking signatures. `explain` gives each such step as a file with
exactly the bytes that go in, the command that repeats it, and what the command has to print:

    sha256sum 04-entry-leaf.bin                                    the hash it must be
    openssl pkeyutl -verify -pubin -inkey 03-statement-key.pem -rawin \\
        -in 03-statement.txt -sigfile 03-statement.sig             Signature Verified Successfully
    openssl dgst -sha256 -binary 05-policy.txt | head -c 20 | base32

Nothing here says that a proof holds: what a step must print is what the proof claims, so a proof
that does not hold gives a file for which the command prints something else. That the policy is the
right one shows only against a fingerprint that came on another way.

    >>> from node.evidence.keys import Signer
    >>> print(public_key_pem(Signer(bytes(range(32))).public).decode(), end="")
    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=
    -----END PUBLIC KEY-----
    >>> sha256_exhibit("01-item.bin", b"abc", "item", "zh", "en").command
    'sha256sum 01-item.bin'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from node.evidence.atoms import write_base64
from node.evidence.checkpoint import cosignature_message
from node.evidence.digests import sha256
from node.evidence.entry import KeyEntry, PolicyEntry
from node.evidence.item import page_count
from node.evidence.keys import ED25519, P256, SM2, BadSignature, PublicKey
from node.evidence.merkle_inputs import consistency_inputs, inclusion_inputs
from node.evidence.note import Vkey
from node.evidence.policy import fingerprint
from node.evidence.policy_note import format_body
from node.evidence.proof import LeafProof, Proof
from node.evidence.receipt import receipt_message
from node.evidence.sealed import SealedCheckpoint, further_signatures
from node.evidence.sm2 import IDENTITY

_SPKI_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""RFC 8410: what stands before the 32 bytes of a public key in its SubjectPublicKeyInfo; the other
suites write the whole of it."""
_OPTIONS = {
    ED25519: "",
    P256: " -digest sha256",
    SM2: f" -digest sm3 -pkeyopt distid:{IDENTITY.decode()}",
}
"""What `openssl pkeyutl` has to be told of each suite."""
_VERIFIED = "Signature Verified Successfully"
_POLICY = "05-policy.txt"
_MEMBERS = "05-members.txt"
_LOG_TYPE, _SEAL_TYPE = 0x01, 0x04


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A file, and unless it only goes with others: a command and what it has to print."""

    name: str
    data: bytes
    command: str
    expect: str
    zh: str
    en: str


def explain(proof: Proof) -> list[Exhibit]:
    """The files in the order of the recipe, a README.txt first."""
    exhibits = [
        *_item(proof),
        *_page(proof),
        *_signatures(proof),
        *_entry(proof),
        *_policy(proof),
        *_seals("05-checkpoint", proof.sealed, proof),
        *_later(proof),
    ]
    return [_readme(proof, exhibits), *exhibits]


def public_key_pem(key: PublicKey) -> bytes:
    """A key as `openssl` reads it."""
    encoded = write_base64(_SPKI_ED25519 + key.raw if key.algorithm == ED25519 else key.raw)
    lines = "\n".join(encoded[at : at + 64] for at in range(0, len(encoded), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n".encode()


def sha256_exhibit(name: str, data: bytes, expect: str, zh: str, en: str) -> Exhibit:
    """A file whose SHA-256 must be `expect`."""
    return Exhibit(name, data, f"sha256sum {name}", expect, zh, en)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A text that has to list a key, and the byte it writes before the key."""

    name: str
    text: bytes
    type: int | None = None

    def command(self, pem: str, key: PublicKey) -> str:
        """Prints the text's line with this key."""
        raw = f"openssl pkey -pubin -in {pem} -outform DER | tail -c {len(key.raw)}"
        typed = raw if self.type is None else f"(printf '\\{self.type:03o}'; {raw})"
        return f"{typed} | base64 -w 0 | grep -F -f - {self.name}"

    def line(self, key: PublicKey) -> str:
        """The text's line with this key; the key itself where there is none."""
        typed = key.raw if self.type is None else bytes([self.type]) + key.raw
        encoded = write_base64(typed)
        lines = self.text.decode().splitlines()
        return next((line for line in lines if encoded in line), encoded)


def _signed(
    stem: str,
    message: bytes,
    key: PublicKey,
    signature: bytes,
    zh: str,
    en: str,
    listed: _Listed | None = None,
) -> Iterator[Exhibit]:
    """A message, its key (which a policy may have to list) and its signature."""
    pem, sig = f"{stem}-key.pem", f"{stem}.sig"
    command = (
        f"openssl pkeyutl -verify -pubin -inkey {pem}{_OPTIONS[key.algorithm]}"
        f" -rawin -in {stem}.txt -sigfile {sig}"
    )
    if listed is None:
        yield Exhibit(pem, public_key_pem(key), "", "", f"公钥：{zh}", f"public key of: {en}")
    else:
        yield Exhibit(
            pem,
            public_key_pem(key),
            listed.command(pem, key),
            listed.line(key),
            f"公钥须列于 {listed.name}：{zh}",
            f"its public key must stand in {listed.name}: {en}",
        )
    yield Exhibit(sig, signature, "", "", f"签名值：{zh}", f"signature of: {en}")
    yield Exhibit(f"{stem}.txt", message, command, _VERIFIED, zh, en)


def _climb(
    stem: str, leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> Iterator[Exhibit]:
    """A leaf and every node on its way to the root."""
    yield from _hashed(stem, inclusion_inputs(leaf, index, size, path), root)


def _hashed(stem: str, inputs: Sequence[bytes], root: bytes) -> Iterator[Exhibit]:
    """Each hash goes into the next input; the last one must be the root."""
    for number, data in enumerate(inputs):
        final = number == len(inputs) - 1
        expect = (root if final else sha256(data)).hex()
        zh, en = ("树根", "the root") if final else ("进入下一步的哈希", "goes into the next")
        if data[:1] == b"\x00":
            name, zh, en = (
                f"{stem}-leaf.bin",
                f"叶哈希（00 || 数据）；{zh}",
                f"leaf (00 || data); {en}",
            )
        else:
            name = f"{stem}-node-{number:02d}.bin"
            zh, en = f"节点（01 || 左 || 右）；{zh}", f"node (01 || left || right); {en}"
        yield sha256_exhibit(name, data, expect, zh, en)


# (1) and (2)


def _item(proof: Proof) -> Iterator[Exhibit]:
    opening = proof.opening
    if opening is None:
        return
    if opening.details is not None:
        yield sha256_exhibit(
            "01-details.json",
            opening.details,
            sha256(opening.details).hex(),
            "说明信息的摘要，即下一文件的最后 32 字节",
            "digest of the details: the last 32 bytes of the next file",
        )
    yield sha256_exhibit(
        "01-item.bin",
        opening.preimage(),
        proof.item.hex(),
        "加盐摘要：算法、盐、文件摘要、文件大小、说明摘要",
        "the salted digest: algorithms, salt, digests of the file, its size, digest of the details",
    )


def _page(proof: Proof) -> Iterator[Exhibit]:
    deposit = proof.deposit
    index, size = proof.item_index // deposit.page, page_count(deposit.count, deposit.page)
    page = b"".join(proof.page)
    yield from _climb("02-page", page, index, size, proof.page_path, deposit.items_root)


# (3)


def _signatures(proof: Proof) -> Iterator[Exhibit]:
    entry = proof.entry
    yield sha256_exhibit(
        "03-statement-id.txt",
        entry.statement_bytes,
        entry.statement_id.hex(),
        "存证单的标识，写在接收凭证中",
        "the statement id, which the receipt names",
    )
    yield from _signed(
        "03-statement",
        entry.statement_bytes,
        proof.deposit.key,
        entry.signature.raw,
        "存证单的签名",
        "signature of the statement",
    )
    receipt = entry.receipt
    yield from _signed(
        "03-receipt",
        receipt_message(proof.deposit.origin, entry.statement_id, receipt.accepted_at),
        receipt.gateway,
        receipt.signature.raw,
        "网关接收凭证的签名",
        "signature of the gateway's receipt",
    )
    for number, (leaf, key) in enumerate(zip(proof.keys, proof.key_entries, strict=True), start=1):
        yield from _key_record(f"03-key-{number}", proof, leaf, key)


def _key_record(stem: str, proof: Proof, leaf: LeafProof, key: KeyEntry) -> Iterator[Exhibit]:
    yield from _signed(
        stem,
        key.record_bytes,
        key.authority,
        key.signature.raw,
        "登记机构对密钥登记的签名",
        "the enrolling authority's signature of a key record",
        _in_force(proof, leaf.index),
    )
    yield from _leaf(stem, proof, leaf)


def _in_force(proof: Proof, index: int) -> _Listed:
    """The policy that was in force when this leaf was made, which lists who enrols keys: the one
    enclosed, or an older one, which is among the files as what the next one follows."""
    places = zip(proof.policy_entries, proof.policies, strict=True)
    notes = [entry.note for leaf, entry in places if leaf.index < index]
    if not notes or notes[-1].serial == proof.policy.serial:
        return _Listed(_POLICY, proof.policy_text)
    return _Listed(_previous(notes[-1].serial + 1), notes[-1].policy_text)


def _leaf(stem: str, proof: Proof, leaf: LeafProof) -> Iterator[Exhibit]:
    head = proof.sealed.checkpoint
    yield from _climb(stem, leaf.entry_bytes, leaf.index, head.size, leaf.path, head.root)


# (4) and (5)


def _entry(proof: Proof) -> Iterator[Exhibit]:
    tlog, head = proof.tlog, proof.sealed.checkpoint
    yield from _climb("04-entry", proof.entry_bytes, tlog.index, head.size, tlog.path, head.root)


def _policy(proof: Proof) -> Iterator[Exhibit]:
    yield Exhibit(
        _POLICY,
        proof.policy_text,
        f"openssl dgst -sha256 -binary {_POLICY} | head -c 20 | base32",
        fingerprint(proof.policy_text).replace("-", ""),
        "策略指纹（不含连字符），须与另行取得的指纹比对",
        "the policy fingerprint without hyphens; compare it with the one you got elsewhere",
    )
    yield sha256_exhibit(
        _MEMBERS,
        proof.members_text,
        proof.policy.members_hash.hex(),
        "成员名册，其摘要写在策略中",
        "the members text, whose digest the policy names",
    )
    entries = list(zip(proof.policy_entries, proof.policies, strict=True))
    for number, (leaf, entry) in enumerate(entries):
        stem = f"05-policy-{entry.note.serial}"
        yield from _leaf(stem, proof, leaf)
        if number:
            yield from _succession(stem, entries[number - 1][1], entry)


def _succession(stem: str, before: PolicyEntry, after: PolicyEntry) -> Iterator[Exhibit]:
    """The policy before it, by its hash, and the signatures of that policy's members."""
    yield sha256_exhibit(
        _previous(after.note.serial),
        before.note.policy_text,
        after.note.previous.hex(),
        "前一策略，其摘要写在后一策略中",
        "the policy before it, whose digest the next one names",
    )
    body = format_body(after.note)
    listed = _Listed(_previous(after.note.serial), before.note.policy_text, _LOG_TYPE)
    for sealer in before.note.policy.sealers:
        vkey = before.note.policy.log_vkey(sealer)
        for line in after.note.signatures:
            if line.key_id == vkey.key_id:
                yield from _signed(
                    f"{stem}-{sealer.member}",
                    body,
                    sealer.log,
                    line.payload,
                    f"成员 {sealer.member} 对策略变更的签名",
                    f"signature of the policy change by {sealer.member}",
                    listed,
                )


def _previous(serial: int) -> str:
    """The file of the policy before the one of this serial; no member's name makes it another's."""
    return f"05-policy-before-{serial}.txt"


def _seals(stem: str, sealed: SealedCheckpoint, proof: Proof) -> Iterator[Exhibit]:
    """The root in the checkpoint, the publisher's signature, and every cosignature."""
    name, policy = f"{stem}.txt", proof.policy
    root = f"sed -n 3p {name} | base64 -d | od -An -v -tx1 | tr -d ' \\n'"
    yield Exhibit(
        name,
        sealed.body,
        root,
        sealed.checkpoint.root.hex(),
        "检查点中的树根（十六进制）",
        "the root in the checkpoint, in hex",
    )
    for sealer in policy.sealers:
        if policy.log_vkey(sealer).key_id == sealed.log_line.key_id:
            yield from _signed(
                f"{stem}-log",
                sealed.body,
                sealer.log,
                sealed.log_line.payload,
                f"成员 {sealer.member} 发布检查点的签名",
                f"signature with which {sealer.member} published the checkpoint",
                _Listed(_POLICY, proof.policy_text, _LOG_TYPE),
            )
        listed = _Listed(_POLICY, proof.policy_text, _SEAL_TYPE)
        yield from _seal(stem, sealed, sealer.member, policy.witness_vkey(sealer), listed)
    yield from _further(stem, sealed, proof)


def _seal(
    stem: str, sealed: SealedCheckpoint, member: str, vkey: Vkey, listed: _Listed
) -> Iterator[Exhibit]:
    for seal in sealed.seals:
        if seal.member == member:
            yield from _signed(
                f"{stem}-seal-{member}",
                cosignature_message(sealed.body, seal.time_s),
                PublicKey(ED25519, vkey.public),
                seal.line.payload[8:],
                f"成员 {member} 的联签",
                f"cosignature by {member}",
                listed,
            )


def _further(stem: str, sealed: SealedCheckpoint, proof: Proof) -> Iterator[Exhibit]:
    """Further signatures, up to the first that has no place in the members text."""
    try:
        for seal, key, line in further_signatures(sealed, proof.members):
            yield from _signed(
                f"{stem}-{key.algorithm}-{seal.member}",
                cosignature_message(sealed.body, seal.time_s),
                key,
                line.payload[8:],
                f"成员 {seal.member} 的附加签名（{key.algorithm}）",
                f"further signature of {key.algorithm} by {seal.member}",
                _Listed(_MEMBERS, proof.members_text),
            )
    except BadSignature:
        return


def _later(proof: Proof) -> Iterator[Exhibit]:
    if proof.later is None:
        return
    later, first = proof.later.sealed, proof.sealed.checkpoint
    yield from _seals("06-later", later, proof)
    old, new = consistency_inputs(first.size, first.root, later.checkpoint.size, proof.later.path)
    yield from _hashed("06-later-old", old, first.root)
    yield from _hashed("06-later-new", new, later.checkpoint.root)


def _readme(proof: Proof, exhibits: Sequence[Exhibit]) -> Exhibit:
    lines = [
        f"存证编号 Evidence number: {proof.number}",
        "",
        "在本目录中依次运行下列命令，每条命令的输出中须有“应为”之后的内容。",
        "Run these commands in this folder, in order; what each prints must contain what stands",
        "after `must be`. openssl: 3.0 或更高版本 or newer.",
        "树的叶和节点按 RFC 6962 计算，签名为 Ed25519 (RFC 8032)、P-256 或 SM2。",
        "Leaves and nodes of trees are those of RFC 6962; signatures are Ed25519, P-256 or SM2.",
        "策略指纹须与法院公布的指纹一致，否则以下各步不能证明任何事项。",
        "The policy fingerprint must be the one a court published; otherwise nothing is shown.",
        "",
    ]
    recorded = proof.opening.digests if proof.opening else ()
    if proof.deposit.mode == "digest":
        recorded = ((proof.deposit.alg, proof.item),)
    for alg, digest in recorded:
        lines += [
            "文件的摘要（FILE 为您手中的文件） Digest of the file (FILE is yours)",
            f"    openssl dgst -{alg} FILE",
            f"    应为 must be: {digest.hex()}",
            "",
        ]
    for each in exhibits:
        if each.command:
            lines += [f"{each.zh} {each.en}", f"    {each.command}"]
            lines += [f"    应为 must be: {each.expect}", ""]
    zh, en = "步骤说明", "what to run, in order"
    return Exhibit("README.txt", "".join(f"{line}\n" for line in lines).encode(), "", "", zh, en)
