/** A bundle verified, in the numbered steps of docs/bundle-format.md, section 11. Every deposit has its
 * own verdict, the package its own findings, and the bundle's answer is the gravest of them. */

import { equal } from "../evidence/bytes.ts";
import type { Alg, Hashed } from "../evidence/digests.ts";
import { hashed } from "../evidence/digests.ts";
import { Malformed } from "../evidence/malformed.ts";
import type { Proof } from "../evidence/proof.ts";
import { parseProof } from "../evidence/proof_text.ts";
import { recordedDigests, steps } from "../evidence/steps.ts";
import {
  type AnswerKey, answerOf, type Code, failed, type Finding, isConsistent, passed, type PointKey,
  type Verdict,
} from "../evidence/verdict.ts";
import { verify } from "../evidence/verify.ts";
import type { Vouching } from "../signing/vouching.ts";
import type { Bag } from "./archive.ts";
import { agrees } from "./certified.ts";
import { depositFiles } from "./derived.ts";
import { Broken, Flaws } from "./flaws.ts";
import * as layout from "./layout.ts";
import { Outside, type Told } from "./outside.ts";
import { type Package, parseJsonLines, type Progress, readPackage } from "./package.ts";

/** What speaks against a file first. */
const GRAVEST: readonly AnswerKey[] = [
  "NOT_DEPOSITED_BYTES", "PROOF_NOT_VALID", "COULD_NOT_CHECK", "CONSISTENT_OPEN_POINTS", "CONSISTENT",
];
const OWN_ORDER: readonly Code[] = ["V102", "V106", "V207", "V401", "V304", "V301", "V302"];
const LATER: Record<string, PointKey> = { correction: "O10", invalidation: "O11" };

/** One deposit of a bundle and what came out. */
export interface CheckedDeposit {
  readonly number: string;
  readonly verdict: Verdict;
  readonly file: Hashed | null;
  readonly recorded: readonly (readonly [Alg, Uint8Array])[];
}

/** The result of a whole bundle; never reduced to yes or no. */
export interface CheckedBundle {
  readonly name: string | null;
  readonly flaws: readonly string[];
  readonly findings: readonly Finding[];
  readonly deposits: readonly CheckedDeposit[];
  readonly contents: Uint8Array | null;
  readonly packageCode: Code | null;
  readonly code: Code;
  /** Files brought along that no deposit of the bundle has on record, by their places. */
  readonly unmatched: readonly number[];
}

/** Files brought along: by evidence number, or to be found by their digests. */
export type Brought = ReadonlyMap<string, Hashed> | readonly Hashed[];

/** The result for whatever was handed over; every input gives one. The answer speaks of the files
 * brought along; originals that are enclosed are compared besides. */
export async function checkBundle(
  open: () => Promise<Bag>,
  anchor: string | null,
  vouching: Vouching,
  brought: Brought,
  progress: Progress,
): Promise<CheckedBundle> {
  try {
    const found = await readPackage(await open(), progress);
    return await check(found, await Outside.of(found, vouching), anchor, brought);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    const flaws = new Flaws();
    flaws.add(error.flaw, error.place);
    return conclude(null, flaws, [], [], null, []);
  }
}

async function check(
  found: Package,
  outside: Outside,
  anchor: string | null,
  brought: Brought,
): Promise<CheckedBundle> {
  const { numbers, flaws, info } = found;
  if (!numbers.length) flaws.add("MISSING", layout.RECORD);
  const originals = new Map<string, Hashed>();
  for (const [path, each] of found.hashed) {
    const number = layout.numberOfOriginal(path);
    if (number !== null) originals.set(number, each);
  }
  const { files, unmatched } = await assign(found, brought);
  const events = await eventPoints(found);
  const certificate: Told = info
    ? await outside.ofCertificate(layout.issuedAtMs(info.name))
    : { findings: [], points: [] };
  const deposits: CheckedDeposit[] = [];
  for (const number of numbers) {
    const compared = { inHand: files.get(number) ?? null, enclosed: originals.get(number) ?? null };
    const points = [...(events.get(number) ?? []), ...certificate.points];
    deposits.push(await checkDeposit(found, number, outside, anchor, compared, points));
  }
  const contents = found.hashed.get(layout.CONTENTS)?.sha256 ?? null;
  const told = deposits.map((each) => toldApart(each, deposits));
  return conclude(info?.name ?? null, flaws, certificate.findings, told, contents, unmatched);
}

