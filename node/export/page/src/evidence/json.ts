/** JSON in its one spelling (RFC 8785, no floats): what was hashed are bytes, so JSON that says the
 * same in other bytes says nothing. Repeated keys, white space and escapes that need not be fall out
 * where the value is written again and compared. */

import { decode, encode, equal } from "./bytes.ts";
import { Malformed } from "./malformed.ts";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keys in the order of RFC 8785: by UTF-16 code units, as JavaScript compares strings. */
export function writeJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (!isObject(value)) return JSON.stringify(value);
  const pairs = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${writeJson(value[key])}`);
  return `{${pairs.join(",")}}`;
}

export function formatJson(value: Json): Uint8Array {
  return encode(writeJson(value));
}

/** The value of these bytes, spelled in the one way; integers from `low` to 2^53 - 1. */
export function parseJson(data: Uint8Array, where: string, depth: number, low: number): Json {
  const text = decode(data, where);
  checkDepth(text, where, depth);
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    throw new Malformed(where, "not JSON");
  }
  checkValues(value, where, low);
  if (!equal(formatJson(value), data)) throw new Malformed(where, "not in canonical form (RFC 8785)");
  return value;
}

/** Before anything walks through it: brackets outside of strings, counted. A string that does not end is
 * one too: looking for its end from every quote in it would take hours. */
function checkDepth(text: string, where: string, max: number): void {
  let depth = 0;
  for (const each of text.replace(/"(?:[^"\\]|\\[^])*"?/g, "").replace(/[^[\]{}]/g, "")) {
    depth += each === "[" || each === "{" ? 1 : -1;
    if (depth > max) throw new Malformed(where, `nests deeper than ${max}`);
  }
}

function checkValues(value: Json, where: string, low: number): void {
  if (typeof value === "number" && (!Number.isSafeInteger(value) || value < low))
    throw new Malformed(where, "a number that is no integer within 53 bits");
  if (typeof value === "string") checkWhole(value, where);
  if (Array.isArray(value)) value.forEach((each) => checkValues(each, where, low));
  if (isObject(value))
    for (const [key, inner] of Object.entries(value)) {
      checkWhole(key, where);
      checkValues(inner, where, low);
    }
}

/** A lone surrogate is no character. */
function checkWhole(text: string, where: string): void {
  if (/\p{Surrogate}/u.test(text)) throw new Malformed(where, "a lone surrogate is no character");
}
