/** Policies: whose seals count (docs/proof-format.md, section 11). */

import { encode, equal, hex } from "./bytes.ts";
import { sha256 } from "./digests.ts";
import { type Algorithm, parsePublicKey, PublicKey } from "./keys.ts";
import { Malformed } from "./malformed.ts";
import { MEMBERS_MAX, unique } from "./members.ts";
import { cut, parseVkey, TYPE_COSIGNATURE, TYPE_ED25519, Vkey } from "./note.ts";
import { checkInteger, checkMember, checkOrigin, Lines } from "./spelling.ts";

/** By validity rules number: the suites of depositors, gateways, authorities and key records. */
const SUITES: Record<number, readonly Algorithm[]> = { 1: ["ed25519"], 2: ["ed25519", "p256", "sm2"] };
const RULES_MAX = 2;
const AUTHORITIES_MAX = 16;
export const POLICY_SIZE_MAX = 32_768;
const SKEW_MS_MAX = 60_000;
const FIRST = "#cunzheng policy v1";
const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** One member's two keys: the log key publishes and changes policy, the witness key seals. */
export interface Sealer {
  readonly member: string;
  readonly log: PublicKey;
  readonly witness: PublicKey;
}

export class Policy {
  constructor(
    readonly origin: string,
    readonly network: string,
    readonly rules: number,
    readonly serial: number,
    readonly skewMs: number,
    readonly membersHash: Uint8Array,
    readonly authorities: readonly PublicKey[],
    readonly sealers: readonly Sealer[],
    readonly quorum: number,
  ) {
    checkOrigin(origin, "policy: origin");
    checkRules(rules, "policy");
    checkSuites(rules, authorities);
    checkInteger(serial, "policy: serial", 1);
    if (!sealers.length || sealers.length > MEMBERS_MAX)
      throw new Malformed("policy", `not 1 to ${MEMBERS_MAX} members`);
    if (!unique(sealers.map((each) => each.member)))
      throw new Malformed("policy", "two members of one name");
    sealers.forEach((each) => checkMember(each.member, "policy: member"));
    if (quorum < 1 || quorum > sealers.length)
      throw new Malformed("policy", "quorum is not 1 to the number of members");
    if (network === "production" && 2 * quorum <= sealers.length)
      throw new Malformed("policy", "quorum of a production network is not a majority");
    checkInteger(skewMs, "policy: skew-ms", 0, SKEW_MS_MAX);
    const texts = authorities.map((each) => each.text);
    if (!texts.length || texts.some((text, n) => n > 0 && text < texts[n - 1]))
      throw new Malformed("policy", `not 1 to ${AUTHORITIES_MAX} authorities in order`);
    const keys = [...authorities, ...sealers.flatMap((each) => [each.log, each.witness])];
    if (!unique(keys.map((each) => each.text)))
      throw new Malformed("policy", "one public key stands twice");
    if (!unique(sealers.map((each) => this.logVkey(each).keyId)))
      throw new Malformed("policy", "two log keys have one key id");
  }

  logVkey(sealer: Sealer): Vkey {
    return new Vkey(this.origin, TYPE_ED25519, sealer.log.raw);
  }

  witnessVkey(sealer: Sealer): Vkey {
    return new Vkey(`${this.origin}/${sealer.member}`, TYPE_COSIGNATURE, sealer.witness.raw);
  }
}

export function checkRules(rules: number, where: string): void {
  if (!Object.hasOwn(SUITES, rules))
    throw new Malformed(where, `rules number ${rules} is not known`, rules > RULES_MAX);
}

/** Keys of these suites may act under these rules. */
export function checkSuites(rules: number, keys: readonly PublicKey[]): void {
  for (const key of keys)
    if (!SUITES[rules].includes(key.algorithm))
      throw new Malformed("public key", `rules ${rules} do not take ${key.algorithm}`);
}

