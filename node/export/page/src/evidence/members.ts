/** The members text: which organisations stand behind a policy (docs/proof-format.md, section 11). */

import { encode, equal } from "./bytes.ts";
import { parsePublicKey, type PublicKey } from "./keys.ts";
import { Malformed } from "./malformed.ts";
import { checkMember, Lines } from "./spelling.ts";
import { cut } from "./note.ts";

const TAG = "cunzheng/members/v1";
export const MEMBERS_MAX = 32;
const ORGANISATION_LENGTH_MAX = 100;
const KINDS = ["court", "notary", "forensic", "industry", "other"];
/** ASCII, middle dot, Latin letters, dashes, quotes, CJK punctuation, ideographs, full-width forms. */
const ORGANISATION =
  /^[ -~\u00b7\u00c0-\u024f\u2010-\u2015\u2018\u2019\u201c\u201d\u3001\u3002\u3005-\u3011\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff5e\u{20000}-\u{323af}]+$/u;

/** An organisation that runs a member node. */
export interface Member {
  readonly name: string;
  readonly kind: string;
  readonly organisation: string;
  readonly keys: readonly PublicKey[];
}

export function parseMembers(data: Uint8Array): Member[] {
  const lines = new Lines("members", data);
  lines.tag(TAG);
  const named = lines.values("member", MEMBERS_MAX).map(parseMember);
  const keys = lines.values("key", 2 * MEMBERS_MAX).map(parseKey);
  lines.end();
  if (!named.length) throw new Malformed("members", "no member");
  if (!unique(named.map((each) => each.name)) || !unique(named.map((each) => each.organisation)))
    throw new Malformed("members", "two members of one name");
  if (!unique(keys.map(([, key]) => key.text))) throw new Malformed("members", "one public key stands twice");
  const members = named.map((each) => ({
    ...each,
    keys: keys.filter(([name]) => name === each.name).map(([, key]) => key),
  }));
  const orders = ["", "p256", "sm2", "p256 sm2"];
  if (!members.every((each) => orders.includes(each.keys.map((key) => key.algorithm).join(" "))))
    throw new Malformed("member", "keys are not at most one of p256, then one of sm2");
  if (!equal(formatMembers(members), data))
    throw new Malformed("members", "a key of nobody, or keys out of order");
  return members;
}

function formatMembers(members: readonly Member[]): Uint8Array {
  const lines = [
    `${TAG}\n`,
    ...members.map((each) => `member ${each.name} ${each.kind} ${each.organisation}\n`),
    ...members.flatMap((each) => each.keys.map((key) => `key ${each.name} ${key.text}\n`)),
  ];
  return encode(lines.join(""));
}

function parseMember(text: string): Member {
  const [name, rest] = cut(text, " ");
  const [kind, organisation] = cut(rest, " ");
  checkMember(name, "member");
  if (!KINDS.includes(kind)) throw new Malformed("member", `kind is none of ${KINDS.join(", ")}`);
  if ([...organisation].length > ORGANISATION_LENGTH_MAX || !ORGANISATION.test(organisation))
    throw new Malformed("member", "organisation: 1 to 100 letters, ideographs, punctuation");
  if (/^ | $| {2}/.test(organisation))
    throw new Malformed("member", "organisation has a space first, last or beside another");
  return { name, kind, organisation, keys: [] };
}

function parseKey(text: string): [string, PublicKey] {
  const [name, key] = cut(text, " ");
  return [name, parsePublicKey(key)];
}

export function unique(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
