/** The one spelling of every value (docs/proof-format.md, section 1): tagged JSON, and lines. */

import { decode, encode, equal, fromHex, LF, readDecimal, startsWith, binary } from "./bytes.ts";
import { isObject, type Json, type JsonObject, parseJson, writeJson } from "./json.ts";
import { Malformed } from "./malformed.ts";

export const INTEGER_MAX = Number.MAX_SAFE_INTEGER;
/** The year 10000 in UTC+8: later times have no four-digit year to print. */
export const TIME_MS_END = 253_402_272_000_000;

const ORIGIN = /^[a-z0-9][a-z0-9.-]*(?:\/[a-z0-9][a-z0-9._-]*)*$/;
const NO_ORIGIN = /^(?:cunzheng|cosignature|c2sp\.org)\//;
const RESERVED = new Set(["all", "any", "genesis", "members", "none"]);
const MEMBER = /^[a-z][a-z0-9-]{0,31}$/;
const VERSION = /^[A-Za-z0-9.+_-]{1,64}$/;
const PLAIN = /^[ !#-[\]-~]*$/;
const TAG = /^(cunzheng\/[a-z]+\/v|#cunzheng policy v)([1-9][0-9]{0,15})$/;
const DEPTH_MAX = 3;

export function checkInteger(value: unknown, where: string, low = 0, high = INTEGER_MAX): number {
  if (!Number.isSafeInteger(value) || (value as number) < low || (value as number) > high)
    throw new Malformed(where, `not an integer from ${low} to ${high}`);
  return value as number;
}

export function checkTime(value: unknown, where: string): number {
  return checkInteger(value, where, 0, TIME_MS_END - 1);
}

export function parseHex(text: string, where: string, size = 32): Uint8Array {
  if (text.length !== 2 * size || !/^[0-9a-f]*$/.test(text))
    throw new Malformed(where, `not ${2 * size} lower-case hex digits`);
  return fromHex(text);
}

export function checkText(value: unknown, where: string): string {
  if (typeof value !== "string") throw new Malformed(where, "not a string");
  return value;
}

export function checkHex(value: unknown, where: string, size = 32): Uint8Array {
  return parseHex(checkText(value, where), where, size);
}

export function checkChoice(value: unknown, choices: readonly string[], where: string): string {
  if (typeof value !== "string" || !choices.includes(value))
    throw new Malformed(where, `is none of ${choices.join(", ")}`);
  return value;
}

/** The name of one chain; it begins like no other kind of signed text. */
export function checkOrigin(value: unknown, where: string): string {
  if (typeof value !== "string" || value.length > 128 || !ORIGIN.test(value) || NO_ORIGIN.test(value))
    throw new Malformed(where, "not an origin such as `example.org/chain`");
  return value;
}

export function checkMember(text: string, where: string): string {
  if (!MEMBER.test(text) || RESERVED.has(text)) throw new Malformed(where, "not a member name");
  return text;
}

export function checkVersion(text: string, where: string): string {
  if (!VERSION.test(text)) throw new Malformed(where, "not a version");
  return text;
}

/** Tag, one space, canonical JSON: the bytes that are hashed and signed. */
export function formatTagged(tag: string, value: JsonObject): Uint8Array {
  return encode(`${tag} ${writeJson(value)}`);
}

export function parseTagged(tag: string, data: Uint8Array, sizeMax: number): JsonObject {
  const space = data.indexOf(32);
  checkTag(tag, space < 0 ? data : data.subarray(0, space));
  if (data.length > sizeMax) throw new Malformed(tag, `longer than ${sizeMax} bytes`);
  const value = loadObject(space < 0 ? data.subarray(data.length) : data.subarray(space + 1), tag);
  checkPlain(value, tag);
  return value;
}

/** What was found is `tag`; another version of the same thing is newer than this reader. */
export function checkTag(tag: string, found: Uint8Array): void {
  const match = TAG.exec(binary(found));
  if (!match || match[1] !== tag.slice(0, tag.lastIndexOf("v") + 1))
    throw new Malformed(tag, `does not begin with \`${tag}\``);
  if (match[0] !== tag) throw new Malformed(tag, `is version ${match[2]} of this format`, true);
}

export function loadObject(data: Uint8Array, where: string): JsonObject {
  const value = parseJson(data, where, DEPTH_MAX, 0);
  if (!isObject(value)) throw new Malformed(where, "not a JSON object");
  return value;
}

/** The object itself, once it has all the required fields and none that is unknown. */
export function fields(
  value: Json | undefined,
  where: string,
  required: readonly string[],
  optional: readonly string[] = [],
): JsonObject {
  if (!isObject(value)) throw new Malformed(where, "not an object");
  if (!required.every((key) => Object.hasOwn(value, key))) throw new Malformed(where, "a field is missing");
  if (!Object.keys(value).every((key) => required.includes(key) || optional.includes(key)))
    throw new Malformed(where, "an unknown field");
  return value;
}

/** Keys and strings are printable ASCII without quote and backslash; only objects, strings and
 * integers. */
function checkPlain(value: Json, where: string): void {
  if (typeof value === "string") {
    if (!PLAIN.test(value)) throw new Malformed(where, "a character that is not plain");
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      checkPlain(key, where);
      checkPlain(inner, where);
    }
  } else if (typeof value !== "number") {
    throw new Malformed(where, "only objects, strings and integers are allowed");
  }
}

/** A cursor over `keyword value` lines; methods throw `Malformed` at the first surprise. */
export class Lines {
  private at = 0;

  constructor(
    readonly where: string,
    private readonly data: Uint8Array,
  ) {}

  /** The next line without its LF. */
  line(): Uint8Array {
    const end = this.data.indexOf(LF, this.at);
    if (end < 0) throw new Malformed(this.where, "ends in the middle of a line");
    const line = this.data.subarray(this.at, end);
    this.at = end + 1;
    return line;
  }

  /** The next `count` lines verbatim, each with its LF. */
  lines(count: number): Uint8Array {
    const start = this.at;
    for (let n = 0; n < count; n++) this.line();
    return this.data.subarray(start, this.at);
  }

  tag(tag: string): void {
    checkTag(tag, this.line());
  }

  expect(text: string): void {
    if (!equal(this.line(), encode(text))) throw new Malformed(this.where, `line \`${text}\` expected`);
  }

  value(keyword: string): string {
    const value = this.valueIf(keyword);
    if (value === null) throw new Malformed(this.where, `line \`${keyword} ...\` expected`);
    return value;
  }

  /** The value of the next line if it has this keyword; otherwise nothing is consumed. */
  valueIf(keyword: string): string | null {
    const prefix = encode(`${keyword} `);
    if (!startsWith(this.data, prefix, this.at)) return null;
    return decode(this.line().subarray(prefix.length), `${this.where}: ${keyword}`);
  }

  values(keyword: string, countMax: number): string[] {
    const found: string[] = [];
    for (let value = this.valueIf(keyword); value !== null; value = this.valueIf(keyword)) {
      if (found.length === countMax)
        throw new Malformed(this.where, `more than ${countMax} lines \`${keyword}\``);
      found.push(value);
    }
    return found;
  }

  integer(keyword: string, high = INTEGER_MAX): number {
    const where = `${this.where}: ${keyword}`;
    return checkInteger(readDecimal(where, this.value(keyword)), where, 0, high);
  }

  time(keyword: string): number {
    return this.integer(keyword, TIME_MS_END - 1);
  }

  digest(keyword: string): Uint8Array {
    return parseHex(this.value(keyword), `${this.where}: ${keyword}`);
  }

  digests(keyword: string, countMax: number): Uint8Array[] {
    return this.values(keyword, countMax).map((text) => parseHex(text, `${this.where}: ${keyword}`));
  }

  starts(text: string): boolean {
    return startsWith(this.data, encode(text), this.at);
  }

  rest(): Uint8Array {
    const rest = this.data.subarray(this.at);
    this.at = this.data.length;
    return rest;
  }

  end(): void {
    if (this.at !== this.data.length) throw new Malformed(this.where, "goes on where it should end");
  }
}
