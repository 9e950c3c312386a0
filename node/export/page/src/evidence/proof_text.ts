/** Reading a proof file, and writing it again: what differs from that is refused, so no byte of a file
 * can change unnoticed (docs/proof-format.md, section 12). */

import { concat, countLines, decode, encode, equal, hex, readBase64, readDecimal, writeBase64 } from "./bytes.ts";
import { parseSealed } from "./checkpoint.ts";
import { parseEntry } from "./entry.ts";
import { type Opening, PAGE_SIZES, parseOpening } from "./item.ts";
import { Malformed } from "./malformed.ts";
import { parseMembers } from "./members.ts";
import { PATH_MAX } from "./merkle.ts";
import { formatMilliseconds, formatSeconds } from "./number.ts";
import { fingerprint, parsePolicy } from "./policy.ts";
import { type Later, LeafProof, Proof, type TlogProof } from "./proof.ts";
import { checkTag, Lines } from "./spelling.ts";

const TAG = "cunzheng/proof/v1";
const TLOG_TAG = "c2sp.org/tlog-proof@v1";
const PROOF_SIZE_MAX = 4_194_304;
const TLOG_SIZE_MAX = 1_000_000 + 2 * 32 * 1024;
const EXTRA_SIZE_MAX = 32 * 1024;
const KEYS_MAX = 16;
const POLICY_ENTRIES_MAX = 1_000;
const NAMES = { sha256: "SHA-256", sm3: "SM3" };

export function parseProof(data: Uint8Array): Proof {
  const first = data.indexOf(10);
  checkTag(TAG, first < 0 ? data : data.subarray(0, first));
  if (data.length > PROOF_SIZE_MAX) throw new Malformed("proof", "too long");
  const blank = emptyLine(data);
  if (blank < 0) throw new Malformed("proof", "has no sections");
  const lines = new Lines("proof", data.subarray(blank + 2));
  let opening: Opening | null = null;
  if (lines.starts("opening\n")) {
    opening = parseOpening(lines);
    lines.expect("");
  }
  const { itemIndex, page, pagePath } = parsePage(lines);
  const entryBytes = parseVerbatim(lines, "entry", parseEntry);
  const keys = parseSections(lines, "key", KEYS_MAX, parseLeaf);
  const policyText = parseVerbatim(lines, "policy", parsePolicy);
  const membersText = parseVerbatim(lines, "members", parseMembers);
  const policyEntries = parseSections(lines, "policy-entry", POLICY_ENTRIES_MAX, parseLeaf);
  const [later = null] = parseSections(lines, "later", 1, parseLater);
  const tlog = parseTlogProof(lines.rest());
  parseSealed(tlog.checkpoint);
  const proof = new Proof({
    opening, itemIndex, page, pagePath, entryBytes, keys, policyText, membersText, policyEntries, later,
    tlog,
  });
  if (!equal(formatProof(proof), data))
    throw new Malformed("proof", "is not what its own contents give, or not spelled as this version writes it");
  return proof;
}

function emptyLine(data: Uint8Array): number {
  for (let at = data.indexOf(10); at >= 0; at = data.indexOf(10, at + 1))
    if (data[at + 1] === 10) return at;
  return -1;
}

function parsePage(lines: Lines): { itemIndex: number; page: Uint8Array[]; pagePath: Uint8Array[] } {
  lines.expect("page");
  const itemIndex = lines.integer("item-index");
  const page = lines.digests("item", Math.max(...PAGE_SIZES.commitment));
  const pagePath = lines.digests("path", PATH_MAX);
  lines.expect("");
  return { itemIndex, page, pagePath };
}

/** A text inside the text; it is read before what follows, so the first fault decides. */
function parseVerbatim(lines: Lines, keyword: string, read: (data: Uint8Array) => unknown): Uint8Array {
  const text = lines.lines(lines.integer(keyword));
  read(text);
  lines.expect("");
  return text;
}

function parseLeaf(lines: Lines): LeafProof {
  const index = lines.integer("index");
  const path = lines.digests("path", PATH_MAX);
  const leaf = new LeafProof(index, path, lines.lines(lines.integer("entry")));
  lines.expect("");
  return leaf;
}

function parseLater(lines: Lines): Later {
  const path = lines.digests("path", PATH_MAX);
  const note = parseVerbatim(lines, "note", parseSealed);
  return { path, note, sealed: parseSealed(note) };
}

function parseSections<T>(lines: Lines, keyword: string, max: number, parse: (lines: Lines) => T): T[] {
  const found: T[] = [];
  while (lines.starts(`${keyword}\n`)) {
    if (found.length === max) throw new Malformed("proof", `more than ${max} sections \`${keyword}\``);
    lines.expect(keyword);
    found.push(parse(lines));
  }
  return found;
}

