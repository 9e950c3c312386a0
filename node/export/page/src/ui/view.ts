/** What a judge sees of a result: the answer, what it does not prove, every step, the times. */

import words from "../words.json";
import type { CheckedBundle } from "../bundle/checking.ts";
import { hex } from "../evidence/bytes.ts";
import type { Hashed } from "../evidence/digests.ts";
import type { Member } from "../evidence/members.ts";
import { formatMilliseconds, formatSeconds } from "../evidence/number.ts";
import {
  type AnswerKey, answerOf, type Code, type Facts, type Finding, isConsistent, type Language, type Outcome,
  type PointKey, type Said, type Verdict,
} from "../evidence/verdict.ts";
import { type Child, h } from "./dom.ts";
import { MARKS, other, OUTCOMES, repeat, STEPS, TEXT } from "./text.ts";

export const VERSION = "0.1.0";

/** A result with all that is printed with it. */
export interface Result {
  readonly bundle: CheckedBundle | null;
  readonly verdict: Verdict | null;
  readonly file: Hashed | null;
  readonly names: readonly string[];
  readonly unmatched: readonly string[];
  readonly fingerprint: string | null;
  readonly atMs: number;
}

/** One part of a result with steps of its own: the package, or a deposit. */
interface Part {
  readonly title: Said;
  readonly code: Code | null;
  readonly findings: readonly Finding[];
  readonly steps: readonly number[];
  readonly facts: Facts | null;
  readonly file: Hashed | null;
  readonly number: string;
}

export function showResult(result: Result, language: Language): HTMLElement {
  return new View(result, language).whole();
}

class View {
  private readonly parts: readonly Part[];

  constructor(
    private readonly result: Result,
    private readonly language: Language,
  ) {
    this.parts = partsOf(result);
  }

  private say(said: Said): string {
    return said[this.language];
  }

  whole(): HTMLElement {
    return h(
      "div", { class: "result" },
      h("p", { class: "record" }, `${this.say(TEXT.record)} · ${formatMilliseconds(this.result.atMs)}`),
      h(
        "div", { class: "top" },
        h("div", { class: "answer" }, this.banner(), this.timeline()),
        h("aside", { class: "limits" }, this.notProven(), this.points()),
      ),
      ...this.parts.map((part) => this.part(part)),
      this.given(),
    );
  }

  // The answer

  private get code(): Code {
    const { bundle, verdict, unmatched } = this.result;
    if (unmatched.length) return "V101";
    return bundle ? bundle.code : (verdict as Verdict).code;
  }

  private banner(): HTMLElement {
    const answer: AnswerKey = answerOf(this.code);
    const [first, second] = [this.language, other(this.language)];
    const { repaired } = this.result.verdict ?? {};
    return h(
      "section", { class: "banner", "data-answer": answer, "data-code": this.code },
      h("span", { class: "mark", "aria-hidden": "true" }, MARKS[answer]),
      h(
        "div", {},
        h("h2", { id: "answer", tabindex: "-1" }, words.answers[answer][first]),
        h("p", { class: "second", lang: second }, words.answers[answer][second]),
        h("p", { class: "code" }, h("b", {}, this.code), ` ${words.codes[this.code][first]}`),
        answer === "NOT_DEPOSITED_BYTES" && h("p", {}, this.say(words.notices.RESAVING)),
        this.result.unmatched.length > 0 &&
          h("p", {}, this.say(TEXT.unmatched) + this.result.unmatched.join(", ")),
        repaired &&
          h("p", {}, `${this.say(TEXT.repaired)} ${repaired.code} ${words.codes[repaired.code][first]}`),
        // A fingerprint that was forgotten, or mistyped, is no reason to begin anew.
        (answer === "COULD_NOT_CHECK" || this.code === "V206") && h("button", { type: "button", id: "back" }, this.say(TEXT.back)),
      ),
    );
  }

  private notProven(): HTMLElement {
    return h(
      "section", { class: "box not-proven" },
      h("h3", {}, this.say(TEXT.notProven)),
      h("p", {}, this.say(isConsistent(this.code) ? words.notices.SCOPE : TEXT.nothingShown)),
      isConsistent(this.code) && h("p", {}, this.say(words.notices.NO_LATER_THAN)),
    );
  }

  private points(): HTMLElement {
    const { bundle, verdict } = this.result;
    const verdicts = bundle ? bundle.deposits.map((each) => each.verdict) : [verdict as Verdict];
    const keys = [...new Set(verdicts.flatMap((each) => each.points))].sort();
    const line = (key: PointKey) =>
      h("li", {}, h("b", {}, key), ` ${this.say(words.open_points[key])}`);
    return h(
      "section", { class: "box points" },
      h("h3", {}, this.say(TEXT.openPoints)),
      keys.length ? h("ul", {}, ...keys.map(line)) : h("p", {}, this.say(TEXT.noPoints)),
    );
  }

