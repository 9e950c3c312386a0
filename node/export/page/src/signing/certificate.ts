/** X.509 certificates (RFC 5280) and revocation lists, read strictly: also those with SM2 keys. */

import { binary, equal, fromBinary, hex } from "../evidence/bytes.ts";
import { BadSignature, Malformed } from "../evidence/malformed.ts";
import { readAlgorithm, verify } from "./algorithms.ts";
import * as der from "./der.ts";
import { Reader } from "./der.ts";

const SIZE_MAX = 16_384;
const LIST_SIZE_MAX = 1 << 20;
const PEM_SIZE_MAX = 1 << 20;
export const TIME_STAMPING = "1.3.6.1.5.5.7.3.8";
const [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_KEY_ID] = [
  "2.5.29.19", "2.5.29.15", "2.5.29.37", "2.5.29.14",
];
/** Critical or not, these take nothing away from a path: key ids, names, policies, where lists are. */
const HARMLESS = ["2.5.29.35", "2.5.29.17", "2.5.29.32", "2.5.29.31", "1.3.6.1.5.5.7.1.1"];
export const [DIGITAL_SIGNATURE, NON_REPUDIATION, KEY_CERT_SIGN, CRL_SIGN] = [0, 1, 5, 6];
const ATTRIBUTES: Record<string, string> = {
  "2.5.4.3": "CN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
  "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.97": "organizationIdentifier",
  "1.2.840.113549.1.9.1": "emailAddress",
};
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----\s([A-Za-z0-9+/=\s]*)-----END \1-----/g;
const WHERE = "certificate";

export interface Certificate {
  readonly der: Uint8Array;
  readonly signed: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
  readonly serial: bigint;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeS: number;
  readonly notAfterS: number;
  readonly publicKey: Uint8Array;
  readonly isAuthority: boolean;
  readonly pathLength: bigint | null;
  readonly keyUsage: Set<number> | null;
  readonly extended: readonly string[] | null;
  readonly extendedIsCritical: boolean;
  readonly keyId: Uint8Array | null;
  readonly unknownCritical: string | null;
}

type Extensions = Map<string, { critical: boolean; value: Uint8Array }>;

export function may(certificate: Certificate, usage: number): boolean {
  return certificate.keyUsage === null || certificate.keyUsage.has(usage);
}

export function maySign(certificate: Certificate): boolean {
  return may(certificate, DIGITAL_SIGNATURE) || may(certificate, NON_REPUDIATION);
}

/** Whether it says so, and critically, as RFC 3161 (section 2.3) wants it. */
export function isForTimestampsAlone({ extended, extendedIsCritical }: Certificate): boolean {
  return extended?.length === 1 && extended[0] === TIME_STAMPING && extendedIsCritical;
}

export function parseCertificate(data: Uint8Array): Certificate {
  if (data.length > SIZE_MAX) throw new Malformed(WHERE, `longer than ${SIZE_MAX} bytes`);
  const { signed, algorithm, signature, unused, reader } = openSigned(data, WHERE);
  if (unused) throw reader.wrong("a signature that is not whole bytes");
  const explicit = reader.optional(der.context(0));
  const version = explicit ? explicit.integer() + 1n : 1n;
  explicit?.end();
  const serial = reader.integer();
  if (readAlgorithm(reader) !== algorithm)
    throw reader.wrong("signed with another algorithm than it says inside");
  const issuer = reader.whole(der.SEQUENCE);
  const validity = reader.open(der.SEQUENCE);
  const [notBeforeS, notAfterS] = [validity.certificateTime(), validity.certificateTime()];
  validity.end();
  const [subject, publicKey] = [reader.whole(der.SEQUENCE), reader.whole(der.SEQUENCE)];
  for (const number of [1, 2]) if (reader.tag === der.context(number, false)) reader.whole();
  const extensions = version === 3n ? parseExtensions(reader) : (new Map() as Extensions);
  reader.end();
  [issuer, subject].forEach(nameText);
  return {
    der: data, signed, algorithm, signature, serial, issuer, subject, notBeforeS, notAfterS, publicKey,
    ...fromExtensions(extensions),
  };
}

function openSigned(data: Uint8Array, where: string) {
  const outside = new Reader(data, where);
  const inside = outside.open(der.SEQUENCE);
  outside.end();
  const signed = inside.whole(der.SEQUENCE);
  const algorithm = readAlgorithm(inside);
  const [signature, unused] = inside.bits();
  inside.end();
  return { signed, algorithm, signature, unused, reader: new Reader(signed, where).open(der.SEQUENCE) };
}

function parseExtensions(reader: Reader): Extensions {
  const found: Extensions = new Map();
  const explicit = reader.optional(der.context(3));
  if (!explicit) return found;
  for (const each of explicit.open(der.SEQUENCE).each(der.SEQUENCE)) {
    const identifier = each.oid();
    const critical = each.defaultFalse();
    if (found.has(identifier)) throw each.wrong(`extension ${identifier} twice`);
    found.set(identifier, { critical, value: each.content(der.OCTET_STRING) });
    each.end();
  }
  explicit.end();
  return found;
}