/** Of which deposits the files are: of the only one, or of the one on whose record they are. */
async function assign(
  found: Package,
  brought: Brought,
): Promise<{ files: ReadonlyMap<string, Hashed>; unmatched: number[] }> {
  if (!Array.isArray(brought)) return { files: brought as ReadonlyMap<string, Hashed>, unmatched: [] };
  const files = new Map<string, Hashed>();
  const unmatched: number[] = [];
  const { numbers } = found;
  for (const [place, file] of (brought as readonly Hashed[]).entries()) {
    let number = numbers.length === 1 ? numbers[0] : undefined;
    for (const each of number === undefined ? numbers : [])
      if (isRecorded(await recordedBy(found, each), file)) number ??= each;
    if (number === undefined) unmatched.push(place);
    else files.set(number, file);
  }
  return { files, unmatched };
}

function isRecorded(recorded: readonly (readonly [Alg, Uint8Array])[], file: Hashed): boolean {
  return recorded.length > 0 && recorded.every(([alg, digest]) => equal(file[alg], digest));
}

async function recordedBy(found: Package, number: string): Promise<CheckedDeposit["recorded"]> {
  const data = await found.read(layout.record(number, "proof.txt"));
  try {
    return data ? recordedDigests(parseProof(data)) : [];
  } catch (error) {
    if (error instanceof Malformed) return [];
    throw error;
  }
}

function conclude(
  name: string | null,
  flaws: Flaws,
  certificate: readonly Finding[],
  deposits: readonly CheckedDeposit[],
  contents: Uint8Array | null,
  unmatched: readonly number[],
): CheckedBundle {
  const findings = [...packageFindings(flaws), ...certificate];
  const packageCode = gravest(findings.flatMap((each) => each.code ?? []));
  const codes = deposits.map((each) => each.verdict.code);
  const code = gravest([...codes, ...(packageCode ? [packageCode] : [])]) as Code;
  const keys = [...flaws.told()].map((each) => each.key);
  return { name, flaws: keys, findings, deposits, contents, packageCode, code, unmatched };
}

/** The first of those with the gravest answer. */
function gravest(codes: readonly Code[]): Code | null {
  const place = (code: Code) => GRAVEST.indexOf(answerOf(code));
  return codes.reduce<Code | null>(
    (worst, each) => (worst === null || place(each) < place(worst) ? each : worst),
    null,
  );
}

/** Step 0 of the package: every flaw, or that there is none. */
function packageFindings(flaws: Flaws): Finding[] {
  if (!flaws.any)
    return [
      passed(
        0, "证据包完整，各文件与清单一致",
        "the package is whole, and every file is the one its manifests list",
      ),
    ];
  return [...flaws.told()].map(({ key, zh, en }) =>
    failed(0, key === "UNREADABLE" || key === "NEWER" ? "V502" : "V207", zh, en),
  );
}

// One deposit

/** What is compared with a deposit; the answer speaks of the file in hand, if there is one. */
interface Compared {
  readonly inHand: Hashed | null;
  readonly enclosed: Hashed | null;
}

/** The original enclosed, where another file was in hand: it must not pass for the deposited. */
function enclosedFindings(proof: Proof, enclosed: Hashed): Finding[] {
  return [...steps(proof, null, enclosed)]
    .filter((each) => each.step === 1)
    .map((each) => ({
      ...each, zh: `证据包所附原件：${each.zh}`, en: `the original enclosed: ${each.en}`,
    }));
}

