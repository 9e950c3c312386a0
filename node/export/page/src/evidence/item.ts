/** Items, their openings, and pages (docs/proof-format.md, section 2). */

import { concat, encode, equal, u64 } from "./bytes.ts";
import { type Alg, ALGS, EMPTY, sha256 } from "./digests.ts";
import { Malformed } from "./malformed.ts";
import { checkHex, type Lines, loadObject, parseHex } from "./spelling.ts";

export const ITEM_SIZE = 32;
export const ITEMS_MAX = 16_384;
export const PAGE_SIZES: Record<string, readonly number[]> = { digest: [1], commitment: [1, 16] };
export const ALG_SETS = ["sha256", "sha256+sm3", "sm3"];
const DETAILS_SIZE_MAX = 16_384;
const VALUE_SALT_SIZE = 16;
/** Characters that draw lines, reorder or hide text: a judge reads the details by eye. */
const HIDING = new RegExp(
  "[\\0-\\x1f\\x7f-\\x9f\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f" +
    "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff9-\\ufffb\\u{e0000}-\\u{e0fff}]",
  "u",
);

export type Details = Record<string, string | number | boolean>;

/** What a commitment hides. */
export class Opening {
  constructor(
    readonly salt: Uint8Array,
    readonly digests: readonly [Alg, Uint8Array][],
    readonly size: number,
    readonly details: Uint8Array | null,
  ) {
    if (!ALG_SETS.includes(this.alg))
      throw new Malformed("opening", "digests are not of sha256, sm3 or both in that order");
    if (details) parseDetails(details);
  }

  get alg(): string {
    return this.digests.map(([alg]) => alg).join("+");
  }

  /** The bytes whose SHA-256 is the item. */
  preimage(): Uint8Array {
    const details = this.details ? sha256(this.details) : new Uint8Array(32);
    const digests = this.digests.map(([, digest]) => digest);
    return concat(encode(`cunzheng/item/v1 ${this.alg}\n`), this.salt, ...digests, u64(this.size), details);
  }

  item(): Uint8Array {
    return sha256(this.preimage());
  }
}

/** Values by key, their salts checked and left out. */
export function parseDetails(data: Uint8Array): Details {
  if (data.length > DETAILS_SIZE_MAX) throw new Malformed("details", "too long");
  const pairs = Object.entries(loadObject(data, "details"));
  if (!pairs.length) throw new Malformed("details", "empty: leave them out instead");
  const found: Details = {};
  for (const [key, pair] of pairs) {
    if (!/^[a-z][a-z0-9_]{0,63}$/.test(key)) throw new Malformed("details", "a key is not a-z, 0-9, _");
    if (!Array.isArray(pair) || pair.length !== 2) throw new Malformed("details", "not [salt, value]");
    const [salt, plain] = pair;
    if (typeof plain !== "string" && typeof plain !== "boolean" && typeof plain !== "number")
      throw new Malformed("details", "value is not a string, an integer or a boolean");
    if (typeof plain === "string" && HIDING.test(plain))
      throw new Malformed("details", "a character that draws lines, reorders or hides text");
    checkHex(salt, "details", VALUE_SALT_SIZE);
    found[key] = plain;
  }
  return found;
}

export function parseOpening(lines: Lines): Opening {
  lines.expect("opening");
  const salt = lines.digest("salt");
  const digests: [Alg, Uint8Array][] = [];
  for (const alg of ALGS) {
    const value = lines.valueIf(alg);
    if (value !== null) digests.push([alg, parseHex(value, `opening: ${alg}`)]);
  }
  const size = lines.integer("size");
  const details = lines.valueIf("details");
  return new Opening(salt, digests, size, details === null ? null : encode(details));
}

/** Items of a page; in digest mode none is the digest of the empty content. */
export function checkItems(page: readonly Uint8Array[], mode: string, alg: string): void {
  if (!page.length) throw new Malformed("items", "none");
  if (mode === "digest" && page.some((each) => equal(each, EMPTY[alg as Alg])))
    throw new Malformed("items", "the digest of the empty content proves nothing");
}

export function pageLength(count: number, page: number, index: number): number {
  return Math.min(page, count - Math.floor(index / page) * page);
}

export function pageCount(count: number, page: number): number {
  return Math.ceil(count / page);
}
