/** Keys and signatures on short Weierstrass curves in their one spelling: P-256 and SM2, and P-384 for
 * certificates of others. The verdicts must be those of tests/vectors/curve-edges.json. */

import { weierstrass } from "@noble/curves/abstract/weierstrass.js";
import { p256, p384 } from "@noble/curves/nist.js";
import { bigEndian, concat, encode, equal, fromHex, startsWith } from "./bytes.ts";
import { sha256, sm3 } from "./digests.ts";

const SM2 = {
  p: 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn,
  n: 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n,
  h: 1n,
  a: 0xfffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffcn,
  b: 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n,
  Gx: 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n,
  Gy: 0xbc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0n,
};
const SM2_IDENTITY = encode("1234567812345678");

export const KEY_SIZE = 91;
export const SIGNATURE_SIZE_MIN = 8;
export const SIGNATURE_SIZE_MAX = 72;
const POINT_AT = 27;

type Point = ReturnType<typeof p256.Point.fromAffine>;
type Points = typeof p256.Point;

interface Curve {
  readonly points: Points;
  /** What stands before x in the DER of a public key. */
  readonly spki: Uint8Array;
  readonly size: number;
}

export const P256: Curve = {
  points: p256.Point,
  spki: fromHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
  size: 32,
};
export const P384: Curve = {
  points: p384.Point,
  spki: fromHex("3076301006072a8648ce3d020106052b8104002203620004"),
  size: 48,
};
export const SM2P256: Curve = {
  points: weierstrass(SM2),
  spki: fromHex("3059301306072a8648ce3d020106082a811ccf5501822d03420004"),
  size: 32,
};

/** Why these bytes are no SubjectPublicKeyInfo of an uncompressed point of this curve. */
export function keyFault(curve: Curve, raw: Uint8Array): string | null {
  if (raw.length !== curve.spki.length + 2 * curve.size || !startsWith(raw, curve.spki))
    return "not the SubjectPublicKeyInfo of an uncompressed point of this curve";
  const { p, a, b } = curve.points.CURVE();
  const [x, y] = coordinates(curve, raw);
  if (x >= p || y >= p) return "a coordinate is not below the field's size";
  return (y * y - (x * x + a) * x - b) % p ? "not a point of the curve" : null;
}

/** Why these bytes are no signature of anything; `lowS`: only the lower of the two twins. */
export function signatureFault(curve: Curve, signature: Uint8Array, lowS: boolean): string | null {
  const numbers = readSignature(signature);
  if (!numbers) return "not two integers in their one DER";
  const { n } = curve.points.CURVE();
  if (!numbers.every((each) => 0n < each && each < n)) return "r or s is not from 1 to n - 1";
  return lowS && numbers[1] > n / 2n ? "s is in the upper half" : null;
}

/** r and s; null unless these bytes are what DER has for them. */
export function readSignature(data: Uint8Array): [bigint, bigint] | null {
  if (data.length < SIGNATURE_SIZE_MIN) return null;
  const end = 4 + data[3];
  const numbers: [bigint, bigint] = [bigEndian(data.subarray(4, end)), bigEndian(data.subarray(end + 2))];
  const body = concat(...numbers.map(derInteger));
  const length = body.length < 128 ? [body.length] : [0x81, body.length];
  return equal(concat(Uint8Array.of(0x30, ...length), body), data) ? numbers : null;
}

function derInteger(value: bigint): Uint8Array {
  const digits = value.toString(16);
  const text = digits.length % 2 ? `0${digits}` : digits;
  const data = fromHex(/^[89a-f]/.test(text) ? `00${text}` : text);
  return concat(Uint8Array.of(2, data.length), data);
}

function coordinates(curve: Curve, raw: Uint8Array): [bigint, bigint] {
  const at = curve.spki.length;
  return [bigEndian(raw.subarray(at, at + curve.size)), bigEndian(raw.subarray(at + curve.size))];
}

function pointOf(curve: Curve, raw: Uint8Array): Point {
  const [x, y] = coordinates(curve, raw);
  return curve.points.fromAffine({ x, y });
}

function modulo(value: bigint, n: bigint): bigint {
  return ((value % n) + n) % n;
}

function inverse(value: bigint, n: bigint): bigint {
  let [a, b, u, v] = [modulo(value, n), n, 1n, 0n];
  while (a) {
    const q = b / a;
    [a, b, u, v] = [b - q * a, a, v - q * u, u];
  }
  return modulo(v, n);
}

/** [u]G + [v]Q, or null for the point at infinity. */
function combine(curve: Curve, u: bigint, v: bigint, q: Point): bigint | null {
  const point = curve.points.BASE.multiplyUnsafe(u).add(q.multiplyUnsafe(v));
  return point.is0() ? null : point.toAffine().x;
}

/** ECDSA over a digest that is at most as long as n; key and signature have no fault. */
export function ecdsaHolds(
  curve: Curve,
  raw: Uint8Array,
  digest: Uint8Array,
  [r, s]: [bigint, bigint],
): boolean {
  const { n } = curve.points.CURVE();
  const w = inverse(s, n);
  const e = bigEndian(digest.subarray(0, curve.size));
  const x = combine(curve, modulo(e * w, n), modulo(r * w, n), pointOf(curve, raw));
  return x !== null && modulo(x, n) === r;
}

/** SM2 with SM3 (GB/T 32918.2) and the identity 1234567812345678. */
export function sm2Holds(raw: Uint8Array, message: Uint8Array, [r, s]: [bigint, bigint]): boolean {
  const { n } = SM2;
  const t = modulo(r + s, n);
  if (t === 0n) return false;
  const numbers = [SM2.a, SM2.b, SM2.Gx, SM2.Gy].map((each) =>
    fromHex(each.toString(16).padStart(64, "0")),
  );
  const z = sm3(
    concat(Uint8Array.of(0, 8 * SM2_IDENTITY.length), SM2_IDENTITY, ...numbers, raw.subarray(POINT_AT)),
  );
  const e = bigEndian(sm3(concat(z, message)));
  const x = combine(SM2P256, s, t, pointOf(SM2P256, raw));
  return x !== null && modulo(e + x, n) === r;
}

export function p256Holds(raw: Uint8Array, message: Uint8Array, rs: [bigint, bigint]): boolean {
  return ecdsaHolds(P256, raw, sha256(message), rs);
}
