/** What a proof gives for stock tools: folders 03 and 04 (docs/bundle-format.md, sections 5 and 6). A
 * pure function of the proof: they are made again and compared. */

import { binary, concat, encode, equal, fromBinary, fromHex, hex, writeBase64 } from "../evidence/bytes.ts";
import { cosignatureMessage, furtherSignatures, type SealedCheckpoint } from "../evidence/checkpoint.ts";
import type { PolicyEntry } from "../evidence/entry.ts";
import { pageCount } from "../evidence/item.ts";
import { formatJson, type JsonObject } from "../evidence/json.ts";
import type { PublicKey } from "../evidence/keys.ts";
import { BadSignature, Malformed } from "../evidence/malformed.ts";
import { leafHash, PATH_MAX, sides } from "../evidence/merkle.ts";
import { fingerprint } from "../evidence/policy.ts";
import { formatBody } from "../evidence/policy_note.ts";
import type { LeafProof, Proof } from "../evidence/proof.ts";
import { recordedDigests } from "../evidence/steps.ts";
import * as layout from "./layout.ts";

type Files = Map<string, Uint8Array>;
const SPKI_ED25519 = fromHex("302a300506032b6570032100");

/** The files of one deposit in folders 02 to 04; its declared.json follows from nothing. */
export function depositFiles(data: Uint8Array, proof: Proof): Files {
  const { number } = proof;
  const files: Files = new Map([[layout.record(number, "proof.txt"), data]]);
  const details = proof.parts.opening?.details;
  if (details) files.set(layout.record(number, "details.json"), details);
  for (const [name, each] of proofFiles(proof)) files.set(layout.proof(number, name), each);
  for (const [name, each] of signatureFiles(proof)) files.set(layout.signature(number, name), each);
  return files;
}

// Folder 03

function proofFiles(proof: Proof): Files {
  const { parts, deposit, sealed } = proof;
  const { size } = sealed.checkpoint;
  const files: Files = new Map([
    ["item.txt", encode(`${hex(proof.item)}\n`)],
    ["place.txt", place(proof)],
    ["page.bin", concat(...parts.page)],
    [
      "page-path.txt",
      formatPath(
        Math.floor(parts.itemIndex / deposit.page), pageCount(deposit.count, deposit.page), parts.pagePath,
      ),
    ],
    ["statement.txt", proof.entry.statementBytes],
    ["entry.txt", parts.entryBytes],
    ["entry-path.txt", formatPath(parts.tlog.index, size, parts.tlog.path)],
    ["policy.txt", parts.policyText],
    ["members.txt", parts.membersText],
    ["checkpoint.note", parts.tlog.checkpoint],
    ["checkpoint.txt", sealed.body],
  ]);
  const leaf = (stem: string, each: LeafProof) => {
    files.set(`${stem}.txt`, each.entryBytes);
    files.set(`${stem}-path.txt`, formatPath(each.index, size, each.path));
  };
  const recorded = recordedDigests(proof);
  if (recorded.length) {
    const lines = recorded.map(([alg, digest]) => `${alg} ${hex(digest)}\n`).join("");
    const { opening } = parts;
    files.set("recorded.txt", encode(opening ? `${lines}size ${opening.size}\n` : lines));
    if (opening) files.set("opening.bin", opening.preimage());
  }
  parts.keys.forEach((each, n) => leaf(`key-${n + 1}`, each));
  proof.policies.forEach(({ note }, n) => {
    leaf(`policy-entry-${note.serial}`, parts.policyEntries[n]);
    if (n < proof.policies.length - 1) files.set(`policy-${note.serial}.txt`, note.policyText);
  });
  if (parts.later) {
    const { checkpoint, body } = parts.later.sealed;
    files.set("later.note", parts.later.note);
    files.set("later.txt", body);
    files.set(
      "later-consistency.txt",
      formatConsistency(size, sealed.checkpoint.root, checkpoint.size, parts.later.path),
    );
  }
  return files;
}

