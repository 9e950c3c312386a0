/** Step 0: the package, from whatever was handed over. Every file is read once and hashed; what is
 * right can then be read again, as the same bytes. */

import { concat, equal, hex, LF } from "../evidence/bytes.ts";
import { type Hashed, Hashing, sha256 } from "../evidence/digests.ts";
import { isObject, type Json, type JsonObject, parseJson } from "../evidence/json.ts";
import { Malformed } from "../evidence/malformed.ts";
import type { Bag } from "./archive.ts";
import { type Named, namedIn } from "./certified.ts";
import { Broken, type FlawKey, Flaws, judgeName, judgeNames } from "./flaws.ts";
import * as layout from "./layout.ts";
import { BAGIT_TEXT, type Info, parseInfo, parseManifest } from "./manifest.ts";
import { ofCertificate } from "./paper.ts";

const JSON_DEPTH_MAX = 16;
const REQUIRED = [
  layout.BAG_INFO, layout.MANIFEST_SHA256, layout.MANIFEST_SM3, layout.TAG_MANIFEST, layout.CONTENTS,
];

/** Told while it goes on: how many of how many bytes were read. */
export type Progress = (done: number, all: number) => void;

export class Package {
  readonly hashed = new Map<string, Hashed>();
  info: Info | null = null;
  /** What certificates say of each deposit, by its number. */
  readonly certified = new Map<string, Named[]>();

  constructor(
    readonly bag: Bag,
    readonly flaws: Flaws,
  ) {}

  /** The files in the folders 02 to 04 of each deposit, by its number. */
  get folders(): Map<string, Map<string, Hashed>> {
    const found = new Map<string, Map<string, Hashed>>();
    for (const [path, hashed] of this.hashed) {
      const number = layout.numberOfFolder(path);
      if (number === null) continue;
      found.set(number, (found.get(number) ?? new Map<string, Hashed>()).set(path, hashed));
    }
    return found;
  }

  /** The deposits there are folders of, in the order of bag-info.txt. */
  get numbers(): string[] {
    const numbers = this.info?.numbers ?? [];
    const place = (number: string) => (numbers.includes(number) ? numbers.indexOf(number) : numbers.length);
    return [...this.folders.keys()].sort().sort((a, b) => place(a) - place(b));
  }

  /** The bytes of a file that were hashed, if it is there. */
  async read(path: string): Promise<Uint8Array | null> {
    const hashed = this.hashed.get(path);
    if (!hashed) return null;
    const parts: Uint8Array[] = [];
    for await (const piece of this.bag.chunks(path)) parts.push(piece);
    const data = concat(...parts);
    if (!equal(sha256(data), hashed.sha256)) throw new Broken("UNREADABLE", path);
    return data;
  }
}

/** Everything of step 0 that does not need to understand a proof. Throws `Broken` if this is no bundle
 * at all, or none that may be read. */
export async function readPackage(bag: Bag, progress: Progress): Promise<Package> {
  const found = new Package(bag, bag.flaws);
  const paths = inPlace(bag, found.flaws);
  checkCounts(paths);
  if (!bag.sizes.has(layout.BAGIT)) throw new Broken("NOT_A_BUNDLE");
  const all = paths.reduce((sum, path) => sum + (bag.sizes.get(path) as number), 0);
  let done = 0;
  for (const path of paths) {
    try {
      const hashing = new Hashing();
      for await (const piece of bag.chunks(path)) {
        hashing.update(piece);
        progress((done += piece.length), all);
      }
      found.hashed.set(path, hashing.digests());
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      found.flaws.add(error.flaw, error.place);
    }
  }
  for (const path of REQUIRED) if (!found.hashed.has(path)) found.flaws.add("MISSING", path);
  await checkInfo(found);
  await checkManifests(found);
  await checkJson(found);
  await checkPdf(found);
  return found;
}

/** The files that may be read, by their names and sizes alone. */
function inPlace(bag: Bag, flaws: Flaws): string[] {
  const found: string[] = [];
  let total = 0;
  for (const [path, size] of bag.sizes) {
    const flaw = judgePath(path, size);
    if (flaw) {
      flaws.add(flaw, path);
      continue;
    }
    found.push(path);
    if (layout.numberOfOriginal(path) === null) total += size;
  }
  const short = [...bag.sizes.keys()].filter((path) => [...path].length <= layout.PATH_LENGTH_MAX);
  for (const [flaw, path] of judgeNames(short)) flaws.add(flaw, path);
  if (total > layout.TOTAL_SIZE_MAX) throw new Broken("TOTAL");
  return found.sort();
}

function judgePath(path: string, size: number): FlawKey | null {
  const flaw = judgeName(path);
  if (flaw) return flaw;
  if (path.length > layout.PATH_LENGTH_MAX || path.split("/").length > layout.PARTS_MAX) return "TOO_DEEP";
  if (!layout.hasPlace(path)) return "NO_PLACE";
  return size > layout.sizeMax(path) ? "TOO_LARGE" : null;
}

/** What costs time for each other is not there more often than a bundle has it. */
function checkCounts(paths: readonly string[]): void {
  const deposits = [...new Set(paths.flatMap((path) => layout.numberOfFolder(path) ?? []))];
  const bodies = paths.filter((path) => layout.sizeOfBody(path) !== null);
  const certificates = paths.filter((path) => path.startsWith(layout.CERTIFICATES));
  for (const [found, most] of [
    [deposits, layout.DEPOSITS_MAX],
    [bodies, layout.BODIES_MAX],
    [certificates, layout.CERTIFICATES_MAX],
  ] as const)
    if (found.length > most) throw new Broken("TOO_MANY", [...found].sort()[0]);
}

// The texts of BagIt

