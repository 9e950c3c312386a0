/** Signature algorithms as X.509 and CMS name them: ECDSA on P-256 and P-384, RSA PKCS#1 v1.5, SM2 with
 * SM3. SHA-1 is no algorithm here. */

import { sha384, sha512 } from "@noble/hashes/sha2.js";
import { bigEndian, concat, equal, fromHex } from "../evidence/bytes.ts";
import * as curve from "../evidence/curve.ts";
import { sha256, sm3 } from "../evidence/digests.ts";
import { BadSignature } from "../evidence/malformed.ts";
import * as der from "./der.ts";
import { Reader } from "./der.ts";

export const SHA256 = "2.16.840.1.101.3.4.2.1";
const SHA384 = "2.16.840.1.101.3.4.2.2";
const SHA512 = "2.16.840.1.101.3.4.2.3";
const SM3 = "1.2.156.10197.1.401";
export const SM2_SM3 = "1.2.156.10197.1.501";
const RSA = "1.2.840.113549.1.1.1";
const RSA_BITS_MIN = 2_048;
/** A key that fills a certificate would take seconds to verify with. */
const RSA_BITS_MAX = 8_192;

type Hash = (data: Uint8Array) => Uint8Array;
const DIGESTS: Record<string, Hash> = { [SHA256]: sha256, [SHA384]: sha384, [SHA512]: sha512, [SM3]: sm3 };
const ECDSA_DIGEST: Record<string, string> = {
  "1.2.840.10045.4.3.2": SHA256,
  "1.2.840.10045.4.3.3": SHA384,
  "1.2.840.10045.4.3.4": SHA512,
};
const RSA_DIGEST: Record<string, string> = {
  "1.2.840.113549.1.1.11": SHA256,
  "1.2.840.113549.1.1.12": SHA384,
  "1.2.840.113549.1.1.13": SHA512,
};
const DIGEST_OF: Record<string, string> = { ...ECDSA_DIGEST, ...RSA_DIGEST, [SM2_SM3]: SM3 };
/** What stands before the digest in a PKCS#1 v1.5 signature (RFC 8017, 9.2). */
const DIGEST_INFO: Record<string, string> = {
  [SHA256]: "3031300d060960864801650304020105000420",
  [SHA384]: "3041300d060960864801650304020205000430",
  [SHA512]: "3051300d060960864801650304020305000440",
};

export function isDigest(identifier: string): boolean {
  return Object.hasOwn(DIGESTS, identifier);
}

export function digest(identifier: string, data: Uint8Array): Uint8Array {
  return DIGESTS[identifier](data);
}

/** The object identifier of an AlgorithmIdentifier without parameters worth the name. */
export function readAlgorithm(reader: Reader): string {
  const inside = reader.open(der.SEQUENCE);
  const identifier = inside.oid();
  if (inside.tag !== null && inside.content(der.NULL).length)
    throw inside.wrong("a NULL that holds something");
  inside.end();
  return identifier;
}

/** The algorithm of a CMS signature, which may name RSA alone and the digest elsewhere. */
export function signedWith(signature: string, digested: string): string {
  const found =
    signature === RSA ? Object.keys(RSA_DIGEST).find((each) => RSA_DIGEST[each] === digested) : signature;
  if (!found || DIGEST_OF[found] !== digested)
    throw new BadSignature(`a signature by ${signature} over a digest by ${digested}`);
  return found;
}

/** Throw `BadSignature` unless this SubjectPublicKeyInfo signed `message`. */
export function verify(
  key: Uint8Array,
  identifier: string,
  message: Uint8Array,
  signature: Uint8Array,
): void {
  if (!Object.hasOwn(DIGEST_OF, identifier))
    throw new BadSignature(`signature algorithm ${identifier} is not known here`);
  const hashed = digest(DIGEST_OF[identifier], message);
  const good = Object.hasOwn(RSA_DIGEST, identifier)
    ? rsaHolds(key, RSA_DIGEST[identifier], hashed, signature)
    : curveHolds(key, identifier, message, hashed, signature);
  if (!good) throw new BadSignature("this key did not sign these bytes");
}

function curveHolds(
  key: Uint8Array,
  identifier: string,
  message: Uint8Array,
  hashed: Uint8Array,
  signature: Uint8Array,
): boolean {
  const curves = identifier === SM2_SM3 ? [curve.SM2P256] : [curve.P256, curve.P384];
  const on = curves.find((each) => !curve.keyFault(each, key));
  if (!on) throw new BadSignature("the key is not one for this algorithm");
  const numbers = curve.readSignature(signature);
  if (!numbers || curve.signatureFault(on, signature, false)) return false;
  return on === curve.SM2P256
    ? curve.sm2Holds(key, message, numbers)
    : curve.ecdsaHolds(on, key, hashed, numbers);
}

function rsaHolds(key: Uint8Array, digested: string, hashed: Uint8Array, signature: Uint8Array): boolean {
  const outer = new Reader(key, "public key").open(der.SEQUENCE);
  if (readAlgorithm(outer) !== RSA) throw new BadSignature("the key is not one for this algorithm");
  const inner = new Reader(outer.bits()[0], "public key").open(der.SEQUENCE);
  const [n, e] = [inner.integer(), inner.integer()];
  const bits = n.toString(2).length;
  if (n <= 0n || bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || e < 3n || e > 2n ** 32n)
    throw new BadSignature("the key is none to rely on");
  const size = Math.ceil(bits / 8);
  if (signature.length !== size) return false;
  const info = concat(fromHex(DIGEST_INFO[digested]), hashed);
  const padding = new Uint8Array(size - info.length - 3).fill(0xff);
  const expected = concat(Uint8Array.of(0, 1), padding, Uint8Array.of(0), info);
  return equal(expected, fromHex(power(bigEndian(signature), e, n).toString(16).padStart(2 * size, "0")));
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  for (let e = exponent, b = base % modulus; e; e >>= 1n, b = (b * b) % modulus)
    if (e & 1n) result = (result * b) % modulus;
  return result;
}
