/** The verifier for programs, as `cunzheng` in this page: the same functions that the buttons call.
 * Bytes come as base64, results are those of `cunzheng verify --json`. */

import { Archive } from "./bundle/archive.ts";
import { checkBundle } from "./bundle/checking.ts";
import { fromBinary } from "./evidence/bytes.ts";
import { hashed } from "./evidence/digests.ts";
import type { JsonObject } from "./evidence/json.ts";
import * as keys from "./evidence/keys.ts";
import { Malformed } from "./evidence/malformed.ts";
import { readFingerprint } from "./evidence/policy.ts";
import { verify } from "./evidence/verify.ts";
import { bundleJson, fileJson, verdictJson } from "./report.ts";
import { Vouching } from "./signing/vouching.ts";

const bytes = (base64: string): Uint8Array<ArrayBuffer> => new Uint8Array(fromBinary(atob(base64)));

export const api = {
  hash: (data: string): JsonObject => fileJson(hashed(bytes(data))),

  verify: (proof: string, fingerprint: string | null, file: string | null): JsonObject =>
    verdictJson(verify(bytes(proof), fingerprint, file === null ? null : hashed(bytes(file)))),

  /** Whether a signature holds; null if key or signature are none at all. */
  holds(key: string, message: string, signature: string): boolean | null {
    try {
      keys.verify(keys.parsePublicKey(key), bytes(message), keys.parseSignature(signature));
      return true;
    } catch (error) {
      return error instanceof Malformed ? null : false;
    }
  },

  async verifyBundle(
    zip: string,
    fingerprint: string | null,
    roots: { name: string; pem: string }[] = [],
    files: Record<string, string> = {},
  ): Promise<JsonObject> {
    const brought = new Map(Object.entries(files).map(([number, data]) => [number, hashed(bytes(data))]));
    const pems = roots.map(({ name, pem }) => ({ name, pem: bytes(pem) }));
    const vouching = new Vouching(pems, Math.floor(Date.now() / 1000));
    const open = () => Archive.open(new Blob([bytes(zip)]));
    return bundleJson(await checkBundle(open, fingerprint, vouching, brought, () => undefined));
  },

  readFingerprint,
};