  // Times

  private timeline(): Child {
    const part = this.parts.find((each) => each.facts);
    const facts = part?.facts;
    if (!facts) return null;
    const many = this.parts.filter((each) => each.facts).length > 1;
    const times: [Said, number][] = [
      [TEXT.claimed, facts.claimedAtMs],
      [TEXT.accepted, facts.acceptedAtMs],
      [TEXT.block, facts.blockTimeMs],
      ...(facts.sealTimeS === null ? [] : [[TEXT.seal, facts.sealTimeS * 1000] as [Said, number]]),
      [TEXT.now, this.result.atMs],
    ];
    const point = ([said, timeMs]: [Said, number], n: number) => {
      const [day, clock] = formatMilliseconds(timeMs).split(" ");
      const apart = n ? timeMs - times[n - 1][1] : 0;
      return h(
        "li", { class: said === TEXT.seal ? "counts" : "" },
        n > 0 && h("span", { class: apart < 0 ? "gap back" : "gap" }, this.duration(apart)),
        h("span", { class: "what" }, this.say(said)),
        h("time", { datetime: new Date(timeMs).toISOString() }, h("b", {}, clock.slice(0, 8)), ` ${day}`),
      );
    };
    return h(
      "section", { class: "times" },
      h("h3", {}, this.say(TEXT.timeline), many && ` · ${part.number}`),
      this.isUnproven(part) && h("p", { class: "unproven" }, this.say(TEXT.unproven)),
      h("ol", { class: "timeline" }, ...times.map(point)),
    );
  }

  /** Whether what the proof says of itself was not verified, or does not hold. */
  private isUnproven({ code }: Part): boolean {
    return code !== null && !isConsistent(code) && answerOf(code) !== "NOT_DEPOSITED_BYTES";
  }

  private duration(ms: number): string {
    const sign = ms < 0 ? "−" : "+";
    const units: [number, Said][] = [
      [86_400_000, { zh: "天", en: " d" }],
      [3_600_000, { zh: "小时", en: " h" }],
      [60_000, { zh: "分", en: " min" }],
      [1000, { zh: "秒", en: " s" }],
    ];
    const [size, unit] = units.find(([each]) => Math.abs(ms) >= each) ?? units[3];
    const value = (Math.abs(ms) / size).toFixed(size === 1000 ? 1 : 0);
    return `${sign}${value}${this.say(unit)}`;
  }

  // Steps

  private part(part: Part): HTMLElement {
    const many = this.parts.length > 3;
    const open = !many || (part.code !== null && !["V000", "V001"].includes(part.code));
    return h(
      "details", { class: "part", open },
      h(
        "summary", {},
        h("h3", {}, this.say(part.title)),
        part.code && h("span", { class: "verdict", "data-answer": answerOf(part.code) },
          `${MARKS[answerOf(part.code)]} ${part.code} ${this.say(words.codes[part.code])}`),
        this.glance(part),
      ),
      h("ol", { class: "steps" }, ...part.steps.map((step) => this.row(part, step))),
      this.factsOf(part),
    );
  }

  /** Every step as its number and a mark, so that a closed part tells what is in it. */
  private glance(part: Part): HTMLElement {
    const told = part.steps.map((step) => [step, outcomeOf(findingsOf(part, step))] as const);
    const spoken = told.map(([step, outcome]) => `${step} ${this.say(OUTCOMES[outcome].word)}`).join(", ");
    return h(
      "span", { class: "glance", role: "img", "aria-label": `${this.say(TEXT.steps)}: ${spoken}` },
      ...told.map(([step, outcome]) =>
        h("i", { "data-outcome": outcome }, h("b", {}, String(step)), OUTCOMES[outcome].mark)),
    );
  }

  private row(part: Part, step: number): HTMLElement {
    const findings = findingsOf(part, step);
    const outcome = outcomeOf(findings);
    const { mark, word } = OUTCOMES[outcome];
    const facts = part.facts;
    const title =
      step === 5 && facts
        ? `${this.say(STEPS[step])} · ${facts.signed.length}/${facts.signed.length + facts.later.length + facts.missing.length}`
        : this.say(STEPS[step]);
    return h(
      "li", { class: "step", "data-step": String(step), "data-outcome": outcome },
      h("span", { class: "no", "aria-hidden": "true" }, String(step)),
      h("span", { class: "outcome" }, h("i", { "aria-hidden": "true" }, mark), ` ${this.say(word)}`),
      h(
        "div", { class: "said" },
        h("b", {}, h("span", { class: "sr" }, `${this.say(TEXT.step)} ${step}: `), title),
        ...findings.map((each) =>
          h("p", { class: each.outcome.replace(" ", "-") },
            `${OUTCOMES[each.outcome].mark} ${each.code ? `${each.code} ` : ""}${this.say(each)}`),
        ),
        h(
          "details", { class: "repeat" },
          h("summary", {}, this.say(TEXT.repeat)),
          h("pre", {}, repeat(step, part.number, this.result.bundle !== null)),
        ),
      ),
    );
  }

