/** Key records: whose keys may do what, from when to when (docs/proof-format.md, section 5). */

import { parsePublicKey, type PublicKey } from "./keys.ts";
import { Malformed } from "./malformed.ts";
import { checkChoice, checkInteger, checkOrigin, checkText, checkTime, fields, parseTagged } from "./spelling.ts";

const TAG = "cunzheng/key/v1";
const SIZE_MAX = 1_024;
const ACTIONS = ["enrol", "rotate", "revoke"];
export const ROLES = ["depositor", "gateway", "court", "notary", "forensic", "member"];

/** One act of an enrolling authority on one key. */
export interface KeyRecord {
  readonly origin: string;
  readonly action: string;
  readonly effective: number;
  readonly key: PublicKey;
  readonly role: string;
  readonly serial: number;
  readonly successor: PublicKey | null;
}

/** What the records about one key say at one time: enrolled in roles, or ended, or unknown. */
export interface Standing {
  readonly roles: readonly string[];
  readonly ended: boolean;
}

export function parseKeyRecord(data: Uint8Array): KeyRecord {
  const raw = parseTagged(TAG, data, SIZE_MAX);
  const value = fields(
    raw, TAG, ["action", "effective", "key", "origin", "role", "serial"], ["successor"],
  );
  if ("successor" in value !== (value.action === "rotate"))
    throw new Malformed("successor", "is there exactly if the action is rotate");
  return {
    // In the order of the bytes: what is wrong first decides.
    action: checkChoice(value.action, ACTIONS, "action"),
    effective: checkTime(value.effective, "effective"),
    key: parsePublicKey(checkText(value.key, "key")),
    origin: checkOrigin(value.origin, "origin"),
    role: checkChoice(value.role, ROLES, "role"),
    serial: checkInteger(value.serial, "serial", 1),
    successor: "successor" in value ? parsePublicKey(checkText(value.successor, "successor")) : null,
  };
}

/** What `key` was at `timeMs`, from records in log order; later ones do not count. */
export function standing(key: PublicKey, records: readonly KeyRecord[], timeMs: number): Standing {
  const roles = new Set<string>();
  let ended = false;
  for (const record of records.filter((each) => each.effective <= timeMs)) {
    if (record.key.text === key.text && record.action !== "enrol") ended = true;
    const about = record.action === "enrol" ? record.key : record.successor;
    if (about?.text === key.text) roles.add(record.role);
  }
  return { roles: [...roles].sort(), ended };
}
