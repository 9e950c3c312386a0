/** The RFC 6962 tree over SHA-256: inclusion and consistency (RFC 9162, 2.1.3.2 and 2.1.4.2).
 * Sizes go up to 2^53, so positions are halved by division: shifts would cut them to 32 bits. */

import { concat, equal } from "./bytes.ts";
import { sha256 } from "./digests.ts";
import { BadPath } from "./malformed.ts";

export const PATH_MAX = 63;

export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(0), entry));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(1), left, right));
}

const half = (n: number): number => Math.floor(n / 2);
const odd = (n: number): boolean => n % 2 === 1;

/** On which side each sibling of a walk stands, and how far the walk is from the top at its end. */
export function sides(position: number, last: number, count: number): ["L" | "R", number][] {
  const found: ["L" | "R", number][] = [];
  for (let n = 0; n < count; n++) {
    const before = last;
    if (odd(position) || position === last) {
      found.push(["L", before]);
      while (position && !odd(position)) [position, last] = [half(position), half(last)];
    } else {
      found.push(["R", before]);
    }
    [position, last] = [half(position), half(last)];
  }
  found.push(["L", last]);
  return found;
}

/** The sides of a path that has exactly the length of the way to the root. */
function walk(position: number, last: number, count: number): ("L" | "R")[] {
  const steps = sides(position, last, count);
  const [, top] = steps.pop() as ["L" | "R", number];
  if (steps.some(([, before]) => before === 0)) throw new BadPath("the path is too long");
  if (top !== 0) throw new BadPath("the path is too short");
  return steps.map(([side]) => side);
}

export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  path: readonly Uint8Array[],
  root: Uint8Array,
): void {
  if (index < 0 || index >= size) throw new BadPath(`leaf ${index} is not in a tree of size ${size}`);
  const way = walk(index, size - 1, path.length);
  const found = path.reduce(
    (below, each, n) => (way[n] === "L" ? nodeHash(each, below) : nodeHash(below, each)),
    leaf,
  );
  if (!equal(found, root)) throw new BadPath("the path leads to another root");
}

export function verifyConsistency(
  oldSize: number,
  oldRoot: Uint8Array,
  newSize: number,
  newRoot: Uint8Array,
  path: readonly Uint8Array[],
): void {
  if (!(0 < oldSize && oldSize <= newSize))
    throw new BadPath(`no path leads from size ${oldSize} to size ${newSize}`);
  if (oldSize === newSize) {
    if (path.length || !equal(oldRoot, newRoot))
      throw new BadPath("one size has one root and needs no path");
    return;
  }
  let [position, last] = [oldSize - 1, newSize - 1];
  while (odd(position)) [position, last] = [half(position), half(last)];
  // A complete old tree is itself the first subtree, and the path leaves it out.
  const [start, ...rest] = position ? path : [oldRoot, ...path];
  if (!start) throw new BadPath("the path is too short");
  const way = walk(position, last, rest.length);
  let [before, after] = [start, start];
  rest.forEach((each, n) => {
    if (way[n] === "L") [before, after] = [nodeHash(each, before), nodeHash(each, after)];
    else after = nodeHash(after, each);
  });
  if (!equal(before, oldRoot) || !equal(after, newRoot))
    throw new BadPath("the path leads to another root");
}
