/** The proof as a value: born whole, its parts fit each other as far as they alone can tell
 * (docs/proof-format.md, section 12). `proof_text` reads the file, `steps` checks paths and signatures. */

import { equal } from "./bytes.ts";
import { parseSealed, type SealedCheckpoint } from "./checkpoint.ts";
import { type KeyEntry, parseEntry, type PolicyEntry, StatementEntry } from "./entry.ts";
import { checkItems, type Opening, pageLength } from "./item.ts";
import { Malformed } from "./malformed.ts";
import type { Member } from "./members.ts";
import { parsePolicy, type Policy } from "./policy.ts";
import { checkKnown, checkTexts } from "./policy_note.ts";
import { checkInteger } from "./spelling.ts";
import type { Deposit } from "./statement.ts";

/** Another entry of the log and its way to the same root. */
export class LeafProof {
  readonly entry;

  constructor(
    readonly index: number,
    readonly path: readonly Uint8Array[],
    readonly entryBytes: Uint8Array,
  ) {
    this.entry = parseEntry(entryBytes);
    if (this.entry.kind === "policy") checkKnown(this.entry.note);
  }
}

/** A checkpoint of the same or a greater size with its own quorum of seals. */
export interface Later {
  readonly path: readonly Uint8Array[];
  readonly note: Uint8Array;
  readonly sealed: SealedCheckpoint;
}

/** The published proof file inside: this leaf is in the tree of this checkpoint. */
export interface TlogProof {
  readonly index: number;
  readonly path: readonly Uint8Array[];
  readonly checkpoint: Uint8Array;
  readonly hasExtra: boolean;
}

export interface ProofParts {
  readonly opening: Opening | null;
  readonly itemIndex: number;
  readonly page: readonly Uint8Array[];
  readonly pagePath: readonly Uint8Array[];
  readonly entryBytes: Uint8Array;
  readonly keys: readonly LeafProof[];
  readonly policyText: Uint8Array;
  readonly membersText: Uint8Array;
  readonly policyEntries: readonly LeafProof[];
  readonly later: Later | null;
  readonly tlog: TlogProof;
}

export class Proof {
  readonly entry: StatementEntry;
  readonly deposit: Deposit;
  readonly keyEntries: readonly KeyEntry[];
  readonly policies: readonly PolicyEntry[];
  readonly policy: Policy;
  readonly members: readonly Member[];
  readonly sealed: SealedCheckpoint;

  constructor(readonly parts: ProofParts) {
    const entry = parseEntry(parts.entryBytes);
    if (!(entry instanceof StatementEntry) || entry.statement.kind !== "deposit")
      throw new Malformed("proof", "its entry is not a deposit's");
    this.entry = entry;
    this.deposit = entry.statement;
    this.checkItem();
    this.keyEntries = parts.keys.map(({ entry: each }) => {
      if (each.kind !== "key") throw new Malformed("proof", "a key section holds another kind of entry");
      return each;
    });
    this.checkKeys();
    this.policy = parsePolicy(parts.policyText);
    this.members = checkTexts(this.policy, parts.membersText);
    this.policies = parts.policyEntries.map(({ entry: each }) => {
      if (each.kind !== "policy")
        throw new Malformed("proof", "a policy-entry section holds another kind of entry");
      return each;
    });
    this.checkPolicies();
    this.sealed = parseSealed(parts.tlog.checkpoint);
    this.checkCheckpoints();
  }

  /** The 32 bytes this proof is about. */
  get item(): Uint8Array {
    return this.parts.page[this.parts.itemIndex % this.deposit.page];
  }

  get number(): string {
    return this.entry.number(this.parts.itemIndex);
  }

  /** When a quorum had sealed; null if the seals are too few. */
  get sealTimeS(): number | null {
    return this.sealed.timeS(this.policy.quorum);
  }

  private checkItem(): void {
    const { deposit, parts } = this;
    if (parts.itemIndex >= deposit.count)
      throw new Malformed("proof", "item-index is beyond the statement's count");
    if (parts.page.length !== pageLength(deposit.count, deposit.page, parts.itemIndex))
      throw new Malformed("proof", "not as many items on the page as the statement says");
    checkItems(parts.page, deposit.mode, deposit.alg);
    if (!parts.opening) return;
    if (deposit.mode !== "commitment" || parts.opening.alg !== deposit.alg)
      throw new Malformed("opening", "not of the mode or algorithms of the statement");
    if (!equal(parts.opening.item(), this.item)) throw new Malformed("opening", "opens another item");
  }

  private checkKeys(): void {
    const relevant = [this.deposit.key.text, this.entry.receipt.gateway.text];
    const indexes = this.parts.keys.map((each) => each.index);
    if (!ascending(indexes) || (indexes.at(-1) ?? -1) >= this.parts.tlog.index)
      throw new Malformed("proof", "key sections out of order or after the entry");
    const serials = new Map<string, number>();
    for (const { record } of this.keyEntries) {
      const key = record.key.text;
      if (!relevant.includes(key) && !relevant.includes(record.successor?.text ?? ""))
        throw new Malformed("proof", "a key section about another key");
      if (relevant.includes(key) && record.serial !== (serials.get(key) ?? 0) + 1)
        throw new Malformed("proof", "a record of a key is left out");
      serials.set(key, record.serial);
    }
  }

  private checkPolicies(): void {
    const { policies, parts } = this;
    const { serial } = this.policy;
    if (policies.length !== (serial > 1 ? serial : 0))
      throw new Malformed("proof", "not every policy from the first on");
    if (!policies.length) return;
    const indexes = parts.policyEntries.map((each) => each.index);
    if (!ascending(indexes) || indexes[0] !== 1)
      throw new Malformed("proof", "policy entries out of order");
    if (!policies.every((each, n) => each.note.serial === n + 1))
      throw new Malformed("proof", "policy serials out of order");
    const last = policies[policies.length - 1].note;
    if (!equal(last.policyText, parts.policyText) || !equal(last.membersText, parts.membersText))
      throw new Malformed("proof", "the last policy entry is not the policy enclosed");
  }

  private checkCheckpoints(): void {
    const { tlog, later } = this.parts;
    checkInteger(tlog.index, "tlog-proof index");
    if (tlog.hasExtra) throw new Malformed("proof", "a tlog-proof with extra data");
    if (!later) return;
    const [first, second] = [this.sealed.checkpoint, later.sealed.checkpoint];
    if (second.origin !== first.origin || second.size < first.size)
      throw new Malformed("later", "is of another chain or earlier");
  }
}

function ascending(numbers: readonly number[]): boolean {
  return numbers.every((each, n) => n === 0 || each > numbers[n - 1]);
}
