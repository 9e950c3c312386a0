/** Entries: the leaves of the log (docs/proof-format.md, section 7), and receipts (section 4). */

import { hex } from "./bytes.ts";
import { parseKeyRecord, type KeyRecord } from "./enrolment.ts";
import { parsePublicKey, parseSignature, type PublicKey, type Signature, verify } from "./keys.ts";
import { Malformed } from "./malformed.ts";
import { formatNumber, ORDINAL_MAX } from "./number.ts";
import { checkRules } from "./policy.ts";
import { parsePolicyNote, type PolicyNote } from "./policy_note.ts";
import { checkMember, checkVersion, formatTagged, Lines } from "./spelling.ts";
import { parseStatement, type Statement, statementId } from "./statement.ts";
import { isZero } from "./bytes.ts";

const TAG = "cunzheng/entry/v1";
const ENTRY_SIZE_MAX = 65_535;
const CARRIES = ["records", "nothing", "configuration"];
const UNSTATED = "-";

/** Which gateway took the statement in, when, and its signature. */
export interface Receipt {
  readonly gateway: PublicKey;
  readonly acceptedAt: number;
  readonly signature: Signature;
}

export function receiptMessage(origin: string, statement: Uint8Array, acceptedAt: number): Uint8Array {
  return formatTagged("cunzheng/receipt/v1", {
    accepted_at: acceptedAt,
    origin,
    statement: hex(statementId(statement)),
  });
}

/** A statement as it stands on the chain. */
export class StatementEntry {
  readonly kind = "statement";
  readonly statement: Statement;

  constructor(
    readonly timeMs: number,
    readonly firstItem: number | null,
    readonly receipt: Receipt,
    readonly signature: Signature,
    readonly statementBytes: Uint8Array,
  ) {
    const statement = (this.statement = parseStatement(statementBytes));
    if ((statement.kind === "deposit") !== (firstItem !== null))
      throw new Malformed("entry", "a deposit has first-item, an event has none");
    if (this.attested && !statement.hasSubmitter)
      throw new Malformed("statement", "attested by the gateway but without submitter");
    if (statement.kind === "deposit" && (firstItem as number) + statement.count > ORDINAL_MAX + 1)
      throw new Malformed("entry", "ordinals beyond twelve digits");
  }

  /** Whether the gateway signed in the depositor's place. */
  get attested(): boolean {
    return this.statement.key.text === this.receipt.gateway.text;
  }

  number(index: number): string {
    return formatNumber(this.timeMs, (this.firstItem as number) + index);
  }

  get receiptMessage(): Uint8Array {
    return receiptMessage(this.statement.origin, this.statementBytes, this.receipt.acceptedAt);
  }

  verifySignatures(): void {
    verify(this.statement.key, this.statementBytes, this.signature);
    verify(this.receipt.gateway, this.receiptMessage, this.receipt.signature);
  }
}

/** An act of an enrolling authority as it stands on the chain. */
export interface KeyEntry {
  readonly kind: "key";
  readonly authority: PublicKey;
  readonly signature: Signature;
  readonly recordBytes: Uint8Array;
  readonly record: KeyRecord;
}

/** A policy as it stands on the chain; leaf 1 is the first. */
export interface PolicyEntry {
  readonly kind: "policy";
  readonly note: PolicyNote;
}

export type Entry = StatementEntry | KeyEntry | PolicyEntry | { readonly kind: "block" };

export function parseEntry(data: Uint8Array): Entry {
  const lines = new Lines("entry", data);
  lines.tag(TAG);
  if (data.length > ENTRY_SIZE_MAX) throw new Malformed("entry", "too long");
  const kind = lines.value("kind");
  const height = lines.integer("height");
  const timeMs = lines.time("time");
  const entry = parseKind(lines, kind, height, timeMs);
  lines.end();
  return entry;
}

function parseKind(lines: Lines, kind: string, height: number, timeMs: number): Entry {
  switch (kind) {
    case "block":
      parseBlock(lines, height);
      return { kind };
    case "statement":
      return parseStatementEntry(lines, timeMs);
    case "key": {
      const authority = parsePublicKey(lines.value("authority"));
      const signature = parseSignature(lines.value("signature"));
      const recordBytes = lines.line();
      return { kind, authority, signature, recordBytes, record: parseKeyRecord(recordBytes) };
    }
    case "policy":
      return { kind, note: parsePolicyNote(lines.rest()) };
    default:
      throw new Malformed("entry", "kind is not block, statement, key or policy");
  }
}

function parseStatementEntry(lines: Lines, timeMs: number): StatementEntry {
  const firstItem = lines.starts("first-item ") ? lines.integer("first-item") : null;
  const gateway = parsePublicKey(lines.value("gateway"));
  const acceptedAt = lines.time("accepted-at");
  const receipt = { gateway, acceptedAt, signature: parseSignature(lines.value("receipt")) };
  const signature = parseSignature(lines.value("signature"));
  return new StatementEntry(timeMs, firstItem, receipt, signature, lines.line());
}

/** No proof is of a block's entry; one that stands where another should is still read. */
function parseBlock(lines: Lines, height: number): void {
  const previous = lines.digest("previous");
  const proposer = lines.value("proposer");
  const term = lines.integer("term");
  const version = lines.value("version");
  const carries = lines.value("carries");
  lines.digest("body");
  const counted = lines.integer("taken") + lines.integer("skipped");
  const rules = lines.integer("rules");
  if ((height === 0) !== (proposer === "genesis") || (height === 0 && (term || !isZero(previous))))
    throw new Malformed("entry", "height 0 exactly is proposed by `genesis` and follows nothing");
  if (height && proposer !== UNSTATED) checkMember(proposer, "entry: proposer");
  if (version !== UNSTATED) checkVersion(version, "entry: version");
  if (!CARRIES.includes(carries) || (carries !== "records" && counted))
    throw new Malformed("entry", "carries neither records, nothing nor configuration");
  checkRules(rules, "entry");
}
