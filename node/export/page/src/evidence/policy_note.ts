/** Policy notes: how a policy comes onto the log (docs/proof-format.md, section 11). */

import { concat, countLines, decode, encode, equal, hex, isZero } from "./bytes.ts";
import { sha256 } from "./digests.ts";
import { verifyRaw } from "./keys.ts";
import { BadSignature, Malformed } from "./malformed.ts";
import { type Member, parseMembers } from "./members.ts";
import { formatLine, parseLine, sameLine, type SignatureLine, SIGNATURES_MAX } from "./note.ts";
import { checkRules, checkSuites, parseHead, parsePolicy, type Policy, POLICY_SIZE_MAX } from "./policy.ts";
import { checkInteger, checkOrigin, Lines } from "./spelling.ts";

const TAG = "cunzheng/policy/v1";
const NOTE_SIZE_MAX = 2 * POLICY_SIZE_MAX;
const SIGNATURE_SIZE = 64;

/** A policy and members text, what they follow, and who signed the step. */
export class PolicyNote {
  readonly network: string;
  readonly rules: number;

  constructor(
    readonly origin: string,
    readonly serial: number,
    readonly previous: Uint8Array,
    readonly policyText: Uint8Array,
    readonly membersText: Uint8Array,
    readonly signatures: readonly SignatureLine[],
  ) {
    checkOrigin(origin, "policy note: origin");
    checkInteger(serial, "policy note: serial", 1);
    const first = serial === 1;
    if (first !== !signatures.length || (first && !isZero(previous)))
      throw new Malformed("policy note", "serial 1 exactly has no previous policy and no signer");
    if (signatures.some((each) => each.payload.length !== SIGNATURE_SIZE))
      throw new Malformed("policy note", "a signature is not 64 bytes long");
    ({ network: this.network, rules: this.rules } = parseHead(new Lines("policy", policyText)));
    if (this.rules === 0) throw new Malformed("policy note", "there is no rules number 0");
    if (this.rules === 1) checkKnown(this); // Nothing can have raised it to that.
  }

  get policy(): Policy {
    return parsePolicy(this.policyText);
  }
}

/** This version knows the note's rules, and its texts fit it. */
export function checkKnown(note: PolicyNote): void {
  checkRules(note.rules, "policy note");
  const policy = note.policy;
  checkTexts(policy, note.membersText);
  if (policy.origin !== note.origin || policy.serial !== note.serial)
    throw new Malformed("policy note", "origin or serial is not that of its policy text");
}

/** The members, once the text is the one the policy names and lists the same members. */
export function checkTexts(policy: Policy, membersText: Uint8Array): Member[] {
  const members = parseMembers(membersText);
  if (!equal(sha256(membersText), policy.membersHash))
    throw new Malformed("members", "not the members text whose hash the policy names");
  if (members.map((each) => each.name).join(" ") !== policy.sealers.map((each) => each.member).join(" "))
    throw new Malformed("members", "not the members of the policy, in its order");
  const keys = members.flatMap((each) => each.keys);
  checkSuites(policy.rules, keys);
  const authorities = policy.authorities.map((each) => each.text);
  if (keys.some((each) => authorities.includes(each.text)))
    throw new Malformed("members", "a member's key is an authority's");
  return members;
}

/** What the previous policy's members sign. */
export function formatBody(note: PolicyNote): Uint8Array {
  const { origin, serial, previous, policyText, membersText } = note;
  return concat(
    encode(`${TAG}\norigin ${origin}\nserial ${serial}\nprevious ${hex(previous)}\n`),
    encode(`policy ${countLines(policyText)}\n`),
    policyText,
    encode(`members ${countLines(membersText)}\n`),
    membersText,
  );
}

export function parsePolicyNote(data: Uint8Array): PolicyNote {
  const lines = new Lines("policy note", data);
  lines.tag(TAG);
  if (data.length > NOTE_SIZE_MAX) throw new Malformed("policy note", "too long");
  const origin = lines.value("origin");
  const serial = lines.integer("serial");
  const previous = lines.digest("previous");
  const policyText = lines.lines(lines.integer("policy"));
  const membersText = lines.lines(lines.integer("members"));
  const signatures = parseSignatures(lines.rest());
  return new PolicyNote(origin, serial, previous, policyText, membersText, signatures);
}

function parseSignatures(data: Uint8Array): SignatureLine[] {
  if (!data.length) return [];
  const text = decode(data, "signature line");
  if (!text.startsWith("\n") || !text.endsWith("\n") || text.length < 2)
    throw new Malformed("policy note", "no empty line before the signatures");
  const found = text.slice(1, -1).split("\n");
  if (found.length > SIGNATURES_MAX) throw new Malformed("policy note", "too many signatures");
  return found.map(parseLine);
}

/** Throw unless `note` follows `previous`: next serial, its hash, a quorum of its log keys, and no
 * other lines than theirs. */
export function verifySuccession(previous: PolicyNote, note: PolicyNote): void {
  const before = previous.policy;
  if (note.origin !== before.origin || note.serial !== before.serial + 1)
    throw new Malformed("policy note", "not the next policy of this chain");
  if (!equal(note.previous, sha256(previous.policyText)))
    throw new Malformed("policy note", "follows another policy");
  if (note.network !== before.network || note.rules < before.rules)
    throw new Malformed("policy note", "changes the network or lowers the rules number");
  if (note.rules === before.rules) checkKnown(note);
  const body = formatBody(note);
  const expected: SignatureLine[] = [];
  for (const sealer of before.sealers) {
    const line = note.signatures.find((each) => before.logVkey(sealer).signed(each));
    if (!line) continue;
    verifyRaw(sealer.log, body, line.payload);
    expected.push(line);
  }
  const { signatures } = note;
  if (signatures.length !== expected.length || !signatures.every((each, n) => sameLine(each, expected[n])))
    throw new BadSignature("a signature line out of order, repeated or by nobody of that policy");
  if (expected.length < before.quorum)
    throw new BadSignature(`${expected.length} members signed, ${before.quorum} are needed`);
}

/** The note as it stands in entries. */
export function formatPolicyNote(note: PolicyNote): Uint8Array {
  const lines = note.signatures.map(formatLine);
  return concat(formatBody(note), ...(lines.length ? [encode("\n"), ...lines] : []));
}
