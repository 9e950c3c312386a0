/** Steps 7 and 8: what others than the chain's members vouch for (docs/bundle-format.md, section 7). */

import { equal } from "../evidence/bytes.ts";
import { type Checkpoint, parseCheckpoint } from "../evidence/checkpoint.ts";
import { BadPath, Malformed } from "../evidence/malformed.ts";
import { verifyConsistency } from "../evidence/merkle.ts";
import { formatMilliseconds } from "../evidence/number.ts";
import type { Proof } from "../evidence/proof.ts";
import { failed, type Finding, notChecked, passed, type PointKey } from "../evidence/verdict.ts";
import { NotValid, type Stamp, type Vouching } from "../signing/vouching.ts";
import { parseConsistency } from "./derived.ts";
import * as layout from "./layout.ts";
import type { Package } from "./package.ts";
import { NotCovered, signedPart } from "./paper.ts";

const ROOT_COPY = `${layout.CERTIFICATES}root-copy-`;

/** What the two steps add to a deposit's verdict, or step 8 of the certificate to all. */
export interface Told {
  readonly findings: readonly Finding[];
  readonly points: readonly PointKey[];
}

/** A checkpoint that is enclosed for this deposit, and does not go with it. */
class Contradicts extends Error {
  constructor(readonly size: number) {
    super();
  }
}

function noRoot([zh, en]: string[]): Finding {
  return notChecked(
    8, `未提供平台证书的外部根证书，未核验：${zh}`,
    `no root of the platform was given from outside, not checked: ${en}`,
  );
}

/** The tokens and signatures of one package, each checked once. */
export class Outside {
  private readonly stamps = new Map<number, Stamp | NotValid>();

  private constructor(
    private readonly found: Package,
    private readonly vouching: Vouching,
    private readonly bodies: ReadonlyMap<number, Uint8Array>,
  ) {}

  static async of(found: Package, vouching: Vouching): Promise<Outside> {
    const bodies = new Map<number, Uint8Array>();
    const enclosed: Uint8Array[] = [];
    for (const path of [...found.hashed.keys()].sort()) {
      const size = layout.sizeOfBody(path);
      if (size !== null) bodies.set(size, (await found.read(path)) as Uint8Array);
      // A copy of a root is only there to be looked at.
      if (path.startsWith(layout.CERTIFICATES) && path.endsWith(".pem") && !path.startsWith(ROOT_COPY))
        enclosed.push((await found.read(path)) as Uint8Array);
    }
    vouching.enclose(enclosed);
    return new Outside(found, vouching, new Map([...bodies].sort(([a], [b]) => a - b)));
  }

  /** Steps 7 and 8 of one deposit. */
  async ofDeposit(proof: Proof): Promise<Told> {
    const sizes: number[] = [];
    try {
      for (const size of this.bodies.keys()) if (await this.reaches(size, proof)) sizes.push(size);
    } catch (error) {
      if (!(error instanceof Contradicts)) throw error;
      const zh = `所附检查点（树大小 ${error.size}）与本存证的检查点不相容`;
      const en = `the checkpoint enclosed for ${error.size} does not contain this deposit's`;
      return { findings: [failed(7, "V401", zh, en)], points: [] };
    }
    const { finding, points, stamp } = await this.timestamp(sizes, proof);
    const sealMs = 1000 * (proof.sealTimeS ?? 0);
    const atMs = stamp ? Math.max(sealMs, stamp.timeMs) : sealMs;
    return { findings: [finding, ...(await this.signatures(sizes, atMs))], points };
  }

  /** Step 8 of the package: the platform's signatures over certificate.json, and the one in certificate.pdf.
   * Where no signature of one of the two was checked, that stays open. */
  async ofCertificate(issuedAtMs: number): Promise<Told> {
    const message = await this.found.read(layout.CERTIFICATE_JSON);
    const paths = [layout.CERTIFICATE_CMS, layout.CERTIFICATE_SM2];
    const [zh, en] = ["存证证书数据", "the certificate's data"];
    const data = message ? await this.both(message, paths, issuedAtMs, zh, en) : [];
    const pdf = await this.found.read(layout.CERTIFICATE_PDF);
    const pages = pdf ? [this.ofPdf(pdf, issuedAtMs)] : [];
    const unchecked = [data, pages].some(
      (part) => part.length && part.every((each) => each.outcome === "not checked"),
    );
    return { findings: [...data, ...pages], points: unchecked ? ["O16"] : [] };
  }

  /** Whether the body of this size contains the deposit's tree; `Contradicts` if it is said to and does
   * not. */
  private async reaches(size: number, proof: Proof): Promise<boolean> {
    const head = proof.sealed.checkpoint;
    const body = this.bodies.get(size) as Uint8Array;
    let later: Checkpoint;
    try {
      later = parseCheckpoint(body);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      throw new Contradicts(size);
    }
    if (later.size !== size) throw new Contradicts(size);
    if (size < head.size || later.origin !== head.origin) return false;
    if (size === head.size) {
      if (!equal(body, proof.sealed.body)) throw new Contradicts(size);
      return true;
    }
    const text = await this.found.read(layout.consistency(head.size, size));
    if (!text) return false;
    try {
      const path = parseConsistency(text, head.size, head.root, size);
      verifyConsistency(head.size, head.root, size, later.root, path);
    } catch (error) {
      if (error instanceof BadPath || error instanceof Malformed) throw new Contradicts(size);
      throw error;
    }
    return true;
  }

