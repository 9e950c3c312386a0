/** Bytes and their spellings: hex, base64, decimals, UTF-8. Each value has exactly one. */

import { Malformed } from "./malformed.ts";

const UTF8 = new TextEncoder();
const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;
const DECIMAL_MAX = 2n ** 63n - 1n;
export const LF = 10;

export function encode(text: string): Uint8Array {
  return UTF8.encode(text);
}

export function decode(data: Uint8Array, where: string): string {
  try {
    return STRICT.decode(data);
  } catch {
    throw new Malformed(where, "not UTF-8");
  }
}

/** One character a byte: to search bytes with regular expressions. */
export function binary(data: Uint8Array): string {
  let text = "";
  for (let at = 0; at < data.length; at += 8192)
    text += String.fromCharCode(...data.subarray(at, at + 8192));
  return text;
}

export function fromBinary(text: string): Uint8Array {
  return Uint8Array.from(text, (each) => each.charCodeAt(0));
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at]);
}

export function startsWith(data: Uint8Array, prefix: Uint8Array, at = 0): boolean {
  return at + prefix.length <= data.length && prefix.every((each, n) => data[at + n] === each);
}

export function isZero(data: Uint8Array): boolean {
  return data.every((each) => each === 0);
}

export function hex(data: Uint8Array): string {
  return Array.from(data, (each) => each.toString(16).padStart(2, "0")).join("");
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, n) =>
    parseInt(text.slice(2 * n, 2 * n + 2), 16),
  );
}

export function writeBase64(data: Uint8Array): string {
  return btoa(binary(data));
}

export function readBase64(where: string, text: string, size?: number): Uint8Array {
  if (!BASE64.test(text) || text.length % 4 !== 0) throw new Malformed(where, "not base64");
  const data = fromBinary(atob(text));
  if (writeBase64(data) !== text)
    throw new Malformed(where, "not the one base64 spelling of these bytes");
  if (size !== undefined && data.length !== size)
    throw new Malformed(where, `${data.length} bytes instead of ${size}`);
  return data;
}

/** A decimal up to 2^63 - 1. Beyond 2^53 it is rounded: what has to be exact is checked not to be. */
export function readDecimal(where: string, text: string): number {
  if (!DECIMAL.test(text) || BigInt(text) > DECIMAL_MAX)
    throw new Malformed(where, "not a plain decimal number up to 2^63 - 1");
  return Number(text);
}

export function bigEndian(data: Uint8Array): bigint {
  return data.length ? BigInt(`0x${hex(data)}`) : 0n;
}

export function littleEndian(data: Uint8Array): bigint {
  return bigEndian(data.slice().reverse());
}

export function u64(value: number): Uint8Array {
  return fromHex(BigInt(value).toString(16).padStart(16, "0"));
}

export function countLines(data: Uint8Array): number {
  return data.reduce((sum, each) => sum + (each === LF ? 1 : 0), 0);
}
