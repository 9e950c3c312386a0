/** Steps 7 and 8: what tokens and signatures are worth, given roots from outside. A result that does not
 * rest on one of them does not exist. */

import words from "../words.json";
import { BadSignature, Malformed } from "../evidence/malformed.ts";
import type { Code, Said } from "../evidence/verdict.ts";
import { SM2_SM3, verify } from "./algorithms.ts";
import { type Certificate, maySign, nameText, parseCertificates } from "./certificate.ts";
import { type Anchors, findPath, NotValidThen, readAnchors, RevokedBefore, Untrusted } from "./chain.ts";
import { DATA, parseSigned, verifySigner } from "./cms.ts";
import { BadTimestamp, verifyResponse } from "./timestamp.ts";

/** A token or signature that does not hold: why, and the code it gives. */
export class NotValid extends Error {
  readonly zh: string;

  constructor(
    readonly code: Code,
    why: string,
  ) {
    super(why);
    this.zh = `${words.codes[code].zh}（${why}）`;
  }
}

export interface Stamp {
  readonly timeMs: number;
  readonly accuracyMs: number;
  readonly authority: string;
  readonly independent: boolean;
}

export interface Signatory {
  readonly subject: string;
  readonly notes: readonly Said[];
}

/** A root as it was brought along: `tsa*` for timestamps, `platform*` for signatures, others for both. */
export interface Root {
  readonly name: string;
  readonly pem: Uint8Array;
}

export class Vouching {
  readonly tsaRoots: readonly Uint8Array[];
  readonly platformRoots: readonly Uint8Array[];
  private enclosed: readonly Certificate[] = [];

  constructor(
    roots: readonly Root[],
    private readonly nowS: number,
  ) {
    this.tsaRoots = roots.filter((each) => !each.name.startsWith("platform")).map((each) => each.pem);
    this.platformRoots = roots.filter((each) => !each.name.startsWith("tsa")).map((each) => each.pem);
  }

  /** Certificates of the bundle, to find a way with; those that cannot be read help nobody. */
  enclose(files: readonly Uint8Array[]): void {
    this.enclosed = files.flatMap((pem) => {
      try {
        return parseCertificates(pem);
      } catch (error) {
        if (error instanceof Malformed) return [];
        throw error;
      }
    });
  }

  stamp(body: Uint8Array, response: Uint8Array): Stamp | NotValid {
    return this.attempt("V401", () => {
      const found = verifyResponse(response, body, readAnchors(this.tsaRoots), this.enclosed);
      const { timeMs, accuracyMs, authority, isOwn } = found;
      return { timeMs, accuracyMs, authority: nameText(authority.subject), independent: !isOwn };
    });
  }

  signature(
    suite: "P-256" | "SM2",
    message: Uint8Array,
    signature: Uint8Array,
    atMs: number,
  ): Signatory | NotValid {
    return this.attempt("V304", () => {
      const anchors = readAnchors(this.platformRoots);
      const atS = Math.floor(atMs / 1000);
      if (suite === "SM2") return this.counted(this.signerOf(message, signature), this.enclosed, anchors, atS);
      const signed = parseSigned(signature);
      if (signed.content || signed.contentType !== DATA)
        throw new BadSignature("not a detached signature");
      const leaf = verifySigner(signed, message, this.enclosed);
      return this.counted(leaf, [...signed.certificates, ...this.enclosed], anchors, atS);
    });
  }

  private attempt<T>(code: Code, check: () => T): T | NotValid {
    try {
      return check();
    } catch (error) {
      if (error instanceof RevokedBefore) return new NotValid("V302", error.message);
      if (error instanceof NotValidThen) return new NotValid("V301", error.message);
      const known = [BadSignature, Malformed, Untrusted, BadTimestamp];
      if (known.some((kind) => error instanceof kind)) return new NotValid(code, (error as Error).message);
      throw error;
    }
  }

  /** The one enclosed certificate whose key made a raw signature, which does not say whose. */
  private signerOf(message: Uint8Array, signature: Uint8Array): Certificate {
    for (const each of this.enclosed) {
      try {
        verify(each.publicKey, SM2_SM3, message, signature);
        return each;
      } catch (error) {
        if (!(error instanceof BadSignature)) throw error;
      }
    }
    throw new BadSignature("no enclosed certificate's key made this signature");
  }

  private counted(
    leaf: Certificate,
    others: readonly Certificate[],
    anchors: Anchors,
    atS: number,
  ): Signatory {
    if (!maySign(leaf)) throw new BadSignature(`${nameText(leaf.subject)} is not for signatures`);
    const path = findPath(leaf, others, anchors, atS);
    const said = words.signature_notes;
    const notes: Said[] = [];
    if (path.certificates.some((each) => each.notAfterS < this.nowS)) notes.push(said.EXPIRED_SINCE);
    if (path.revokedLater) notes.push(said.REVOKED_SINCE);
    if (!path.revocationKnown) notes.push(said.REVOCATION_UNKNOWN);
    return { subject: nameText(leaf.subject), notes };
  }
}