  // (7)

  private async timestamp(
    sizes: readonly number[],
    proof: Proof,
  ): Promise<{ finding: Finding; points: PointKey[]; stamp: Stamp | null }> {
    const size = sizes.find((each) => this.found.hashed.has(layout.token(each)));
    if (size === undefined) {
      const finding = notChecked(7, "未附可信时间戳", "no trusted timestamp reaches this deposit");
      return { finding, points: ["O08"], stamp: null };
    }
    if (!this.vouching.tsaRoots.length) {
      const zh = "附有可信时间戳，但未提供时间戳机构的外部根证书";
      const en = "a timestamp is enclosed, but no root of its authority was given from outside";
      return { finding: notChecked(7, zh, en), points: ["O14"], stamp: null };
    }
    const stamp = await this.stamp(size);
    if (stamp instanceof NotValid) {
      const [zh, en] = [`时间戳不成立：${stamp.zh}`, `the timestamp does not hold: ${stamp.message}`];
      return { finding: failed(7, stamp.code, zh, en), points: [], stamp: null };
    }
    const points: PointKey[] = stamp.independent ? [] : ["O03"];
    if (stamp.timeMs + stamp.accuracyMs + proof.policy.skewMs < proof.entry.timeMs) points.push("O15");
    const time = formatMilliseconds(stamp.timeMs);
    const zh = `时间戳有效，证书链止于外部根证书：${time}，${stamp.authority}`;
    const en = `the timestamp holds and leads to a root from outside: ${time}, ${stamp.authority}`;
    return { finding: passed(7, zh, en), points, stamp };
  }

  private async stamp(size: number): Promise<Stamp | NotValid> {
    let stamp = this.stamps.get(size);
    if (!stamp) {
      const token = (await this.found.read(layout.token(size))) as Uint8Array;
      stamp = this.vouching.stamp(this.bodies.get(size) as Uint8Array, token);
      this.stamps.set(size, stamp);
    }
    return stamp;
  }

  // (8)

  private async signatures(sizes: readonly number[], atMs: number): Promise<Finding[]> {
    for (const size of sizes) {
      const paths = [layout.bodyCms(size), layout.bodySm2(size)];
      if (!paths.some((path) => this.found.hashed.has(path))) continue;
      const body = this.bodies.get(size) as Uint8Array;
      return this.both(body, paths, atMs, `检查点（树大小 ${size}）`, `the checkpoint of ${size}`);
    }
    return [
      notChecked(8, "未附平台对检查点的签名", "no signature of the platform over a checkpoint"),
    ];
  }

  /** The signatures of both suites over one thing, as far as they are there. */
  private async both(
    message: Uint8Array,
    paths: readonly string[],
    atMs: number,
    zh: string,
    en: string,
  ): Promise<Finding[]> {
    const found: Finding[] = [];
    for (const [n, suite] of (["P-256", "SM2"] as const).entries()) {
      const signature = await this.found.read(paths[n]);
      const what = [`平台对${zh}的 ${suite} 签名`, `the platform's ${suite} signature of ${en}`];
      if (!signature) found.push(notChecked(8, `未附${what[0]}`, `not enclosed: ${what[1]}`));
      else if (!this.vouching.platformRoots.length) found.push(noRoot(what));
      else found.push(this.signed(suite, message, signature, atMs, what));
    }
    return found;
  }

  /** The signature inside the certificate: whether it covers all of it, and whose it is. */
  private ofPdf(pdf: Uint8Array, atMs: number): Finding {
    const what = ["平台在存证证书 PDF 内的签名", "the platform's signature in the certificate PDF"];
    try {
      const part = signedPart(pdf);
      if (!part)
        return notChecked(
          8, "存证证书 PDF 未签名，页面文字未核验",
          "the certificate PDF is not signed: what its pages say was not checked",
        );
      if (!this.vouching.platformRoots.length) return noRoot(what);
      return this.signed("P-256", part.message, part.signature, atMs, what);
    } catch (error) {
      if (!(error instanceof NotCovered)) throw error;
      const { zh, en } = error.said;
      return failed(8, "V304", `不成立：${what[0]}（${zh}）`, `does not hold: ${what[1]} (${en})`);
    }
  }

  private signed(
    suite: "P-256" | "SM2",
    message: Uint8Array,
    signature: Uint8Array,
    atMs: number,
    [zh, en]: string[],
  ): Finding {
    const result = this.vouching.signature(suite, message, signature, atMs);
    if (result instanceof NotValid)
      return failed(8, result.code, `不成立：${zh}（${result.zh}）`, `does not hold: ${en} (${result.message})`);
    for (const note of result.notes) [zh, en] = [`${zh}；${note.zh}`, `${en}; ${note.en}`];
    return passed(8, `${zh}，${result.subject}`, `${en}, ${result.subject}`);
  }
}
