/** What the certificates in a bundle say they are of. Whoever takes their signatures off can write others:
 * so the evidence numbers and digests in them are compared with what the proofs prove. */

import { hex } from "../evidence/bytes.ts";
import { isObject, type Json, type JsonObject } from "../evidence/json.ts";
import type { Proof } from "../evidence/proof.ts";
import { recordedDigests } from "../evidence/steps.ts";
import * as layout from "./layout.ts";

const DIGEST_LENGTH = 64;

/** What one certificate says of one deposit: digests in hex, by what they are of. */
export interface Named {
  readonly path: string;
  readonly number: string;
  readonly digests: ReadonlyMap<string, string>;
}

/** Whether the proof has these digests, and no others of the file. */
export function agrees({ digests }: Named, proof: Proof): boolean {
  const recorded = new Map<string, string>(recordedDigests(proof).map(([alg, each]) => [alg, hex(each)]));
  const item = hex(proof.item);
  if (digests.has("main_digest"))
    return digests.get("main_digest") === (recorded.get("sha256") ?? recorded.get("sm3") ?? item);
  recorded.set("item", item);
  return digests.size === recorded.size && [...recorded].every(([key, each]) => digests.get(key) === each);
}

/** What the certificate in this file says; null if it is not of the deposits with these numbers, in their
 * order. */
export function namedIn(path: string, value: Json, numbers: readonly string[]): Named[] | null {
  const data = objectOf(value);
  if (path === layout.CERTIFICATE_JSON && numbers.length !== 1) return inList(path, data, numbers);
  const [place, number] = layout.parseExhibit(path) ?? [1, numbers[0]];
  if (data.evidence_no !== number || numbers[place - 1] !== number) return null;
  const digests = new Map(Object.entries(objectOf(data.digests)).map(([key, each]) => [key, digestOf(each)]));
  digests.set("item", digestOf(objectOf(data.item).value));
  return [{ path, number, digests }];
}

/** Of several deposits, whose list stands in place of the certificate; its results are of all of them or of
 * none. */
function inList(path: string, data: JsonObject, numbers: readonly string[]): Named[] | null {
  const [exhibits, results] = [objectsOf(data.exhibits), objectsOf(data.results)];
  for (const listed of [exhibits, results.length ? results : exhibits])
    if (listed.length !== numbers.length || listed.some((each, n) => each.evidence_no !== numbers[n]))
      return null;
  return results.map((each, n) => ({
    path, number: numbers[n], digests: new Map([["main_digest", digestOf(each.main_digest)]]),
  }));
}

function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.map(objectOf) : [];
}

function objectOf(value: Json | undefined): JsonObject {
  return value !== undefined && isObject(value) ? value : {};
}

function digestOf(value: Json | undefined): string {
  return typeof value === "string" && value.length === DIGEST_LENGTH ? value : "";
}
