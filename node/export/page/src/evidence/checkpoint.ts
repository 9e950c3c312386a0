/** Checkpoints, cosignatures and further signatures (docs/proof-format.md, section 10). */

import { bigEndian, concat, decode, encode, equal, readBase64, readDecimal, u64, writeBase64 } from "./bytes.ts";
import { SIGNATURE_SIZE_MAX, SIGNATURE_SIZE_MIN } from "./curve.ts";
import { type PublicKey, verifyRaw } from "./keys.ts";
import { BadSignature, Malformed } from "./malformed.ts";
import { formatNote, parseNote, type SignatureLine, TYPE_OTHER, Vkey } from "./note.ts";
import { TIME_S_END } from "./number.ts";
import type { Member } from "./members.ts";
import type { Policy } from "./policy.ts";
import { checkInteger, checkMember, checkOrigin } from "./spelling.ts";

const BODY_SIZE_MAX = 4096;
const TIME_SIZE = 8;
const COSIGNATURE_SIZE = 72;
const LOG_PAYLOAD_SIZE = 64;
const MEMBERS_MAX = 32;
const FURTHER_MAX = 2 * MEMBERS_MAX;

/** A tree head: the log, how many leaves, the root over them. */
export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** One member's cosignature line and the time it gives, in seconds. */
export interface Seal {
  readonly member: string;
  readonly timeS: number;
  readonly line: SignatureLine;
}

export function parseCheckpoint(body: Uint8Array): Checkpoint {
  if (body.length > BODY_SIZE_MAX) throw new Malformed("checkpoint", "too long");
  const lines = decode(body, "checkpoint").split("\n");
  if (lines.length < 4 || lines.pop() !== "" || !lines.every((each) => each))
    throw new Malformed("checkpoint", "not at least three non-empty lines, each ended");
  if (lines.some((each) => /[\0-\x1f]/.test(each)))
    throw new Malformed("checkpoint", "a control character");
  const [origin, size, root, ...extensions] = lines;
  const checkpoint = {
    origin,
    size: readDecimal("checkpoint size", size),
    root: readBase64("checkpoint root", root, 32),
  };
  if (extensions.length) throw new Malformed("checkpoint", "extension lines");
  return checkpoint;
}

export function cosignatureMessage(body: Uint8Array, timeS: number): Uint8Array {
  return concat(encode(`cosignature/v1\ntime ${timeS}\n`), body);
}

/** A checkpoint as this chain's members publish it: a log line, seals, further signatures. */
export class SealedCheckpoint {
  constructor(
    readonly body: Uint8Array,
    readonly checkpoint: Checkpoint,
    readonly logLine: SignatureLine,
    readonly seals: readonly Seal[],
    readonly further: readonly SignatureLine[],
  ) {}

  /** The time by which a quorum had sealed: the q-th smallest, or null with fewer seals. */
  timeS(quorum: number): number | null {
    const times = this.seals.map((each) => each.timeS).sort((a, b) => a - b);
    return times[quorum - 1] ?? null;
  }
}

export function parseSealed(data: Uint8Array): SealedCheckpoint {
  const note = parseNote(data);
  const checkpoint = parseCheckpoint(note.text);
  const { origin, size, root } = checkpoint;
  checkOrigin(origin, "checkpoint");
  checkInteger(size, "checkpoint: size");
  const [logLine, ...lines] = note.signatures;
  if (logLine.name !== origin || logLine.payload.length !== LOG_PAYLOAD_SIZE)
    throw new Malformed("checkpoint", "its first line is not a log signature");
  const names = new Set(lines.map((each) => each.name));
  const seals = lines.slice(0, names.size).map((line) => parseSeal(line, origin));
  if (!seals.length || seals.length > MEMBERS_MAX)
    throw new Malformed("checkpoint", `not 1 to ${MEMBERS_MAX} cosignatures`);
  if (new Set(seals.map((each) => each.member)).size !== seals.length)
    throw new Malformed("checkpoint", "a member's second line before another's first");
  if (new Set(lines.map((each) => `${each.name} ${each.keyId}`)).size !== lines.length)
    throw new Malformed("checkpoint", "two lines by one key");
  const further = lines.slice(names.size);
  const fits = ({ payload: { length } }: SignatureLine) =>
    length >= TIME_SIZE + SIGNATURE_SIZE_MIN && length <= TIME_SIZE + SIGNATURE_SIZE_MAX;
  if (further.length > FURTHER_MAX || !further.every(fits))
    throw new Malformed("checkpoint", "a member's second line is no further signature");
  const body = encode(`${origin}\n${size}\n${writeBase64(root)}\n`);
  if (!equal(formatNote({ text: body, signatures: note.signatures }), data))
    throw new Malformed("checkpoint", "not spelled as this version writes it");
  return new SealedCheckpoint(body, checkpoint, logLine, seals, further);
}

