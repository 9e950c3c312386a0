/** The six steps of verification, in order (docs/proof-format.md, section 13): each compares and says
 * what it found. The sentences are those of the command. */

import words from "../words.json";
import { equal } from "./bytes.ts";
import { type SealedCheckpoint, verifyFurther, verifySeals } from "./checkpoint.ts";
import type { Alg, Hashed } from "./digests.ts";
import { standing, type Standing } from "./enrolment.ts";
import type { KeyEntry } from "./entry.ts";
import { pageCount } from "./item.ts";
import { type PublicKey, verify } from "./keys.ts";
import { BadPath, BadSignature, Malformed } from "./malformed.ts";
import { leafHash, verifyConsistency, verifyInclusion } from "./merkle.ts";
import { checkSuites, fingerprint, type Policy } from "./policy.ts";
import { verifySuccession } from "./policy_note.ts";
import { LeafProof, type Proof } from "./proof.ts";
import { concat } from "./bytes.ts";
import { type Code, failed, type Finding, notChecked, passed, type PointKey } from "./verdict.ts";

/** A finding from a check that throws if it fails. */
export function checked(step: number, code: Code, zh: string, en: string, check: () => void): Finding {
  try {
    check();
  } catch (error) {
    if (error instanceof BadPath || error instanceof BadSignature || error instanceof Malformed)
      return failed(step, code, `不成立：${zh}`, `does not hold: ${en} (${error.message})`);
    throw error;
  }
  return passed(step, zh, en);
}

export function* steps(proof: Proof, anchor: string | null, file: Hashed | null): Generator<Finding> {
  yield passed(0, "证明文件格式正确", "the proof file is well formed");
  yield fileGivesItem(proof, file);
  yield itemInStatement(proof);
  yield* keysSigned(proof);
  yield* entryInTree(proof);
  yield* quorumSealed(proof, anchor);
  yield timesAgree(proof);
}

// (1) The file gives the item.

function fileGivesItem(proof: Proof, file: Hashed | null): Finding {
  if (!file) return notChecked(1, "未提供文件，未比对文件", "no file was given, none was compared");
  const digests = recordedDigests(proof);
  if (!digests.length)
    return failed(
      1, "V502", "证明不含摘要开启数据，无法比对文件",
      "the proof has no opening, so the file cannot be compared; use the holder's copy",
    );
  const size = proof.parts.opening?.size ?? file.size;
  const same = digests.map(([alg, digest]) => equal(file[alg], digest));
  if (same.every(Boolean) && size === file.size)
    return passed(1, "文件的全部摘要与记录一致", "all digests of the file are the recorded ones");
  if (same.some(Boolean))
    return failed(
      1, "V106", "文件的摘要或大小部分一致、部分不一致，记录的摘要不属于同一文件",
      "some digests or the size agree and some do not: those recorded are not of one file",
    );
  return failed(
    1, "V102", "文件的摘要与记录不一致（另存、转码、压缩亦会改变字节）",
    "the file's digests differ (saving again or compressing also changes bytes)",
  );
}

/** What the proof says a file's digests are; nothing if only its opening could tell. */
export function recordedDigests(proof: Proof): readonly (readonly [Alg, Uint8Array])[] {
  if (proof.deposit.mode === "digest") return [[proof.deposit.alg as Alg, proof.item]];
  return proof.parts.opening?.digests ?? [];
}

// (2) The item is in the statement under this evidence number.

function itemInStatement(proof: Proof): Finding {
  const { deposit, parts } = proof;
  return checked(
    2, "V201", `数据项在存证单内，编号为 ${proof.number}`,
    `the item is in the statement, under number ${proof.number}`,
    () =>
      verifyInclusion(
        leafHash(concat(...parts.page)),
        Math.floor(parts.itemIndex / deposit.page),
        pageCount(deposit.count, deposit.page),
        parts.pagePath,
        deposit.itemsRoot,
      ),
  );
}

// (3) The key signed the statement, and the gateway its receipt.