/** The first 160 bits of SHA-256 of the policy text: 8 groups of 4 of base32. */
export function fingerprint(text: Uint8Array): string {
  let bits = BigInt(`0x${hex(sha256(text).subarray(0, 20))}`);
  let letters = "";
  for (let n = 0; n < 32; n++, bits >>= 5n) letters = BASE32[Number(bits & 31n)] + letters;
  return groups(letters);
}

function groups(letters: string): string {
  return (letters.match(/.{4}/g) as string[]).join("-");
}

/** A fingerprint as people type it: whatever the case, spaces, hyphens and width of letters. */
export function readFingerprint(text: string): string | null {
  const letters = text.normalize("NFKC").toUpperCase().replace(/[\s\-‐‑–—−]/g, "");
  return /^[A-Z2-7]{32}$/.test(letters) ? groups(letters) : null;
}

function formatPolicy(policy: Policy): Uint8Array {
  const { sealers } = policy;
  const lines = [
    FIRST,
    `#cunzheng network ${policy.network}`,
    `#cunzheng rules ${policy.rules}`,
    `#cunzheng serial ${policy.serial}`,
    `#cunzheng skew-ms ${policy.skewMs}`,
    `#cunzheng members ${hex(policy.membersHash)}`,
    ...policy.authorities.map((each) => `#cunzheng authority ${each.text}`),
    ...sealers.map((each) => `log ${policy.logVkey(each).text}`),
    ...sealers.map((each) => `witness ${each.member} ${policy.witnessVkey(each).text}`),
    `group members ${policy.quorum} ${sealers.map((each) => each.member).join(" ")}`,
    "quorum members",
  ];
  return encode(lines.map((line) => `${line}\n`).join(""));
}

export function parsePolicy(data: Uint8Array): Policy {
  const lines = new Lines("policy", data);
  const { network, rules } = parseHead(lines);
  checkRules(rules, "policy");
  if (data.length > POLICY_SIZE_MAX) throw new Malformed("policy", "too long");
  const serial = lines.integer("#cunzheng serial");
  const skewMs = lines.integer("#cunzheng skew-ms");
  const membersHash = lines.digest("#cunzheng members");
  const authorities = lines.values("#cunzheng authority", AUTHORITIES_MAX).map(parsePublicKey);
  const logs = lines.values("log", MEMBERS_MAX).map(parseVkey);
  const sealers = lines.values("witness", MEMBERS_MAX).slice(0, logs.length)
    .map((text, n) => parseWitness(text, logs[n]));
  const [quorum] = lines.value("group members").split(" ");
  lines.expect("quorum members");
  lines.end();
  if (!logs.length) throw new Malformed("policy", "no log line");
  if (!/^[0-9]{1,2}$/.test(quorum)) throw new Malformed("policy", "quorum is not a number of members");
  const policy = new Policy(
    logs[0].name, network, rules, serial, skewMs, membersHash, authorities, sealers, Number(quorum),
  );
  if (!equal(formatPolicy(policy), data))
    throw new Malformed("policy", "not spelled as this version writes it");
  return policy;
}

/** Network and rules number: the first three lines, which every rules number keeps. */
export function parseHead(lines: Lines): { network: string; rules: number } {
  lines.tag(FIRST);
  const network = lines.value("#cunzheng network");
  const rules = lines.integer("#cunzheng rules");
  if (network !== "test" && network !== "production")
    throw new Malformed("policy", "network is neither test nor production");
  return { network, rules };
}

function parseWitness(text: string, log: Vkey): Sealer {
  const [member, rest] = cut(text, " ");
  const witness = parseVkey(rest);
  if (log.type !== TYPE_ED25519 || witness.type !== TYPE_COSIGNATURE)
    throw new Malformed("policy", "a log key is not of type 01 or a witness key not of type 04");
  return { member, log: new PublicKey("ed25519", log.key), witness: new PublicKey("ed25519", witness.key) };
}
