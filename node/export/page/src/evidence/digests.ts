/** The two digests evidence is known by: SHA-256 and SM3, both 32 bytes. */

import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import { fromHex } from "./bytes.ts";
import { Sm3 } from "./sm3.ts";

export type Alg = "sha256" | "sm3";
/** The order in which digests of one content are always written. */
export const ALGS: readonly Alg[] = ["sha256", "sm3"];
/** What an empty file gives: such a deposit proves nothing about any content. */
export const EMPTY: Record<Alg, Uint8Array> = {
  sha256: fromHex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
  sm3: fromHex("1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb5082aa2b"),
};

export function sha256(data: Uint8Array): Uint8Array {
  return nobleSha256(data);
}

export function sm3(data: Uint8Array): Uint8Array {
  return new Sm3().update(data).digest();
}

/** Size and digests of one content. */
export interface Hashed {
  size: number;
  sha256: Uint8Array;
  sm3: Uint8Array;
}

/** Both digests of what comes in pieces. */
export class Hashing {
  private size = 0;
  private first = nobleSha256.create();
  private second = new Sm3();

  update(data: Uint8Array): void {
    this.size += data.length;
    this.first.update(data);
    this.second.update(data);
  }

  digests(): Hashed {
    return { size: this.size, sha256: this.first.digest(), sm3: this.second.digest() };
  }
}

export function hashed(data: Uint8Array): Hashed {
  const hashing = new Hashing();
  hashing.update(data);
  return hashing.digests();
}
