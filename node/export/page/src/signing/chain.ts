/** Whether a certificate leads to a root that the verifier had from elsewhere, valid and not revoked at
 * the moment it was used. Certificates that came along only serve to find the way. */

import { binary, equal, hex } from "../evidence/bytes.ts";
import { BadSignature, Malformed } from "../evidence/malformed.ts";
import { verify } from "./algorithms.ts";
import {
  type Certificate, isListBy, KEY_CERT_SIGN, may, nameText, parseCertificates, parseRevocationLists,
  type Revocations,
} from "./certificate.ts";

const PATH_MAX = 6;
const TRIES_MAX = 64;
const ANY_PURPOSE = "2.5.29.37.0";

/** No path from this certificate to a root from outside. */
export class Untrusted extends Error {}
/** A certificate of the path had expired when it was used, or was not valid yet. */
export class NotValidThen extends Untrusted {}
/** A certificate of the path had been revoked when it was used. */
export class RevokedBefore extends Untrusted {}

export interface Anchors {
  readonly roots: readonly Certificate[];
  readonly revocations: readonly Revocations[];
}

/** A way that holds, from leaf to root. */
export interface Path {
  readonly certificates: readonly Certificate[];
  readonly revocationKnown: boolean;
  readonly revokedLater: boolean;
}

/** Roots and revocation lists out of PEM texts; a text that has neither is refused. */
export function readAnchors(texts: readonly Uint8Array[]): Anchors {
  const roots = new Map<string, Certificate>();
  const revocations: Revocations[] = [];
  for (const text of texts) {
    const lists = parseRevocationLists(text, "anchors");
    revocations.push(...lists);
    if (lists.length && !binary(text).includes("BEGIN CERTIFICATE-")) continue;
    for (const each of parseCertificates(text, "anchors")) roots.set(hex(each.der), each);
  }
  for (const root of roots.values())
    if (!root.isAuthority)
      throw new Malformed("anchors", `${nameText(root.subject)} is no certificate of an authority`);
  return { roots: [...roots.values()], revocations };
}

/** The way from `leaf` to one of the roots that held at `atS`; throws `Untrusted`. */
export function findPath(
  leaf: Certificate,
  enclosed: readonly Certificate[],
  anchors: Anchors,
  atS: number,
  purpose: string | null = null,
): Path {
  const search = new Search(enclosed, anchors, atS, purpose);
  checkUse(leaf, atS);
  const certificates = search.extend([leaf]);
  if (!certificates) throw search.fault;
  return search.judgeRevocations(certificates);
}

/** Depth first, roots before others; remembers why the last way led nowhere. */
class Search {
  fault = new Untrusted("no way was looked for");
  private tries = 0;

  constructor(
    private readonly enclosed: readonly Certificate[],
    private readonly anchors: Anchors,
    private readonly atS: number,
    private readonly purpose: string | null,
  ) {}

  extend(path: readonly Certificate[]): readonly Certificate[] | null {
    const last = path[path.length - 1];
    const isRoot = (each: Certificate) => this.anchors.roots.some((root) => equal(root.der, each.der));
    let found = false;
    for (const issuer of [...this.anchors.roots, ...this.enclosed]) {
      if (!equal(issuer.subject, last.issuer) || path.some((each) => equal(each.der, issuer.der))) continue;
      found = true;
      if (!this.issued(issuer, last, path.length - 1)) continue;
      if (isRoot(issuer)) return [...path, issuer];
      const whole = path.length < PATH_MAX - 1 ? this.extend([...path, issuer]) : null;
      if (whole) return whole;
    }
    if (!found)
      this.fault = new Untrusted(`nobody from outside or enclosed is ${nameText(last.issuer)}`);
    return null;
  }

  judgeRevocations(certificates: readonly Certificate[]): Path {
    let [revocationKnown, revokedLater] = [true, false];
    for (const [n, issuer] of certificates.slice(1).entries()) {
      const lists = this.anchors.revocations.filter((each) => isListBy(each, issuer));
      revocationKnown &&= lists.length > 0;
      for (const list of lists) {
        const since = list.revokedS.get(certificates[n].serial);
        if (since === undefined) continue;
        if (since <= this.atS)
          throw new RevokedBefore(`${nameText(certificates[n].subject)} was revoked before it was used`);
        revokedLater = true;
      }
    }
    return { certificates, revocationKnown, revokedLater };
  }

  /** Whether `issuer`, with so many authorities below it, issued this certificate. */
  private issued(issuer: Certificate, certificate: Certificate, below: number): boolean {
    const who = nameText(issuer.subject);
    try {
      checkUse(issuer, this.atS);
      if (!issuer.isAuthority || !may(issuer, KEY_CERT_SIGN))
        throw new Untrusted(`${who} may issue no certificates`);
      if (issuer.pathLength !== null && BigInt(below) > issuer.pathLength)
        throw new Untrusted(`${who} may not stand so high in a chain`);
      const { extended } = issuer;
      if (this.purpose && extended?.length && !extended.some((x) => x === this.purpose || x === ANY_PURPOSE))
        throw new Untrusted(`${who} is not for this purpose`);
      if (++this.tries > TRIES_MAX) throw new Untrusted(`more than ${TRIES_MAX} certificates look alike`);
      verify(issuer.publicKey, certificate.algorithm, certificate.signed, certificate.signature);
      return true;
    } catch (error) {
      if (error instanceof Untrusted) this.fault = error;
      else if (error instanceof BadSignature || error instanceof Malformed)
        this.fault = new Untrusted(`${nameText(certificate.subject)} was not issued by the ${who} at hand`);
      else throw error;
      return false;
    }
  }
}

function checkUse(certificate: Certificate, atS: number): void {
  const who = nameText(certificate.subject);
  if (atS < certificate.notBeforeS || atS > certificate.notAfterS)
    throw new NotValidThen(`${who} was not valid when it was used`);
  if (certificate.unknownCritical)
    throw new Untrusted(`${who} has the unknown extension ${certificate.unknownCritical}`);
}