function place(proof: Proof): Uint8Array {
  const { parts, deposit, sealed } = proof;
  const lines = [
    `number ${proof.number}`,
    `item-index ${parts.itemIndex}`,
    `slot ${parts.itemIndex % deposit.page}`,
    `items-root ${hex(deposit.itemsRoot)}`,
    `entry-index ${parts.tlog.index}`,
    `entry-hash ${hex(leafHash(parts.entryBytes))}`,
    `tree-size ${sealed.checkpoint.size}`,
    `root ${hex(sealed.checkpoint.root)}`,
    `fingerprint ${fingerprint(parts.policyText)}`,
    `quorum ${proof.policy.quorum}`,
  ];
  return encode(lines.map((line) => `${line}\n`).join(""));
}

function pathLines(steps: readonly string[], path: readonly Uint8Array[]): string {
  return path.map((each, n) => `${steps[n]} ${hex(each)}\n`).join("");
}

function sidesOf(position: number, last: number, count: number): string[] {
  return sides(position, last, count).slice(0, count).map(([side]) => side);
}

/** The way of leaf `index` to the root of a tree of `size` leaves. */
function formatPath(index: number, size: number, path: readonly Uint8Array[]): Uint8Array {
  return encode(pathLines(sidesOf(index, size - 1, path.length), path));
}

/** From the tree of `oldSize` leaves to that of `size`. */
function formatConsistency(
  oldSize: number,
  oldRoot: Uint8Array,
  size: number,
  path: readonly Uint8Array[],
): Uint8Array {
  let [position, last] = [oldSize - 1, size - 1];
  while (position > 0 && position % 2) [position, last] = [Math.floor(position / 2), Math.floor(last / 2)];
  // A complete old tree is itself where the walk starts, and the path leaves it out.
  const [start, ...rest] = position > 0 && path.length ? path : [oldRoot, ...path];
  return encode(`= ${hex(start)}\n${pathLines(sidesOf(position, last, rest.length), rest)}`);
}

/** The path in a consistency file; it has still to be verified. */
export function parseConsistency(
  data: Uint8Array,
  oldSize: number,
  oldRoot: Uint8Array,
  size: number,
): Uint8Array[] {
  const found = [...binary(data).matchAll(/[=LR] ([0-9a-f]{64})\n/g)].map(([, text]) => fromHex(text));
  if (!found.length || found.length > PATH_MAX + 1 || oldSize < 1 || size < oldSize)
    throw new Malformed("consistency", "not a start and up to 63 steps");
  const complete = Number.isInteger(Math.log2(oldSize));
  const path = complete || oldSize === size ? found.slice(1) : found;
  if (!equal(formatConsistency(oldSize, oldRoot, size, path), data))
    throw new Malformed("consistency", "not the steps between trees of these sizes");
  return path;
}

// Folder 04

/** A signature; its key has to stand in the text `listed`, after the byte `type`. */
interface Signed {
  readonly step: number;
  readonly name: string;
  readonly key: PublicKey;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
  readonly listed: string;
  readonly type: string;
}

function signatureFiles(proof: Proof): Files {
  const signed = [...signatures(proof)];
  const listing = signed.map((x) => `${x.step} ${x.name} ${x.key.algorithm} ${x.type} ${x.listed}\n`);
  const files: Files = new Map([
    ["quorum.json", quorum(proof)],
    ["signatures.txt", encode(listing.join(""))],
  ]);
  for (const each of signed) {
    files.set(`${each.name}.msg`, each.message);
    files.set(`${each.name}.sig`, each.signature);
    files.set(`${each.name}.pub.pem`, publicKeyPem(each.key));
  }
  return files;
}

function publicKeyPem(key: PublicKey): Uint8Array {
  const der = key.algorithm === "ed25519" ? concat(SPKI_ED25519, key.raw) : key.raw;
  const lines = (writeBase64(fromBinary(binary(der))).match(/.{1,64}/g) as string[]).join("\n");
  return encode(`-----BEGIN PUBLIC KEY-----\n${lines}\n-----END PUBLIC KEY-----\n`);
}