function parseSeal(line: SignatureLine, origin: string): Seal {
  if (!line.name.startsWith(`${origin}/`))
    throw new Malformed("seal", "its name is not the origin, a slash and a member");
  const member = checkMember(line.name.slice(origin.length + 1), "seal");
  if (line.payload.length !== COSIGNATURE_SIZE)
    throw new Malformed("cosignature", `${line.payload.length} bytes instead of ${COSIGNATURE_SIZE}`);
  const time = Number(bigEndian(line.payload.subarray(0, TIME_SIZE)));
  return { member, timeS: checkInteger(time, "seal: time", 0, TIME_S_END - 1), line };
}

/** Throw `BadSignature` unless log line and seals are members', in order, valid, and enough. */
export function verifySeals(sealed: SealedCheckpoint, policy: Policy): void {
  const publisher = policy.sealers.find((each) => policy.logVkey(each).keyId === sealed.logLine.keyId);
  if (!publisher) throw new BadSignature("the log signature is by no member of the policy");
  verifyRaw(publisher.log, sealed.body, sealed.logLine.payload);
  const names = policy.sealers.map((each) => each.member);
  const order = sealed.seals.map((each) => names.indexOf(each.member));
  if (order.some((place, n) => place < 0 || (n > 0 && place < order[n - 1])))
    throw new BadSignature("a cosignature is by nobody of the policy, or out of its order");
  sealed.seals.forEach((seal, n) => {
    const vkey = policy.witnessVkey(policy.sealers[order[n]]);
    if (!vkey.signed(seal.line)) throw new BadSignature(`the line is not by ${vkey.name}`);
    const signature = seal.line.payload.subarray(TIME_SIZE);
    verifyRaw(policy.sealers[order[n]].witness, cosignatureMessage(sealed.body, seal.timeS), signature);
  });
  if (order.length < policy.quorum)
    throw new BadSignature(`${order.length} members sealed, ${policy.quorum} are needed`);
}

/** Throw `BadSignature` unless all further signatures are members', in order, and valid. */
export function verifyFurther(sealed: SealedCheckpoint, members: readonly Member[]): void {
  for (const { seal, key, line } of furtherSignatures(sealed, members)) {
    if (!equal(line.payload.subarray(0, TIME_SIZE), u64(seal.timeS)))
      throw new BadSignature("a further signature of another time than its cosignature");
    verifyRaw(key, cosignatureMessage(sealed.body, seal.timeS), line.payload.subarray(TIME_SIZE));
  }
}

export interface Further {
  readonly seal: Seal;
  readonly key: PublicKey;
  readonly line: SignatureLine;
}

/** Every further signature with the key it claims and the seal it stands beside, in the order of the
 * members text; `BadSignature` at a line that has no place in it. */
export function* furtherSignatures(
  sealed: SealedCheckpoint,
  members: readonly Member[],
): Generator<Further> {
  const places = members.flatMap((member) => {
    const seal = sealed.seals.find((each) => each.member === member.name);
    return seal ? member.keys.map((key) => ({ seal, key })) : [];
  });
  let at = 0;
  for (const line of sealed.further) {
    for (; ; at++) {
      if (at === places.length)
        throw new BadSignature("a further signature by no key of the members text, or out of order");
      const { seal, key } = places[at];
      const typed = concat(encode(`cunzheng/${key.algorithm}/v1`), key.raw);
      if (new Vkey(seal.line.name, TYPE_OTHER, typed).signed(line)) break;
    }
    yield { ...places[at++], line };
  }
}