async function checkDeposit(
  found: Package,
  number: string,
  outside: Outside,
  anchor: string | null,
  { inHand, enclosed }: Compared,
  more: readonly PointKey[],
): Promise<CheckedDeposit> {
  const file = inHand ?? enclosed;
  const data = await found.read(layout.record(number, "proof.txt"));
  if (!data) {
    const finding = failed(
      0, "V207", "证据包中没有此编号的证明文件", "the bundle has no proof of this number",
    );
    const verdict: Verdict = { code: "V207", findings: [finding], points: [], facts: null, repaired: null };
    return { number, verdict, file, recorded: [] };
  }
  const verdict = verify(data, anchor, file);
  let proof: Proof;
  try {
    proof = parseProof(data);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return { number, verdict, file, recorded: [] };
  }
  const told = await outside.ofDeposit(proof);
  const points = [...new Set([...told.points, ...more, ...verdict.points])].sort();
  const flaws = depositFlaws(found, number, data, proof);
  for (const each of found.certified.get(number) ?? [])
    if (!agrees(each, proof)) flaws.add("CERTIFICATE", each.path);
  const derived = depositFindings(flaws);
  const findings = [...derived, ...verdict.findings, ...told.findings];
  if (inHand && enclosed) findings.push(...enclosedFindings(proof, enclosed));
  findings.sort((a, b) => a.step - b.step);
  const concluded = concludeDeposit(verdict, findings, points);
  return { number, verdict: concluded, file, recorded: recordedDigests(proof) };
}

/** The verdict of the proof, with what the bundle adds to it; what speaks against the proof or the file
 * stays first. */
function concludeDeposit(
  verdict: Verdict,
  findings: readonly Finding[],
  points: readonly PointKey[],
): Verdict {
  let { code } = verdict;
  if (isConsistent(code)) {
    const codes = findings.map((each) => each.code);
    code = OWN_ORDER.find((each) => codes.includes(each)) ?? (points.length ? "V001" : "V000");
  }
  return { ...verdict, code, findings, points };
}

/** A file that is not what was deposited under this number, but under another of the bundle: most often
 * two were taken for each other. */
function toldApart(deposit: CheckedDeposit, all: readonly CheckedDeposit[]): CheckedDeposit {
  const { verdict, file } = deposit;
  if (verdict.code !== "V102" || !file || isRecorded(deposit.recorded, file)) return deposit;
  const other = all.find(({ recorded }) => isRecorded(recorded, file));
  if (!other) return deposit;
  const finding = failed(
    1, "V103", `该文件与本证据包内编号 ${other.number} 的记录一致，而非本编号`,
    `it is the file recorded under ${other.number}, another number of this bundle`,
  );
  const findings = [...verdict.findings, finding].sort((a, b) => a.step - b.step);
  return { ...deposit, verdict: { ...verdict, code: "V103", findings } };
}

/** What its folders have that does not follow from its proof. */
function depositFlaws(found: Package, number: string, data: Uint8Array, proof: Proof): Flaws {
  const flaws = new Flaws();
  if (proof.number !== number) {
    flaws.add("NUMBER", number);
    return flaws;
  }
  const expected = depositFiles(data, proof);
  const real = new Map(found.folders.get(number));
  real.delete(layout.record(number, "declared.json"));
  for (const path of [...new Set([...expected.keys(), ...real.keys()])].sort()) {
    const [bytes, there] = [expected.get(path), real.get(path)];
    if (!there) flaws.add("MISSING", path);
    else if (!bytes || !equal(hashed(bytes).sha256, there.sha256)) flaws.add("DERIVED", path);
  }
  return flaws;
}

function depositFindings(flaws: Flaws): Finding[] {
  if (!flaws.any)
    return [
      passed(
        0, "供通用工具使用的文件均由证明文件得出", "all files for stock tools follow from the proof",
      ),
    ];
  return [...flaws.told()].map(({ zh, en }) => failed(0, "V207", zh, en));
}

/** What was registered on the numbers since, by the platform's word. */
async function eventPoints(found: Package): Promise<Map<string, PointKey[]>> {
  const points = new Map<string, PointKey[]>();
  try {
    const data = (await found.read(layout.EVENTS)) ?? new Uint8Array();
    for (const { evidence_no: number, type } of parseJsonLines(data, layout.EVENTS))
      if (typeof number === "string" && typeof type === "string" && Object.hasOwn(LATER, type))
        points.set(number, [...(points.get(number) ?? []), LATER[type]]);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error; // Told in step 0.
    points.clear();
  }
  return points;
}
