/** CMS SignedData (RFC 5652) with one signer, as timestamps and detached signatures have it. */

import { sha1 } from "@noble/hashes/legacy.js";
import { concat, equal, hex } from "../evidence/bytes.ts";
import { BadSignature, Malformed } from "../evidence/malformed.ts";
import { digest, isDigest, readAlgorithm, SHA256, signedWith, verify } from "./algorithms.ts";
import { type Certificate, parseCertificate } from "./certificate.ts";
import * as der from "./der.ts";
import { Reader } from "./der.ts";

const SIZE_MAX = 65_536;
const CERTIFICATES_MAX = 16;
export const DATA = "1.2.840.113549.1.7.1";
const SIGNED_DATA = "1.2.840.113549.1.7.2";
const CONTENT_TYPE = "1.2.840.113549.1.9.3";
const MESSAGE_DIGEST = "1.2.840.113549.1.9.4";
const SIGNING_TIME = "1.2.840.113549.1.9.5";
const SIGNING_CERTIFICATE = "1.2.840.113549.1.9.16.2.12";
const SIGNING_CERTIFICATE_V2 = "1.2.840.113549.1.9.16.2.47";
const WHERE = "CMS";

/** SignedData as it was read; nothing is verified yet. */
export interface Signed {
  readonly contentType: string;
  readonly content: Uint8Array | null;
  readonly certificates: readonly Certificate[];
  readonly digestAlgorithm: string;
  readonly signatureAlgorithm: string;
  readonly signature: Uint8Array;
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** The signed attributes as the signature is over them. */
  readonly signed: Uint8Array;
  readonly issuerAndSerial: { issuer: Uint8Array; serial: bigint } | null;
  readonly keyId: Uint8Array | null;
}

export function parseSigned(data: Uint8Array): Signed {
  if (data.length > SIZE_MAX) throw new Malformed(WHERE, `longer than ${SIZE_MAX} bytes`);
  const outside = new Reader(data, WHERE);
  const info = outside.open(der.SEQUENCE);
  outside.end();
  if (info.oid() !== SIGNED_DATA) throw info.wrong("not SignedData");
  const explicit = info.open(der.context(0));
  info.end();
  const reader = explicit.open(der.SEQUENCE);
  explicit.end();
  const version = reader.integer();
  const listed = elements(reader.open(der.SET));
  const { contentType, content } = parseContent(reader.open(der.SEQUENCE));
  const enclosed = reader.optional(der.context(0));
  const certificates = (enclosed ? elements(enclosed) : [])
    .filter((each) => each[0] === der.SEQUENCE)
    .map(parseCertificate);
  reader.optional(der.context(1)); // Revocation lists: only the verifier's own count.
  const signers = reader.open(der.SET);
  reader.end();
  const signer = signers.open(der.SEQUENCE);
  signers.end();
  const signed = { contentType, content, certificates, ...parseSigner(signer) };
  // Nobody signs these two, so they have one spelling or are refused.
  if (version !== (contentType === DATA && !signed.keyId ? 1n : 3n))
    throw reader.wrong("of another version than its contents");
  const digesting = listed.map((each) => readAlgorithm(new Reader(each, WHERE)));
  if (!digesting.includes(signed.digestAlgorithm))
    throw reader.wrong("the signer's digest algorithm is not listed");
  return signed;
}

/** The certificate whose key signed `content`; throws `BadSignature`. */
export function verifySigner(
  signed: Signed,
  content: Uint8Array,
  others: readonly Certificate[],
): Certificate {
  const leaf = findSigner(signed, others);
  const attribute = (name: string) => signed.attributes.get(name);
  const type = attribute(CONTENT_TYPE);
  if (!type || asOid(type) !== signed.contentType)
    throw new BadSignature("signed as another type of content");
  const named = attribute(MESSAGE_DIGEST);
  if (!named || !equal(asOctets(named), digest(signed.digestAlgorithm, content)))
    throw new BadSignature("signed over other content");
  checkCertificateDigest(signed.attributes, leaf);
  const algorithm = signedWith(signed.signatureAlgorithm, signed.digestAlgorithm);
  verify(leaf.publicKey, algorithm, signed.signed, signed.signature);
  return leaf;
}

