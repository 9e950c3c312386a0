/** The texts of BagIt (RFC 8493) as a bundle has them (docs/bundle-format.md, section 3). */

import { binary, decode, encode, equal, fromHex, hex } from "../evidence/bytes.ts";
import { Malformed } from "../evidence/malformed.ts";
import { unique } from "../evidence/members.ts";
import { checkNumber } from "../evidence/number.ts";
import { BAG_INFO, DEPOSITS_MAX, isBagName } from "./layout.ts";

export const BAGIT_TEXT = encode("BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
const LINE = /([0-9a-f]{64}) {2}([!-~]+)\n/g;
const INFO = new RegExp(
  "^Evidence-Bundle-Version: 1\\n" +
    "Profile: (FULL|DIGEST)\\n" +
    "Bagging-Date: ([0-9]{4}-[0-9]{2}-[0-9]{2})\\n" +
    "External-Identifier: (EVB_[0-9A-Za-z_-]+)\\n" +
    "Payload-Oxum: (0|[1-9][0-9]{0,15})\\.([1-9][0-9]{0,5})\\n" +
    "((?:Evidence-Number: EV[0-9]{20}-[0-9]{2}\\n)+)$",
);

/** What bag-info.txt says. */
export interface Info {
  readonly name: string;
  readonly profile: string;
  readonly octets: number;
  readonly files: number;
  readonly numbers: readonly string[];
}

/** The digests by path. */
export function parseManifest(data: Uint8Array, where: string): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const [, digest, path] of binary(data).matchAll(LINE)) found.set(path, fromHex(digest));
  const lines = [...found.keys()].sort().map((path) => `${hex(found.get(path) as Uint8Array)}  ${path}\n`);
  if (!equal(encode(lines.join("")), data))
    throw new Malformed(where, "not lines of 64 hex digits, two spaces and a path, sorted");
  return found;
}

export function parseInfo(data: Uint8Array): Info {
  const version = /^Evidence-Bundle-Version: ([2-9]|[1-9][0-9]{1,3})\n/.exec(binary(data));
  if (version) throw new Malformed(BAG_INFO, `version ${version[1]} of bundles`, true);
  const match = INFO.exec(decode(data, BAG_INFO));
  if (!match) throw new Malformed(BAG_INFO, "not the lines of a bundle of version 1, in their order");
  const [, profile, day, name, octets, files, lines] = match;
  const time = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== day)
    throw new Malformed(BAG_INFO, "not a day");
  const numbers = lines.trimEnd().split("\n").map((line) => line.split(": ")[1]);
  numbers.forEach((number) => checkNumber(number, BAG_INFO));
  if (!isBagName(name) || !name.slice(4).startsWith(numbers[0]))
    throw new Malformed(BAG_INFO, "not the name of a bundle of these numbers");
  if (!unique(numbers) || numbers.length > DEPOSITS_MAX)
    throw new Malformed(BAG_INFO, "one evidence number twice, or more than 999");
  return { name, profile, octets: Number(octets), files: Number(files), numbers };
}