async function checkInfo(found: Package): Promise<void> {
  const { flaws, hashed } = found;
  const bagit = await found.read(layout.BAGIT);
  if (bagit && !equal(bagit, BAGIT_TEXT)) flaws.add("TAG", layout.BAGIT);
  const data = await found.read(layout.BAG_INFO);
  if (!data) return;
  try {
    found.info = parseInfo(data);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    if (error.newer) throw new Broken("NEWER", error.message);
    flaws.add("TAG", layout.BAG_INFO);
    return;
  }
  const { octets, files, numbers, profile } = found.info;
  const payload = [...hashed].filter(([path]) => path.startsWith(layout.PAYLOAD));
  const size = payload.reduce((sum, [, each]) => sum + each.size, 0);
  if (octets !== size || files !== payload.length) flaws.add("COUNT");
  for (const number of different(found.numbers, numbers)) flaws.add("LIST", number);
  const originals = [...hashed.keys()].filter((path) => path.startsWith(layout.EVIDENCE));
  const expected =
    profile === "FULL" ? numbers.map((each, n) => layout.original(n + 1, each)) : [layout.EMPTY];
  for (const path of different(originals, expected).sort()) flaws.add("PROFILE", path);
}

function different(a: readonly string[], b: readonly string[]): string[] {
  const [left, right] = [new Set(a), new Set(b)];
  return [...a.filter((each) => !right.has(each)), ...b.filter((each) => !left.has(each))];
}

/** Every digest, and that the lists list all there is and nothing else. */
async function checkManifests(found: Package): Promise<void> {
  const files = [...found.hashed];
  const payload = files.filter(([path]) => path.startsWith(layout.PAYLOAD));
  const tags = files.filter(([path]) => layout.TAG_FILES.includes(path));
  const contents = payload.filter(([path]) => layout.inContents(path));
  await checkManifest(found, layout.MANIFEST_SHA256, payload, "sha256");
  await checkManifest(found, layout.MANIFEST_SM3, payload, "sm3");
  await checkManifest(found, layout.TAG_MANIFEST, tags, "sha256");
  await checkManifest(found, layout.CONTENTS, contents, "sha256");
}

async function checkManifest(
  found: Package,
  path: string,
  files: readonly [string, Hashed][],
  alg: "sha256" | "sm3",
): Promise<void> {
  const data = await found.read(path);
  if (!data) return;
  let listed: Map<string, Uint8Array>;
  try {
    listed = parseManifest(data, path);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    found.flaws.add("TAG", path);
    return;
  }
  const there = new Map(files);
  for (const each of [...new Set([...listed.keys(), ...there.keys()])].sort()) {
    const [flaw, said, real] = [judgeName(each), listed.get(each), there.get(each)];
    if (flaw) found.flaws.add(flaw, `${path}: ${each}`);
    else if (!real) found.flaws.add("MISSING", each);
    else if (!said) found.flaws.add("UNLISTED", each);
    else if (!equal(said, real[alg])) found.flaws.add("DIGEST", each);
  }
}

// JSON

/** Every JSON file in its one spelling, and the evidence list over the same deposits. */
async function checkJson(found: Package): Promise<void> {
  for (const path of found.hashed.keys()) {
    if (!/\.jsonl?$/.test(path)) continue;
    const data = (await found.read(path)) as Uint8Array;
    try {
      if (path.endsWith(".jsonl")) parseJsonLines(data, path);
      else checkValue(found, path, parseJson(data, path, JSON_DEPTH_MAX, -Number.MAX_SAFE_INTEGER));
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      found.flaws.add("JSON", path);
    }
  }
}

/** One object a line, each line ended by LF. */
export function parseJsonLines(data: Uint8Array, where: string): JsonObject[] {
  const found: JsonObject[] = [];
  for (let at = 0; at < data.length; ) {
    const end = data.indexOf(LF, at);
    if (end < 0) throw new Malformed(where, "ends in the middle of a line");
    const value = parseJson(data.subarray(at, end), where, JSON_DEPTH_MAX, -Number.MAX_SAFE_INTEGER);
    if (!isObject(value)) throw new Malformed(where, "not a JSON object");
    found.push(value);
    at = end + 1;
  }
  return found;
}

/** What some of them have to say of the rest of the bundle. */
function checkValue(found: Package, path: string, value: Json): void {
  if (path === layout.EVIDENCE_LIST && found.info) {
    const elements = Array.isArray(value) ? value : [value];
    const numbers = elements.map((each) => (isObject(each) ? each.evidence_no : null));
    const expected = found.info.numbers;
    if (numbers.length !== expected.length || numbers.some((each, n) => each !== expected[n]))
      found.flaws.add("LIST", path);
  }
  const contents = found.hashed.get(layout.CONTENTS);
  if (path === layout.CERTIFICATE_JSON && contents) {
    const named = isObject(value) ? value.contents : null;
    if (named !== hex(contents.sha256)) found.flaws.add("CERTIFICATE", path);
  }
  if (found.info && (path === layout.CERTIFICATE_JSON || layout.parseExhibit(path))) {
    const named = namedIn(path, value, found.info.numbers);
    if (!named) found.flaws.add("CERTIFICATE", path);
    for (const each of named ?? [])
      found.certified.set(each.number, [...(found.certified.get(each.number) ?? []), each]);
  }
}

// The certificate for people

/** It goes with the certificate for programs, which names the contents of this bundle. */
async function checkPdf(found: Package): Promise<void> {
  const pdf = await found.read(layout.CERTIFICATE_PDF);
  const data = (await found.read(layout.CERTIFICATE_JSON)) ?? new Uint8Array();
  if (pdf && !ofCertificate(pdf, data)) found.flaws.add("PDF", layout.CERTIFICATE_PDF);
}