/** All of them, in the order of the steps. */
function* signatures(proof: Proof): Generator<Signed> {
  const { entry, parts, deposit } = proof;
  const { receipt } = entry;
  yield {
    step: 3, name: "statement", key: deposit.key, message: entry.statementBytes,
    signature: entry.signature.raw, listed: "statement.txt", type: "-",
  };
  yield {
    step: 3, name: "receipt", key: receipt.gateway, message: entry.receiptMessage,
    signature: receipt.signature.raw, listed: "entry.txt", type: "-",
  };
  for (const [n, key] of proof.keyEntries.entries())
    yield {
      step: 3, name: `key-${n + 1}`, key: key.authority, message: key.recordBytes,
      signature: key.signature.raw, listed: inForce(proof, parts.keys[n].index), type: "-",
    };
  for (const [n, after] of proof.policies.slice(1).entries())
    yield* policyChange(proof.policies[n], after);
  yield* seals("", proof.sealed, proof);
  if (parts.later) yield* seals("later-", parts.later.sealed, proof);
}

/** The file of the policy in force when this leaf was made. */
function inForce(proof: Proof, index: number): string {
  const at = proof.parts.policyEntries.findLastIndex((leaf) => leaf.index < index);
  const serial = at < 0 ? proof.policy.serial : proof.policies[at].note.serial;
  return serial === proof.policy.serial ? "policy.txt" : `policy-${serial}.txt`;
}

function* policyChange(before: PolicyEntry, after: PolicyEntry): Generator<Signed> {
  const message = formatBody(after.note);
  const { policy, serial } = before.note;
  for (const sealer of policy.sealers) {
    const { keyId } = policy.logVkey(sealer);
    const line = after.note.signatures.find((each) => each.keyId === keyId);
    if (!line) continue;
    yield {
      step: 5, name: `policy-${after.note.serial}-${sealer.member}`, key: sealer.log, message,
      signature: line.payload, listed: `policy-${serial}.txt`, type: "01",
    };
  }
}

/** The publisher's signature, the seals, and what members signed besides, as far as their keys stand in
 * policy and members text. */
function* seals(stem: string, sealed: SealedCheckpoint, proof: Proof): Generator<Signed> {
  const { policy } = proof;
  const step = 5;
  for (const { member, log } of policy.sealers.filter(
    (each) => policy.logVkey(each).keyId === sealed.logLine.keyId,
  ))
    yield {
      step, name: `${stem}published-${member}`, key: log, message: sealed.body,
      signature: sealed.logLine.payload, listed: "policy.txt", type: "01",
    };
  for (const seal of sealed.seals) {
    const sealer = policy.sealers.find((each) => each.member === seal.member);
    if (!sealer) continue;
    yield {
      step, name: `${stem}seal-${seal.member}`, key: sealer.witness,
      message: cosignatureMessage(sealed.body, seal.timeS),
      signature: seal.line.payload.subarray(8), listed: "policy.txt", type: "04",
    };
  }
  try {
    for (const { seal, key, line } of furtherSignatures(sealed, proof.members))
      yield {
        step, name: `${stem}${key.algorithm}-${seal.member}`, key,
        message: cosignatureMessage(sealed.body, seal.timeS),
        signature: line.payload.subarray(8), listed: "members.txt", type: "-",
      };
  } catch (error) {
    if (!(error instanceof BadSignature)) throw error;
  }
}

function quorum(proof: Proof): Uint8Array {
  const times = new Map(proof.sealed.seals.map((seal) => [seal.member, seal.timeS]));
  const members = proof.members.map(({ name, kind, organisation }): JsonObject => {
    const time = times.get(name);
    const sealed: JsonObject =
      time === undefined ? { cosigned: false } : { cosigned: true, time_s: time };
    return { name, kind, organisation, ...sealed };
  });
  return formatJson({
    fingerprint: fingerprint(proof.parts.policyText),
    network: proof.policy.network,
    quorum: proof.policy.quorum,
    tree_size: proof.sealed.checkpoint.size,
    members,
  });
}