function* keysSigned(proof: Proof): Generator<Finding> {
  yield checked(
    3, "V205", "存证单签名与接收凭证签名有效", "the signatures of statement and receipt hold",
    () => {
      const policy = inForce(proof, proof.parts.tlog.index);
      if (policy) checkSuites(policy.rules, [proof.deposit.key, proof.entry.receipt.gateway]);
      proof.entry.verifySignatures();
    },
  );
  for (const [n, leaf] of proof.parts.keys.entries()) {
    const entry = proof.keyEntries[n];
    const policy = inForce(proof, leaf.index);
    if (!policy?.authorities.some((each) => each.text === entry.authority.text))
      yield failed(
        3, "V205", "密钥登记并非由策略所列登记机构作出",
        "a key record is not by an enrolling authority of the policy",
      );
    yield checked(3, "V205", "密钥登记签名有效", "the signature of the key record holds", () =>
      checkKeyRecord(entry, policy),
    );
    yield inTree(proof, leaf, 3, "密钥登记", "the key record");
  }
  const keys = [proof.deposit.key, proof.entry.receipt.gateway];
  for (const key of proof.entry.attested ? keys.slice(1) : keys) yield owner(proof, key);
}

/** The policy in force when the leaf of this index was made; null before the first one. */
function inForce(proof: Proof, index: number): Policy | null {
  if (!proof.policies.length) return proof.policy;
  const at = proof.parts.policyEntries.findLastIndex((leaf) => leaf.index < index);
  return at < 0 ? null : proof.policies[at].note.policy;
}

function checkKeyRecord(entry: KeyEntry, policy: Policy | null): void {
  const { key, successor } = entry.record;
  if (policy) checkSuites(policy.rules, [entry.authority, key, ...(successor ? [successor] : [])]);
  verify(entry.authority, entry.recordBytes, entry.signature);
}

function keyStanding(proof: Proof, key: PublicKey): Standing {
  const records = proof.keyEntries.map((entry) => entry.record);
  return standing(key, records, proof.entry.timeMs);
}

function owner(proof: Proof, key: PublicKey): Finding {
  const found = keyStanding(proof, key);
  if (found.ended)
    return failed(
      3, "V302", `密钥 ${key.text} 在出块前已撤销或更换`,
      `key ${key.text} had been revoked or replaced before the block`,
    );
  if (!ownerKnown(proof, key))
    return notChecked(
      3, `由密钥 ${key.text} 签名，未核验其持有人`, `signed by key ${key.text}, owner not checked`,
    );
  const roles = words.roles as Record<string, string>;
  return passed(
    3,
    `据所附登记记录，密钥 ${key.text} 已登记（${found.roles.map((each) => roles[each]).join("、")}）`,
    `by the records enclosed, key ${key.text} is enrolled (${found.roles.join(", ")})`,
  );
}

/** Whether the records enclosed make `key` good for what it did here. */
function ownerKnown(proof: Proof, key: PublicKey): boolean {
  const { roles } = keyStanding(proof, key);
  if (key.text === proof.entry.receipt.gateway.text && !roles.includes("gateway")) return false;
  return key.text !== proof.deposit.key.text || (roles.length > 0 && !roles.includes("member"));
}

/** What step 3 leaves open. */
export function* ownerPoints(proof: Proof): Generator<PointKey> {
  const [own, gateway] = [proof.deposit.key, proof.entry.receipt.gateway];
  if (proof.entry.attested || keyStanding(proof, own).roles.includes("gateway")) yield "O01";
  if (!ownerKnown(proof, own) || !ownerKnown(proof, gateway)) yield "O06";
}

// (4) The statement is in the entry, the entry in the tree.

function* entryInTree(proof: Proof): Generator<Finding> {
  const { tlog, entryBytes } = proof.parts;
  const origins = new Set([
    proof.deposit.origin,
    proof.sealed.checkpoint.origin,
    proof.policy.origin,
    ...proof.keyEntries.map((entry) => entry.record.origin),
    ...proof.policies.map((entry) => entry.note.origin),
  ]);
  if (origins.size > 1)
    yield failed(4, "V104", "各部分属于不同的链", "its parts belong to different chains");
  yield inTree(proof, new LeafProof(tlog.index, tlog.path, entryBytes), 4, "存证记录", "the entry");
}