function fromExtensions(extensions: Extensions) {
  const read = (identifier: string) => {
    const value = extensions.get(identifier)?.value;
    return value ? new Reader(value, WHERE) : null;
  };
  const constraints = read(BASIC_CONSTRAINTS)?.open(der.SEQUENCE);
  const isAuthority = constraints?.defaultFalse() ?? false;
  const pathLength = constraints && constraints.tag !== null ? constraints.integer() : null;
  constraints?.end();
  const purposes = read(EXTENDED_KEY_USAGE)?.open(der.SEQUENCE);
  const extended: string[] = [];
  while (purposes && purposes.tag !== null) extended.push(purposes.oid());
  const known = [BASIC_CONSTRAINTS, KEY_USAGE, EXTENDED_KEY_USAGE, SUBJECT_KEY_ID, ...HARMLESS];
  const unknown = [...extensions].find(([each, { critical }]) => critical && !known.includes(each));
  return {
    isAuthority,
    pathLength,
    keyUsage: read(KEY_USAGE)?.namedBits() ?? null,
    extended: purposes ? extended : null,
    extendedIsCritical: extensions.get(EXTENDED_KEY_USAGE)?.critical ?? false,
    keyId: read(SUBJECT_KEY_ID)?.content(der.OCTET_STRING) ?? null,
    unknownCritical: unknown?.[0] ?? null,
  };
}

/** A name for people; what could mislead a reader is escaped. */
export function nameText(name: Uint8Array): string {
  const found: string[] = [];
  for (const part of new Reader(name, WHERE).open(der.SEQUENCE).each(der.SET))
    for (const attribute of part.each(der.SEQUENCE)) {
      const identifier = attribute.oid();
      found.push(`${ATTRIBUTES[identifier] ?? identifier}=${attributeText(attribute)}`);
      attribute.end();
    }
  return found.join(", ");
}

function attributeText(attribute: Reader): string {
  const encodings: Record<number, string> = {
    [der.UTF8_STRING]: "utf-8", [der.PRINTABLE_STRING]: "utf-8", [der.IA5_STRING]: "utf-8",
    0x14: "latin1", 0x1e: "utf-16be",
  };
  const { tag } = attribute;
  if (tag === null || !(tag in encodings)) return `#${hex(attribute.whole())}`;
  const data = attribute.content(tag);
  const isAscii = tag === der.PRINTABLE_STRING || tag === der.IA5_STRING;
  if (isAscii && data.some((each) => each > 127))
    throw attribute.wrong("a name that is not spelled as it says");
  let text: string;
  try {
    text = new TextDecoder(encodings[tag], { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw attribute.wrong("a name that is not spelled as it says");
  }
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, (each) =>
    `\\u${(each.codePointAt(0) as number).toString(16).padStart(4, "0")}`,
  );
}

/** The contents of all blocks of this kind in a PEM text. */
function pemBlocks(pem: Uint8Array, what: string, where: string): Uint8Array[] {
  if (pem.length > PEM_SIZE_MAX) throw new Malformed(where, `longer than ${PEM_SIZE_MAX} bytes`);
  return [...binary(pem).matchAll(PEM)]
    .filter(([, kind]) => kind === what)
    .map(([, , text]) => {
      try {
        return fromBinary(atob(text.replace(/\s/g, "")));
      } catch {
        throw new Malformed(where, "a block of PEM that is not base64");
      }
    });
}

/** All certificates of a PEM text, and there must be one. */
export function parseCertificates(pem: Uint8Array, where = WHERE): Certificate[] {
  const found = pemBlocks(pem, "CERTIFICATE", where).map(parseCertificate);
  if (!found.length) throw new Malformed(where, "no certificate in PEM");
  return found;
}

/** What an issuer has revoked, and since when: seconds by serial number. */
export interface Revocations {
  readonly signed: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
  readonly issuer: Uint8Array;
  readonly revokedS: ReadonlyMap<bigint, number>;
}

export function parseRevocationLists(pem: Uint8Array, where: string): Revocations[] {
  return pemBlocks(pem, "X509 CRL", where).map(parseRevocations);
}

/** A list that is not complete, or not the issuer's own, is refused: to take it for all there is would
 * let a revoked certificate pass. */
function parseRevocations(data: Uint8Array): Revocations {
  const where = "revocation list";
  if (data.length > LIST_SIZE_MAX) throw new Malformed(where, `longer than ${LIST_SIZE_MAX} bytes`);
  const { signed, algorithm, signature, reader } = openSigned(data, where);
  if (reader.tag === der.INTEGER && reader.integer() !== 1n) throw reader.wrong("not of version 2");
  if (readAlgorithm(reader) !== algorithm)
    throw reader.wrong("signed with another algorithm than it says inside");
  const issuer = reader.whole(der.SEQUENCE);
  reader.certificateTime();
  if (reader.tag === der.UTC_TIME || reader.tag === der.GENERALIZED_TIME) reader.certificateTime();
  const revokedS = new Map<bigint, number>();
  const listed = reader.optional(der.SEQUENCE);
  for (const each of listed?.each(der.SEQUENCE) ?? []) {
    const [serial, sinceS] = [each.integer(), each.certificateTime()];
    revokedS.set(serial, Math.min(sinceS, revokedS.get(serial) ?? sinceS));
    const about = each.optional(der.SEQUENCE);
    if (about) refuseCritical(about);
    each.end();
  }
  const explicit = reader.optional(der.context(0));
  if (explicit) {
    refuseCritical(explicit.open(der.SEQUENCE));
    explicit.end();
  }
  reader.end();
  return { signed, algorithm, signature, issuer, revokedS };
}

export function refuseCritical(extensions: Reader): void {
  for (const each of extensions.each(der.SEQUENCE)) {
    const identifier = each.oid();
    if (each.defaultFalse()) throw each.wrong(`the critical extension ${identifier}`);
    each.content(der.OCTET_STRING);
    each.end();
  }
}

/** Whether this certificate's key made the list, and may. */
export function isListBy(list: Revocations, issuer: Certificate): boolean {
  if (!equal(list.issuer, issuer.subject) || !may(issuer, CRL_SIGN)) return false;
  try {
    verify(issuer.publicKey, list.algorithm, list.signed, list.signature);
    return true;
  } catch (error) {
    if (error instanceof BadSignature || error instanceof Malformed) return false;
    throw error;
  }
}
