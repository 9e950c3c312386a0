/** Results for programs, with the keys that `cunzheng verify --json` has. */

import words from "./words.json";
import type { CheckedBundle, CheckedDeposit } from "./bundle/checking.ts";
import { hex } from "./evidence/bytes.ts";
import type { Hashed } from "./evidence/digests.ts";
import type { JsonObject } from "./evidence/json.ts";
import type { Member } from "./evidence/members.ts";
import { answerOf, type Facts, type Finding, type Verdict } from "./evidence/verdict.ts";

export function verdictJson(verdict: Verdict): JsonObject {
  const { code, findings, points, facts, repaired } = verdict;
  const { zh, en } = words.codes[code];
  return {
    code,
    answer: words.answers[answerOf(code)].en,
    result: { zh, en },
    findings: findings.map(findingJson),
    open_points: points.map((key) => ({ key, ...words.open_points[key] })),
    ...(facts ? { facts: factsJson(facts) } : {}),
    ...(repaired ? { repaired: verdictJson(repaired) } : {}),
  };
}

export function bundleJson(checked: CheckedBundle): JsonObject {
  return {
    bundle: checked.name,
    code: checked.code,
    answer: words.answers[answerOf(checked.code)].en,
    exit_code: words.answers[answerOf(checked.code)].exit_code,
    contents_sha256: checked.contents && hex(checked.contents),
    package: {
      code: checked.packageCode,
      findings: checked.findings.map(findingJson),
      flaws: [...checked.flaws],
    },
    deposits: checked.deposits.map(depositJson),
  };
}

export function fileJson(file: Hashed): JsonObject {
  return { size: file.size, sha256: hex(file.sha256), sm3: hex(file.sm3) };
}

function depositJson({ number, verdict, file }: CheckedDeposit): JsonObject {
  return { evidence_no: number, ...(file ? fileJson(file) : {}), verdict: verdictJson(verdict) };
}

function findingJson({ step, outcome, code, zh, en }: Finding): JsonObject {
  return { step, outcome, code, zh, en };
}

function factsJson(facts: Facts): JsonObject {
  const members = (each: readonly Member[]) =>
    each.map(({ name, kind, organisation }) => ({ name, kind, organisation }));
  return {
    evidence_no: facts.number,
    origin: facts.origin,
    network: facts.network,
    seal_time_s: facts.sealTimeS,
    block_time_ms: facts.blockTimeMs,
    accepted_at_ms: facts.acceptedAtMs,
    claimed_at_ms: facts.claimedAtMs,
    category: facts.category,
    entry_hash: hex(facts.entryHash),
    tree_size: facts.treeSize,
    policy_fingerprint: facts.fingerprint,
    quorum: facts.quorum,
    cosigned: members(facts.signed),
    cosigned_later: members(facts.later),
    not_cosigned: members(facts.missing),
  };
}