  // Facts

  private factsOf(part: Part): Child {
    const { facts, file } = part;
    const compared: [Said | string, string][] = file
      ? [
          ["SHA-256", hex(file.sha256)],
          ["SM3", hex(file.sm3)],
          [TEXT.size, file.size.toLocaleString("en")],
        ]
      : [];
    const rows: [Said | string, string][] = [];
    if (facts) {
      const category = words.categories[facts.category as keyof typeof words.categories];
      rows.push(
        [TEXT.number, facts.number],
        [TEXT.seal, facts.sealTimeS === null ? "–" : formatSeconds(facts.sealTimeS)],
        [TEXT.block, formatMilliseconds(facts.blockTimeMs)],
        [TEXT.cosigned, this.organisations([...facts.signed, ...facts.later])],
        [TEXT.missing, this.organisations(facts.missing)],
        [TEXT.quorum, String(facts.quorum)],
        [TEXT.fingerprint, facts.fingerprint],
        [TEXT.entryHash, hex(facts.entryHash)],
        [TEXT.tree, String(facts.treeSize)],
        [TEXT.category, category ? this.say(category) : facts.category],
        [TEXT.chain, facts.origin],
      );
    }
    const unproven = facts && this.isUnproven(part);
    return h(
      "div", {},
      compared.length > 0 && this.list(compared),
      unproven && h("p", { class: "unproven" }, this.say(TEXT.unproven)),
      rows.length > 0 && this.list(rows),
    );
  }

  private organisations(members: readonly Member[]): string {
    return members.map((each) => `${each.organisation} (${each.name})`).join(", ") || "–";
  }

  private given(): HTMLElement {
    const { names, fingerprint, file, bundle } = this.result;
    const rows: [Said | string, string][] = [
      [TEXT.given, names.join(", ")],
      [TEXT.typed, fingerprint ?? this.say(TEXT.none)],
      [TEXT.made, `${formatMilliseconds(this.result.atMs)} (${this.say(TEXT.clock)})`],
      [TEXT.tool, `verify.html ${VERSION}`],
    ];
    if (bundle?.contents) rows.push(["contents-sha256.txt SHA-256", hex(bundle.contents)]);
    if (file && bundle) rows.push(["SHA-256", hex(file.sha256)]);
    const signature = h(
      "p", { class: "signature" },
      h("span", {}, this.say(TEXT.signature)), h("span", {}, this.say(TEXT.date)),
    );
    return h("section", { class: "given" }, this.list(rows), signature);
  }

  private list(rows: readonly [Said | string, string][]): HTMLElement {
    const name = (each: Said | string) => (typeof each === "string" ? each : this.say(each));
    return h(
      "dl", { class: "facts" },
      ...rows.map(([key, value]) => h("div", {}, h("dt", {}, name(key)), h("dd", {}, ...grouped(value)))),
    );
  }
}

function findingsOf(part: Part, step: number): readonly Finding[] {
  return part.findings.filter((each) => each.step === step);
}

/** A digest in groups of 8, to compare by eye; what is copied has no gaps. */
function grouped(value: string): Child[] {
  if (!/^[0-9a-f]{64}$/.test(value)) return [value];
  return [h("span", { class: "digest" }, ...(value.match(/.{8}/g) ?? []).map((part) => h("i", {}, part)))];
}

function outcomeOf(findings: readonly Finding[]): Outcome {
  if (findings.some((each) => each.outcome === "failed")) return "failed";
  return findings.length && findings.every((each) => each.outcome === "passed") ? "passed" : "not checked";
}

function partsOf({ bundle, verdict, file }: Result): Part[] {
  const [proofSteps, all] = [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6, 7, 8]];
  const ofVerdict = (each: Verdict, number: string, steps: readonly number[], compared: Hashed | null) => ({
    title: { zh: `${TEXT.deposit.zh} ${number}`, en: `${TEXT.deposit.en} ${number}` },
    code: each.code,
    findings: each.findings,
    steps: each.facts ? steps : [0],
    facts: each.facts,
    file: compared,
    number,
  });
  if (verdict) return [ofVerdict(verdict, verdict.facts?.number ?? "", proofSteps, file)];
  if (!bundle) return [];
  const deposits = bundle.deposits.map((each) => ofVerdict(each.verdict, each.number, all, each.file));
  const steps = [...new Set(bundle.findings.map((each) => each.step))];
  const whole = {
    title: TEXT.packageTitle, code: bundle.packageCode, findings: bundle.findings, steps,
    facts: null, file: null, number: bundle.deposits[0]?.number ?? "NO",
  };
  // What is wrong with the package is told before anything in it.
  return bundle.packageCode ? [whole, ...deposits] : [...deposits, whole];
}