function asOid(data: Uint8Array): string | null {
  return data[0] === der.OID ? new Reader(data, WHERE).oid() : null;
}

function asOctets(data: Uint8Array): Uint8Array {
  return new Reader(data, WHERE).content(der.OCTET_STRING);
}

function parseContent(reader: Reader): { contentType: string; content: Uint8Array | null } {
  const contentType = reader.oid();
  const explicit = reader.optional(der.context(0));
  const content = explicit?.content(der.OCTET_STRING) ?? null;
  explicit?.end();
  reader.end();
  return { contentType, content };
}

function elements(reader: Reader): Uint8Array[] {
  const found: Uint8Array[] = [];
  while (reader.tag !== null) {
    found.push(reader.whole());
    if (found.length > CERTIFICATES_MAX) throw reader.wrong(`more than ${CERTIFICATES_MAX} in one list`);
  }
  return found;
}

function parseSigner(reader: Reader) {
  const version = reader.integer();
  const named = reader.optional(der.SEQUENCE);
  const issuerAndSerial = named && { issuer: named.whole(der.SEQUENCE), serial: named.integer() };
  named?.end();
  const keyId = named ? null : reader.content(der.context(0, false));
  if (version !== (keyId ? 3n : 1n)) throw reader.wrong("a signer of another version than its name");
  const digestAlgorithm = readAlgorithm(reader);
  if (!isDigest(digestAlgorithm)) throw reader.wrong(`digest algorithm ${digestAlgorithm} is not known here`);
  const raw = reader.whole(der.context(0));
  const attributes = parseAttributes(new Reader(raw, WHERE).open(der.context(0)));
  const signatureAlgorithm = readAlgorithm(reader);
  const signature = reader.content(der.OCTET_STRING);
  reader.optional(der.context(1)); // Not signed: a renewal may stand here one day.
  reader.end();
  const claimed = attributes.get(SIGNING_TIME);
  if (claimed) new Reader(claimed, WHERE).certificateTime();
  const signed = concat(Uint8Array.of(der.SET), raw.subarray(1));
  return { issuerAndSerial, keyId, digestAlgorithm, attributes, signatureAlgorithm, signature, signed };
}

function parseAttributes(reader: Reader): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const each of reader.each(der.SEQUENCE)) {
    const name = each.oid();
    const values = each.open(der.SET);
    each.end();
    if (found.has(name)) throw each.wrong(`the signed attribute ${name} twice`);
    found.set(name, values.whole());
    values.end();
  }
  return found;
}

function findSigner(signed: Signed, others: readonly Certificate[]): Certificate {
  const { issuerAndSerial: named, keyId } = signed;
  const found = [...signed.certificates, ...others].find((each) =>
    named
      ? equal(named.issuer, each.issuer) && named.serial === each.serial
      : keyId && each.keyId && equal(keyId, each.keyId),
  );
  if (!found) throw new BadSignature("the signer's certificate is neither enclosed nor given");
  return found;
}

/** The signed attribute must name this certificate: with SHA-1 only where nothing newer does. */
function checkCertificateDigest(attributes: ReadonlyMap<string, Uint8Array>, leaf: Certificate): void {
  const [newer, older] = [attributes.get(SIGNING_CERTIFICATE_V2), attributes.get(SIGNING_CERTIFICATE)];
  const value = newer ?? older;
  if (!value) throw new BadSignature("it does not say which certificate the signer means");
  const first = new Reader(value, WHERE).open(der.SEQUENCE).open(der.SEQUENCE).open(der.SEQUENCE);
  let expected: Uint8Array = sha1(leaf.der);
  if (newer) {
    // The default is often spelled out all the same.
    const algorithm = first.tag === der.SEQUENCE ? readAlgorithm(first) : SHA256;
    if (!isDigest(algorithm)) throw new BadSignature(`digest algorithm ${algorithm} is not known here`);
    expected = digest(algorithm, leaf.der);
  }
  if (hex(first.content(der.OCTET_STRING)) !== hex(expected))
    throw new BadSignature("signed for another certificate than the one at hand");
}
