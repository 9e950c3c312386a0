/** What can be wrong with a package, each with a name (step 0), and names as a hostile hand gives them. */

import type { Said } from "../evidence/verdict.ts";
import words from "../words.json";

export type FlawKey = keyof typeof words.flaws;
const SHOWN_MAX = 5;
const NAME_SHOWN_MAX = 120;

/** A flaw after which there is nothing to read on: of the whole package, or of one file. */
export class Broken extends Error {
  constructor(
    readonly flaw: FlawKey,
    readonly place = "",
  ) {
    super(`${flaw} ${shown(place)}`);
  }
}

/** The flaws found so far: of each kind the first few places, and how many there are. */
export class Flaws {
  private readonly found = new Map<FlawKey, { places: string[]; count: number }>();

  add(flaw: FlawKey, place = ""): void {
    const entry = this.found.get(flaw) ?? { places: [], count: 0 };
    entry.count++;
    if (place && entry.places.length < SHOWN_MAX) entry.places.push(shown(place));
    this.found.set(flaw, entry);
  }

  get any(): boolean {
    return this.found.size > 0;
  }

  /** In the order of the list of flaws, with places and what is not told of them. */
  *told(): Generator<Said & { key: FlawKey }> {
    for (const [key, said] of Object.entries(words.flaws) as [FlawKey, Said][]) {
      const entry = this.found.get(key);
      if (!entry) continue;
      const places = entry.places.join(", ");
      const more = entry.count - entry.places.length;
      const [zhMore, enMore] = places && more ? [`，另有 ${more} 处`, `, and ${more} more`] : ["", ""];
      yield {
        key,
        zh: (places ? `${said.zh}：${places}` : said.zh) + zhMore,
        en: (places ? `${said.en}: ${places}` : said.en) + enMore,
      };
    }
  }
}

/** A hostile name on one line, in letters that cannot do anything. */
export function shown(name: string): string {
  const text = name.replace(/[^ -~]|\\/g, (each) => {
    const code = each.charCodeAt(0);
    if (each === "\\") return "\\\\";
    return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
  return text.length <= NAME_SHOWN_MAX ? text : `${text.slice(0, NAME_SHOWN_MAX)}...`;
}

const GOOD = /^(?!\.\.?(?:\/|$))[A-Za-z0-9._-]+(?:\/(?!\.\.?(?:\/|$))[A-Za-z0-9._-]+)*$/;
const CONTROL = /[\0-\x1f\x7f-\x9f\u2028\u2029]/;
/** Characters that reorder text, join or hide: a reader sees another name than the program. */
const DIRECTION = /[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;

/** What is wrong with the path of a file, or nothing. */
export function judgeName(path: string): FlawKey | null {
  if (GOOD.test(path)) return null;
  if (CONTROL.test(path)) return "CONTROL";
  if (DIRECTION.test(path)) return "DIRECTION";
  if (/^[/\\]|^[A-Za-z]:/.test(path) || path.split(/[/\\]/).includes("..")) return "OUTSIDE";
  if (path.includes("\\")) return "BACKSLASH";
  return /^[\0-\x7f]*$/.test(path) ? "CHARACTERS" : "NOT_ASCII";
}

/** What is wrong with names beside each other. */
export function* judgeNames(paths: Iterable<string>): Generator<[FlawKey, string]> {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const key = path.normalize("NFC").toLowerCase();
    const other = seen.get(key);
    if (other !== undefined) yield [other === path ? "DUPLICATE" : "COLLIDING", path];
    seen.set(key, path);
  }
  for (const [key, path] of seen) {
    const parts = key.split("/");
    if (parts.some((_, n) => n > 0 && seen.has(parts.slice(0, n).join("/")))) yield ["BOTH", path];
  }
}