function parseTlogProof(data: Uint8Array): TlogProof {
  const where = "tlog-proof";
  if (data.length > TLOG_SIZE_MAX) throw new Malformed(where, "too long");
  const blank = emptyLine(data);
  if (blank < 0 || data[data.length - 1] !== 10)
    throw new Malformed(where, "not a head, an empty line and a checkpoint");
  const [tag, ...lines] = decode(data.subarray(0, blank), where).split("\n");
  if (tag !== TLOG_TAG) throw new Malformed(where, `does not begin with ${TLOG_TAG}`);
  const hasExtra = lines[0]?.startsWith("extra ") ?? false;
  if (hasExtra && readBase64(where, (lines.shift() as string).slice(6)).length > EXTRA_SIZE_MAX)
    throw new Malformed(where, "too much extra data");
  const index = lines.shift();
  if (!index?.startsWith("index ")) throw new Malformed(where, "no index line");
  if (lines.length > PATH_MAX) throw new Malformed(where, `a path of more than ${PATH_MAX} hashes`);
  return {
    index: readDecimal(where, index.slice(6)),
    path: lines.map((line) => readBase64(where, line, 32)),
    checkpoint: data.subarray(blank + 2),
    hasExtra,
  };
}

// Writing.

function formatProof(proof: Proof): Uint8Array {
  const { parts } = proof;
  const sections = [
    encode(formatHead(proof)),
    ...(parts.opening ? [formatOpening(parts.opening)] : []),
    text(["page", `item-index ${parts.itemIndex}`, ...hexes("item", parts.page), ...hexes("path", parts.pagePath)]),
    verbatim("entry", parts.entryBytes),
    ...parts.keys.map((leaf) => formatLeaf("key", leaf)),
    verbatim("policy", parts.policyText),
    verbatim("members", parts.membersText),
    ...parts.policyEntries.map((leaf) => formatLeaf("policy-entry", leaf)),
    ...(parts.later
      ? [concat(text(["later", ...hexes("path", parts.later.path)]), verbatim("note", parts.later.note))]
      : []),
    concat(
      text([TLOG_TAG, `index ${parts.tlog.index}`, ...parts.tlog.path.map(writeBase64)]),
      encode("\n"),
      parts.tlog.checkpoint,
    ),
  ];
  return concat(...sections.flatMap((each, n) => (n ? [encode("\n"), each] : [each])));
}

/** What a reader sees first: nothing of its own, computed from the rest. */
function formatHead(proof: Proof): string {
  const { policy, deposit, sealed } = proof;
  const { opening, policyText } = proof.parts;
  const seal = proof.sealTimeS;
  const digests =
    deposit.mode === "digest"
      ? [[deposit.alg, proof.item] as const]
      : (opening?.digests ?? []);
  const cosigners = sealed.seals.map((each) => each.member);
  const lines = [
    TAG,
    "以下由本文件自身算出，须经核验 Computed from this file itself; verify before relying on it",
    `存证编号 Evidence number: ${proof.number}`,
    `联签时间 Sealed no later than: ${seal === null ? "联签不足 not enough cosignatures" : formatSeconds(seal)}`,
    `区块时间 Block time, by its proposer's clock: ${formatMilliseconds(proof.entry.timeMs)}`,
    `数据项 Item: ${hex(proof.item)}`,
    ...digests.map(([alg, digest]) => `${NAMES[alg as keyof typeof NAMES]}: ${hex(digest)}`),
    `联签 Cosignatures: ${cosigners.length} of ${policy.sealers.length} members, ` +
      `quorum ${policy.quorum}: ${cosigners.join(", ")}`,
    `策略指纹 Policy fingerprint: ${fingerprint(policyText)}`,
    `链 Chain: ${sealed.checkpoint.origin}`,
    ...(proof.entry.attested
      ? ["存证主体未自行签名，由网关依据账户认证代为提交 The depositor did not sign; the gateway attested"]
      : []),
    ...(policy.network === "test"
      ? ["测试链，不得作为证据 Test network, not to be used as evidence"]
      : []),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function formatOpening(opening: Opening): Uint8Array {
  const lines = [
    "opening",
    `salt ${hex(opening.salt)}`,
    ...opening.digests.map(([alg, digest]) => `${alg} ${hex(digest)}`),
    `size ${opening.size}`,
  ];
  const details = opening.details ? [encode("details "), opening.details, encode("\n")] : [];
  return concat(text(lines), ...details);
}

function formatLeaf(keyword: string, leaf: LeafProof): Uint8Array {
  return concat(
    text([keyword, `index ${leaf.index}`, ...hexes("path", leaf.path)]),
    verbatim("entry", leaf.entryBytes),
  );
}

function verbatim(keyword: string, data: Uint8Array): Uint8Array {
  return concat(text([`${keyword} ${countLines(data)}`]), data);
}

function hexes(keyword: string, values: readonly Uint8Array[]): string[] {
  return values.map((each) => `${keyword} ${hex(each)}`);
}

function text(lines: readonly string[]): Uint8Array {
  return encode(lines.map((line) => `${line}\n`).join(""));
}
