/** RFC 3161: what a timestamp is worth to whoever has roots from outside. All of it holds, or nothing
 * counts; the time is believed only then, also as the time at which certificates had to be valid. */

import { equal } from "../evidence/bytes.ts";
import { BadSignature, Malformed } from "../evidence/malformed.ts";
import { TIME_MS_END } from "../evidence/spelling.ts";
import { digest, isDigest, readAlgorithm } from "./algorithms.ts";
import { type Certificate, isForTimestampsAlone, maySign, refuseCritical, TIME_STAMPING } from "./certificate.ts";
import { type Anchors, findPath, Untrusted } from "./chain.ts";
import { parseSigned, verifySigner } from "./cms.ts";
import * as der from "./der.ts";
import { Reader } from "./der.ts";

const RESPONSE_SIZE_MAX = 65_536 + 1_024;
const TST_INFO = "1.2.840.113549.1.9.16.1.4";
/** In every token of the platform's own service, and in nobody else's. */
const OWN_POLICY = "2.25.147692497332295152778561343463042897939";
const NUMBER_MAX = 1n << 160n;
const DIRECTORY_NAME = 4;

export class BadTimestamp extends Error {}

export interface Stamped {
  readonly timeMs: number;
  readonly accuracyMs: number;
  readonly authority: Certificate;
  readonly isOwn: boolean;
}

interface Info {
  readonly policy: string;
  readonly algorithm: string;
  readonly imprint: Uint8Array;
  readonly timeMs: number;
  readonly accuracyMs: number;
  readonly authority: Uint8Array | null;
}

/** The timestamp of `body` that a TimeStampResp holds; throws `BadTimestamp`. */
export function verifyResponse(
  response: Uint8Array,
  body: Uint8Array,
  anchors: Anchors,
  others: readonly Certificate[],
): Stamped {
  try {
    const signed = parseSigned(parseResponse(response));
    if (signed.contentType !== TST_INFO || !signed.content)
      throw new BadTimestamp("signed content of another type than a timestamp's");
    const info = parseInfo(signed.content);
    if (!isDigest(info.algorithm) || !equal(digest(info.algorithm, body), info.imprint))
      throw new BadTimestamp("the imprint is of other bytes");
    const leaf = verifySigner(signed, signed.content, others);
    if (!isForTimestampsAlone(leaf) || !maySign(leaf))
      throw new BadTimestamp("its certificate is not for timestamps alone, critically so");
    if (info.authority && !equal(info.authority, leaf.subject))
      throw new BadTimestamp("it names another authority than the one that signed");
    const enclosed = [...signed.certificates, ...others];
    findPath(leaf, enclosed, anchors, Math.floor(info.timeMs / 1000), TIME_STAMPING);
    const { timeMs, accuracyMs, policy } = info;
    return { timeMs, accuracyMs, authority: leaf, isOwn: policy === OWN_POLICY };
  } catch (error) {
    if (error instanceof BadSignature || error instanceof Malformed || error instanceof Untrusted)
      throw new BadTimestamp(error.message);
    throw error;
  }
}

/** The token of an answer that granted one. */
function parseResponse(data: Uint8Array): Uint8Array {
  if (data.length > RESPONSE_SIZE_MAX) throw new Malformed("timestamp response", "too long");
  const outside = new Reader(data, "timestamp response");
  const reader = outside.open(der.SEQUENCE);
  outside.end();
  const info = reader.open(der.SEQUENCE);
  const status = info.integer();
  const texts = info.optional(der.SEQUENCE);
  while (texts && texts.tag !== null) texts.utf8();
  if (info.tag === der.BIT_STRING) info.namedBits();
  info.end();
  if (status !== 0n && status !== 1n) throw new BadTimestamp(`the authority granted none: ${status}`);
  const token = reader.whole(der.SEQUENCE);
  reader.end();
  return token;
}

function parseInfo(data: Uint8Array): Info {
  const outside = new Reader(data, "timestamp");
  const reader = outside.open(der.SEQUENCE);
  outside.end();
  if (reader.integer() !== 1n) throw reader.wrong("not of version 1");
  const policy = reader.oid();
  const imprinted = reader.open(der.SEQUENCE);
  const algorithm = readAlgorithm(imprinted);
  const imprint = imprinted.content(der.OCTET_STRING);
  imprinted.end();
  const serial = reader.integer();
  const timeMs = reader.generalizedTime();
  if (timeMs < 0 || timeMs >= TIME_MS_END)
    throw reader.wrong("a time before 1970 or too far away to be shown");
  const accuracy = reader.optional(der.SEQUENCE);
  const accuracyMs = accuracy ? parseAccuracy(accuracy) : 0;
  reader.defaultFalse(); // Whether later tokens are comparable: nothing here compares them.
  const nonce = reader.tag === der.INTEGER ? reader.integer() : 0n;
  if (![serial, nonce].every((each) => 0n <= each && each < NUMBER_MAX))
    throw reader.wrong("a number that is negative or of more than 160 bits");
  const name = reader.optional(der.context(0));
  const extensions = reader.optional(der.context(1));
  if (extensions) refuseCritical(extensions);
  reader.end();
  return { policy, algorithm, imprint, timeMs, accuracyMs, authority: name && directoryName(name) };
}

function parseAccuracy(reader: Reader): number {
  const seconds = reader.tag === der.INTEGER ? reader.integer() : 0n;
  const [millis, micros] = [0, 1].map((number) => {
    const tag = der.context(number, false);
    return reader.tag === tag ? reader.integer(tag) : 0n;
  });
  reader.end();
  if (seconds < 0n || seconds >= 1n << 31n || ![millis, micros].every((each) => 0n <= each && each < 1000n))
    throw reader.wrong("an accuracy that is none");
  return 1000 * Number(seconds) + Number(millis) + (micros ? 1 : 0);
}

/** The name, if it is one that a certificate can have; others are passed over. */
function directoryName(reader: Reader): Uint8Array | null {
  const inside = reader.optional(der.context(DIRECTORY_NAME));
  const name = inside?.whole(der.SEQUENCE) ?? null;
  inside?.end();
  if (!inside) reader.whole();
  reader.end();
  return name;
}
