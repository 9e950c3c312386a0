/** Statements: what a depositor signs (docs/proof-format.md, section 3). */

import { sha256 } from "./digests.ts";
import { ALG_SETS, ITEMS_MAX, PAGE_SIZES } from "./item.ts";
import { ALGS } from "./digests.ts";
import type { Json, JsonObject } from "./json.ts";
import { parsePublicKey, type PublicKey } from "./keys.ts";
import { Malformed } from "./malformed.ts";
import { checkNumber } from "./number.ts";
import {
  checkChoice, checkHex, checkInteger, checkOrigin, checkText, checkTime, fields, parseTagged,
} from "./spelling.ts";

const TAG = "cunzheng/statement/v1";
const SIZE_MAX = 4_096;
const NONCE_SIZE = 16;
const CATEGORIES = [
  "A14_0", "A14_1_WEB_PUBLICATION", "A14_2_NETWORK_COMMUNICATION", "A14_3_ACCOUNT_TRANSACTION_LOG",
  "A14_4_ELECTRONIC_FILE", "A14_5_OTHER_DIGITAL",
];
const EVENT_TYPES = [
  "correction", "supplement", "rendition", "invalidation", "custody", "hold", "release",
  "notarisation", "verification", "erased", "health",
];
const DEPOSIT = [
  "alg", "category", "claimed_at", "count", "items_root", "key", "mode", "nonce", "origin", "page",
  "type",
];
const EVENT = ["claimed_at", "details", "key", "nonce", "origin", "type"];

/** I deposit these `count` items. */
export interface Deposit {
  readonly kind: "deposit";
  readonly origin: string;
  readonly key: PublicKey;
  readonly claimedAt: number;
  readonly mode: string;
  readonly alg: string;
  readonly count: number;
  readonly page: number;
  readonly itemsRoot: Uint8Array;
  readonly category: string;
  readonly hasSubmitter: boolean;
}

/** This happened to that deposit. A proof has none, but what reads entries must know one. */
export interface Event {
  readonly kind: "event";
  readonly origin: string;
  readonly key: PublicKey;
  readonly hasSubmitter: boolean;
}

export type Statement = Deposit | Event;

export function statementId(data: Uint8Array): Uint8Array {
  return sha256(data);
}

export function parseStatement(data: Uint8Array): Statement {
  const value = parseTagged(TAG, data, SIZE_MAX);
  return value.type === "deposit" ? parseDeposit(value) : parseEvent(value);
}

/** In the order of the bytes: what is wrong first decides. */
function parseDeposit(raw: JsonObject): Deposit {
  const value = fields(raw, TAG, DEPOSIT, ["profile", "series", "submitter"]);
  const alg = checkChoice(value.alg, ALG_SETS, "alg");
  const category = checkChoice(value.category, CATEGORIES, "category");
  const claimedAt = checkTime(value.claimed_at, "claimed_at");
  const count = checkInteger(value.count, "count", 1, ITEMS_MAX);
  const itemsRoot = checkHex(value.items_root, "items_root");
  const key = parsePublicKey(checkText(value.key, "key"));
  const mode = checkChoice(value.mode, Object.keys(PAGE_SIZES), "mode");
  checkHex(value.nonce, "nonce", NONCE_SIZE);
  const origin = checkOrigin(value.origin, "origin");
  const page = checkInteger(value.page, "page");
  if ("profile" in value) checkHex(value.profile, "profile");
  if ("series" in value) checkSeries(value.series);
  if ("submitter" in value) checkHex(value.submitter, "submitter");
  if (mode === "digest" && !(ALGS as readonly string[]).includes(alg))
    throw new Malformed("alg", "digest mode has one algorithm");
  if (!PAGE_SIZES[mode].includes(page))
    throw new Malformed("page", "not 1, or 16 in commitment mode");
  const hasSubmitter = "submitter" in value;
  return {
    kind: "deposit", origin, key, claimedAt, mode, alg, count, page, itemsRoot, category, hasSubmitter,
  };
}

function checkSeries(raw: Json): void {
  const value = fields(raw, "series", ["id", "seq"], ["prev"]);
  const seq = checkInteger(value.seq, "series: seq");
  if ("prev" in value !== seq > 0)
    throw new Malformed("series", "`prev` is there exactly if `seq` is above 0");
  checkHex(value.id, "series: id");
  if (seq) checkHex(value.prev, "series: prev");
}

function parseEvent(raw: JsonObject): Event {
  const value = fields(raw, TAG, EVENT, ["subject", "submitter"]);
  if ("subject" in value === (value.type === "health"))
    throw new Malformed("subject", "every event but `health` has one");
  checkTime(value.claimed_at, "claimed_at");
  checkHex(value.details, "details");
  const key = parsePublicKey(checkText(value.key, "key"));
  checkHex(value.nonce, "nonce", NONCE_SIZE);
  const origin = checkOrigin(value.origin, "origin");
  if ("subject" in value) {
    const subject = fields(value.subject, "subject", ["evidence_no", "statement"]);
    checkNumber(checkText(subject.evidence_no, "subject"), "subject: evidence_no");
    checkHex(subject.statement, "subject: statement");
  }
  if ("submitter" in value) checkHex(value.submitter, "submitter");
  checkChoice(value.type, EVENT_TYPES, "type");
  return { kind: "event", origin, key, hasSubmitter: "submitter" in value };
}
