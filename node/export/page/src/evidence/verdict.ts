/** Verdicts: one bottom line, the findings in the order of the recipe, the open points a court still
 * has to examine, and the facts of the proof. Never yes or no. */

import words from "../words.json";
import type { Member } from "./members.ts";

export type Language = "zh" | "en";
export interface Said {
  readonly zh: string;
  readonly en: string;
}
export type Code = keyof typeof words.codes;
export type PointKey = keyof typeof words.open_points;
export type AnswerKey = keyof typeof words.answers;
export type Outcome = "passed" | "failed" | "not checked";

/** One comparison of the recipe; step 0 is reading. A code exactly if it failed. */
export interface Finding extends Said {
  readonly step: number;
  readonly outcome: Outcome;
  readonly code: Code | null;
}

export interface Facts {
  readonly number: string;
  readonly origin: string;
  readonly network: string;
  readonly sealTimeS: number | null;
  readonly blockTimeMs: number;
  readonly acceptedAtMs: number;
  readonly claimedAtMs: number;
  readonly category: string;
  readonly entryHash: Uint8Array;
  readonly treeSize: number;
  readonly fingerprint: string;
  readonly quorum: number;
  readonly signed: readonly Member[];
  readonly later: readonly Member[];
  readonly missing: readonly Member[];
}

export interface Verdict {
  readonly code: Code;
  readonly findings: readonly Finding[];
  readonly points: readonly PointKey[];
  readonly facts: Facts | null;
  /** If line ends or a BOM were damaged in transit: the result for the text without the damage. */
  readonly repaired: Verdict | null;
}

export function answerOf(code: Code): AnswerKey {
  return words.codes[code].answer as AnswerKey;
}

export function isConsistent(code: Code): boolean {
  return answerOf(code).startsWith("CONSISTENT");
}

export function passed(step: number, zh: string, en: string): Finding {
  return { step, outcome: "passed", zh, en, code: null };
}

export function failed(step: number, code: Code, zh: string, en: string): Finding {
  return { step, outcome: "failed", zh, en, code };
}

export function notChecked(step: number, zh: string, en: string): Finding {
  return { step, outcome: "not checked", zh, en, code: null };
}
