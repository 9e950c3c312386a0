/** Ed25519 behind the one strict rule of this format (verifiers disagree at the edges):
 * S < L; A and R canonical and not of small order; encode([S]B - [k]A) is R byte for byte, without the
 * cofactor. The library's own `verify` multiplies by the cofactor and accepts more, so only its
 * points are used. The verdicts must be those of tests/vectors/ed25519-edges.json. */

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equal, littleEndian } from "./bytes.ts";

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;
const SIGN_BIT = 1n << 255n;
const Y8 = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
/** The points of small order by their y: neutral, order 2, two of order 4, four of order 8. */
const SMALL_ORDER_Y = new Set([1n, P - 1n, 0n, Y8, P - Y8]);

export const KEY_SIZE = 32;
export const SIGNATURE_SIZE = 64;

export function keyFault(raw: Uint8Array): string | null {
  const y = littleEndian(raw) & (SIGN_BIT - 1n);
  if (y >= P) return "not the canonical encoding of a point";
  return SMALL_ORDER_Y.has(y) ? "a point of small order" : null;
}

export function signatureFault(signature: Uint8Array): string | null {
  if (littleEndian(signature.subarray(32)) >= L) return "S is not below the group order";
  const fault = keyFault(signature.subarray(0, 32));
  return fault && `R: ${fault}`;
}

export function holds(raw: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, 32);
  let a;
  try {
    a = ed25519.Point.fromBytes(raw);
  } catch {
    return false;
  }
  const k = littleEndian(sha512(concat(r, raw, message))) % L;
  const s = littleEndian(signature.subarray(32));
  const point = ed25519.Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k));
  return equal(point.toBytes(), r);
}