function inTree(proof: Proof, leaf: LeafProof, step: number, zh: string, en: string): Finding {
  const { size, root } = proof.sealed.checkpoint;
  return checked(
    step, "V201", `${zh}在检查点的树内`, `${en} is in the tree of the checkpoint`,
    () => verifyInclusion(leafHash(leaf.entryBytes), leaf.index, size, leaf.path, root),
  );
}

// (5) A quorum of the policy sealed the tree.

function* quorumSealed(proof: Proof, anchor: string | null): Generator<Finding> {
  if (anchor === null) {
    yield failed(
      5, "V204", "未提供来自证明之外的策略或策略指纹，联签无从核验",
      "no policy or fingerprint from outside the proof, so the seals cannot be judged",
    );
    return;
  }
  yield checked(
    5, "V206", "策略与外部信任锚相符", "the policy is the one named from outside",
    () => checkPolicy(proof, anchor),
  );
  for (const leaf of proof.parts.policyEntries) yield inTree(proof, leaf, 5, "策略", "a policy entry");
  const [count, quorum] = [proof.sealed.seals.length, proof.policy.quorum];
  yield checked(
    5, "V202", `按所附策略，${count} 家成员联签，最低 ${quorum} 家`,
    `by the policy enclosed, ${count} members cosigned, ${quorum} are needed`,
    () => verifySeals(proof.sealed, proof.policy),
  );
  yield* furtherSigned(proof, proof.sealed);
  if (proof.parts.later) yield* laterExtends(proof);
}

/** The policy enclosed, or one it descends from, is the one from elsewhere. */
function checkPolicy(proof: Proof, anchor: string): void {
  const texts = proof.policies.map((entry) => entry.note.policyText);
  if (![proof.parts.policyText, ...texts].some((text) => fingerprint(text) === anchor))
    throw new BadSignature("the policy enclosed is another one");
  proof.policies.slice(1).forEach((after, n) => verifySuccession(proof.policies[n].note, after.note));
  const last = proof.parts.policyEntries.at(-1);
  if (last && proof.sealed.checkpoint.size <= last.index + 1)
    throw new BadSignature("the checkpoint was sealed before this policy governed");
}

/** What members signed besides, for whoever has to check with another suite. */
function* furtherSigned(proof: Proof, sealed: SealedCheckpoint): Generator<Finding> {
  const count = sealed.further.length;
  if (count)
    yield checked(
      5, "V202", `另有 ${count} 个附加签名（P-256 或 SM2），不计入最低联签数`,
      `${count} further signatures of P-256 or SM2, which count for no quorum`,
      () => verifyFurther(sealed, proof.members),
    );
}

function* laterExtends(proof: Proof): Generator<Finding> {
  const later = proof.parts.later;
  if (!later) return;
  const [first, second] = [proof.sealed.checkpoint, later.sealed.checkpoint];
  yield checked(
    5, "V202", "后续检查点的联签有效", "the later checkpoint is sealed by a quorum",
    () => verifySeals(later.sealed, proof.policy),
  );
  yield* furtherSigned(proof, later.sealed);
  yield checked(
    5, "V203", "后续检查点包含此检查点的树", "the later checkpoint extends this one",
    () => verifyConsistency(first.size, first.root, second.size, second.root, later.path),
  );
}

// (6) The times agree.

function timesAgree(proof: Proof): Finding {
  return timesDisagree(proof)
    ? notChecked(
        6, "区块时间与联签时间或接收时间不相符，以联签时间为准",
        "block, seal and receipt times do not agree; the seal time is the one that counts",
      )
    : passed(6, "区块时间、联签时间、接收时间相符", "block, seal and receipt times agree");
}

export function timesDisagree(proof: Proof): boolean {
  const [{ skewMs }, block, sealS] = [proof.policy, proof.entry.timeMs, proof.sealTimeS];
  // A seal's time is in whole seconds, so it may be up to a second off.
  const far = sealS !== null && Math.abs(block - sealS * 1000) > skewMs + 1000;
  return far || proof.entry.receipt.acceptedAt > block + skewMs;
}
