/** The exceptions of reading and of checking. Whoever holds a file may be hostile: whatever is wrong
 * with it is one of these, and anything else that escapes a reader is a bug of ours. */

/** These bytes are not what they claim to be. `newer`: they claim a format, rules number or algorithm
 * that this version does not know, so the answer is not "damaged" but "could not check". */
export class Malformed extends Error {
  constructor(
    readonly where: string,
    readonly why: string,
    readonly newer = false,
  ) {
    super(`${where}: ${why}`);
  }
}

/** This key did not sign this message, or not in the one form that is accepted. */
export class BadSignature extends Error {}

/** This path does not lead from what it should prove to that root. */
export class BadPath extends Error {}
