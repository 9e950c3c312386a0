/** Public keys and signatures of all suites, in one form: `ed25519:`, `p256:` or `sm2:` and base64. */

import { hex, readBase64, writeBase64 } from "./bytes.ts";
import * as curve from "./curve.ts";
import { sha256 } from "./digests.ts";
import * as ed25519 from "./ed25519.ts";
import { BadSignature, Malformed } from "./malformed.ts";

export type Algorithm = "ed25519" | "p256" | "sm2";

interface Suite {
  readonly keySize: number;
  readonly sizes: readonly [number, number];
  keyFault(raw: Uint8Array): string | null;
  signatureFault(signature: Uint8Array): string | null;
  holds(raw: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

function weierstrassSuite(
  on: typeof curve.P256,
  lowS: boolean,
  holds: (raw: Uint8Array, message: Uint8Array, rs: [bigint, bigint]) => boolean,
): Suite {
  return {
    keySize: curve.KEY_SIZE,
    sizes: [curve.SIGNATURE_SIZE_MIN, curve.SIGNATURE_SIZE_MAX],
    keyFault: (raw) => curve.keyFault(on, raw),
    signatureFault: (signature) => curve.signatureFault(on, signature, lowS),
    holds: (raw, message, signature) => {
      const numbers = curve.readSignature(signature);
      return numbers !== null && holds(raw, message, numbers);
    },
  };
}

const SUITES: Record<Algorithm, Suite> = {
  ed25519: {
    keySize: ed25519.KEY_SIZE,
    sizes: [ed25519.SIGNATURE_SIZE, ed25519.SIGNATURE_SIZE],
    keyFault: ed25519.keyFault,
    signatureFault: ed25519.signatureFault,
    holds: ed25519.holds,
  },
  p256: weierstrassSuite(curve.P256, true, curve.p256Holds),
  sm2: weierstrassSuite(curve.SM2P256, false, curve.sm2Holds),
};
/** Suites that a later version may have: what they sign is not damaged but newer. */
const LATER = ["mldsa44"];

function suite(where: string, algorithm: string): Suite {
  if (!Object.hasOwn(SUITES, algorithm))
    throw new Malformed(where, "unknown algorithm", LATER.includes(algorithm));
  return SUITES[algorithm as Algorithm];
}

/** A key that may be enrolled, in its one spelling: checked at birth. */
export class PublicKey {
  readonly algorithm: Algorithm;

  constructor(
    algorithm: string,
    readonly raw: Uint8Array,
  ) {
    const { keySize, keyFault } = suite("public key", algorithm);
    this.algorithm = algorithm as Algorithm;
    if (raw.length !== keySize)
      throw new Malformed("public key", `${raw.length} bytes instead of ${keySize}`);
    const fault = keyFault(raw);
    if (fault) throw new Malformed("public key", fault);
  }

  get text(): string {
    return `${this.algorithm}:${writeBase64(this.raw)}`;
  }
}

/** What a signer made of a message; only its size is checked before it is verified. */
export class Signature {
  constructor(
    readonly algorithm: string,
    readonly raw: Uint8Array,
  ) {
    const [low, high] = suite("signature", algorithm).sizes;
    if (raw.length < low || raw.length > high)
      throw new Malformed("signature", `${raw.length} bytes instead of ${low} to ${high}`);
  }
}

function readPrefixed(where: string, text: string): [string, Uint8Array] {
  const colon = text.indexOf(":");
  if (colon < 0) throw new Malformed(where, "no algorithm prefix");
  const algorithm = text.slice(0, colon);
  suite(where, algorithm);
  return [algorithm, readBase64(where, text.slice(colon + 1))];
}

export function parsePublicKey(text: string): PublicKey {
  return new PublicKey(...readPrefixed("public key", text));
}

export function parseSignature(text: string): Signature {
  return new Signature(...readPrefixed("signature", text));
}

/** Signatures that were found to hold: proofs of one bundle share checkpoints and enrolments. */
const HELD = new Set<string>();

/** Return if `key` signed `message`, throw `BadSignature` if not. */
export function verify(key: PublicKey, message: Uint8Array, signature: Signature): void {
  if (signature.algorithm !== key.algorithm)
    throw new BadSignature(`${signature.algorithm} is not the algorithm of this key`);
  const { signatureFault, holds } = SUITES[key.algorithm];
  const fault = signatureFault(signature.raw);
  if (fault) throw new BadSignature(fault);
  const id = `${key.text} ${hex(sha256(message))} ${hex(signature.raw)}`;
  if (HELD.has(id)) return;
  if (!holds(key.raw, message, signature.raw))
    throw new BadSignature("this key did not sign these bytes");
  HELD.add(id);
}

/** The same for bytes of a note line, which says by its key what kind of signature it is. */
export function verifyRaw(key: PublicKey, message: Uint8Array, signature: Uint8Array): void {
  try {
    verify(key, message, new Signature(key.algorithm, signature));
  } catch (error) {
    throw error instanceof Malformed ? new BadSignature(error.why) : error;
  }
}
