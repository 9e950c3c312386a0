/** Verification of a proof: the file's digests, the proof's bytes and the fingerprint from elsewhere
 * go in, a verdict comes out; every input gives one. */

import { binary, fromBinary } from "./bytes.ts";
import type { Hashed } from "./digests.ts";
import { Malformed } from "./malformed.ts";
import { leafHash } from "./merkle.ts";
import { fingerprint } from "./policy.ts";
import type { Proof } from "./proof.ts";
import { parseProof } from "./proof_text.ts";
import { ownerPoints, steps, timesDisagree } from "./steps.ts";
import { type Code, type Facts, failed, type PointKey, type Verdict } from "./verdict.ts";

/** Which failure gives the bottom line if there are several: first those of the proof itself. */
const ORDER: readonly Code[] = [
  "V204", "V104", "V201", "V205", "V206", "V202", "V203", "V302", "V102", "V106", "V502",
];
const LONGEST = 16 << 20;

export function verify(data: Uint8Array, anchor: string | null, file: Hashed | null): Verdict {
  const whole = repair(data);
  if (whole === null) return judge(data, anchor, file);
  const finding = failed(
    0, "V200", "证明文件在传输中被改动（换行或 BOM），请索取原件的逐字节副本",
    "damaged in transit (CR LF line ends or a BOM); ask for a byte-for-byte copy",
  );
  const repaired = judge(whole, anchor, file);
  return { code: "V200", findings: [finding], points: [], facts: null, repaired };
}

/** The bytes without CR before LF and without a BOM; null if there are none. */
function repair(data: Uint8Array): Uint8Array | null {
  if (data.length > LONGEST || (!data.includes(13) && data[0] !== 0xef)) return null;
  const text = binary(data);
  const whole = text.replace(/^\xef\xbb\xbf/, "").replace(/(?<!\r)\r+\n/g, "\n");
  return whole === text ? null : fromBinary(whole);
}

function judge(data: Uint8Array, anchor: string | null, file: Hashed | null): Verdict {
  let proof: Proof;
  try {
    proof = parseProof(data);
  } catch (error) {
    if (error instanceof Malformed) return unreadable(error);
    throw error;
  }
  const findings = [...steps(proof, anchor, file)];
  const points = [...openPoints(proof, file)];
  const codes = findings.map((each) => each.code);
  const first = ORDER.find((code) => codes.includes(code));
  const code = first ?? (points.length ? "V001" : "V000");
  return { code, findings, points, facts: factsOf(proof), repaired: null };
}

function unreadable(error: Malformed): Verdict {
  const finding = error.newer
    ? failed(
        0, "V502", "证明使用了比本核验程序更新的格式或算法，请使用新版核验程序",
        `newer than this verifier, use a newer one (${error.message})`,
      )
    : failed(
        0, "V200", "证明文件无法读取，请索取原件的逐字节副本", `cannot be read: ${error.message}`,
      );
  return { code: finding.code as Code, findings: [finding], points: [], facts: null, repaired: null };
}

function* openPoints(proof: Proof, file: Hashed | null): Generator<PointKey> {
  if (proof.policy.network === "test") yield "O05";
  yield* ownerPoints(proof);
  if (timesDisagree(proof)) yield "O07";
  if (!file) yield "O09";
  yield "O02";
}

function factsOf(proof: Proof): Facts {
  const { checkpoint, seals } = proof.sealed;
  const names = seals.map((seal) => seal.member);
  const later = (proof.parts.later?.sealed.seals ?? [])
    .map((seal) => seal.member)
    .filter((name) => !names.includes(name));
  const { members } = proof;
  return {
    number: proof.number,
    origin: checkpoint.origin,
    network: proof.policy.network,
    sealTimeS: proof.sealTimeS,
    blockTimeMs: proof.entry.timeMs,
    acceptedAtMs: proof.entry.receipt.acceptedAt,
    claimedAtMs: proof.deposit.claimedAt,
    category: proof.deposit.category,
    entryHash: leafHash(proof.parts.entryBytes),
    treeSize: checkpoint.size,
    fingerprint: fingerprint(proof.parts.policyText),
    quorum: proof.policy.quorum,
    signed: members.filter((each) => names.includes(each.name)),
    later: members.filter((each) => later.includes(each.name)),
    missing: members.filter((each) => !names.includes(each.name) && !later.includes(each.name)),
  };
}
