/** A ZIP archive from a hostile hand, read strictly (docs/bundle-format.md, section 3).
 *
 * Two readers of one archive can see different files. So every byte of an archive is accounted for
 * before any of it is inflated: local header, data [descriptor], ..., directory, end; each local
 * header says what the directory says. */

import { equal, startsWith } from "../evidence/bytes.ts";
import { Broken, type FlawKey, Flaws, judgeName } from "./flaws.ts";
import { BAGIT, DIRECTORY_SIZE_MAX, ENTRIES_MAX, RATIO_FREE_SIZE, RATIO_MAX } from "./layout.ts";

const CHUNK_SIZE = 1 << 20;
const ENCRYPTED = 0x0001;
const DESCRIPTOR = 0x0008;
const ALLOWED_FLAGS = DESCRIPTOR | 0x0006 | 0x0800;
/** Info-ZIP's Unicode path and comment: a second name, which some readers prefer. */
const RENAMING = [0x7075, 0x6375];
const COMMENT_MAX = 0xffff;
const FULL_16 = 0xffff;
const FULL_32 = 0xffffffff;
const STORED = 0;
const DEFLATED = 8;
const UNIX = 3;
const [LOCAL_SIZE, CENTRAL_SIZE, END_SIZE, END_64_SIZE, LOCATOR_SIZE] = [30, 46, 22, 56, 20];
const [REGULAR, FOLDER, LINK, KIND] = [0o100000, 0o040000, 0o120000, 0o170000];

/** Where a bundle lies: an archive or a folder. `sizes` has every file that can be read. */
export interface Bag {
  readonly flaws: Flaws;
  readonly sizes: ReadonlyMap<string, number>;
  /** The bytes of a file in pieces; throws `Broken` if they are not there or damaged. */
  chunks(path: string): AsyncGenerator<Uint8Array>;
}

/** What a browser calls a file, as far as it is needed: also bytes in memory. */
export interface Source {
  readonly size: number;
  slice(start: number, end: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

interface Entry {
  readonly name: Uint8Array;
  readonly text: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  readonly offset: number;
  readonly host: number;
  readonly attributes: number;
}

async function read(source: Source, at: number, size: number): Promise<DataView> {
  if (at < 0 || at + size > source.size) throw new Broken("NOT_A_ZIP");
  try {
    return new DataView(await source.slice(at, at + size).arrayBuffer());
  } catch {
    throw new Broken("UNREADABLE");
  }
}

export class Archive implements Bag {
  private constructor(
    private readonly source: Source,
    readonly flaws: Flaws,
    private readonly entries: ReadonlyMap<string, Entry>,
    private readonly starts: ReadonlyMap<number, number>,
    readonly sizes: ReadonlyMap<string, number>,
  ) {}

  static async open(source: Source): Promise<Archive> {
    const [offset, entries] = await directory(source);
    const starts = await account(source, entries, offset);
    const flaws = new Flaws();
    const found = sortOut(entries, flaws);
    const sizes = new Map([...found].map(([path, entry]) => [path, entry.size]));
    return new Archive(source, flaws, found, starts, sizes);
  }

  async *chunks(path: string): AsyncGenerator<Uint8Array> {
    const entry = this.entries.get(path) as Entry;
    let size = 0;
    let crc = 0;
    for await (const piece of entry.method === STORED ? this.stored(entry) : this.inflated(entry, path)) {
      size += piece.length;
      crc = crc32(piece, crc);
      if (size > entry.size) throw new Broken("CORRUPT", path);
      yield piece;
    }
    if (size !== entry.size || crc !== entry.crc) throw new Broken("CORRUPT", path);
  }

  private async *stored(entry: Entry): AsyncGenerator<Uint8Array> {
    let at = this.starts.get(entry.offset) as number;
    for (const end = at + entry.packed; at < end; at += CHUNK_SIZE) {
      const piece = await read(this.source, at, Math.min(CHUNK_SIZE, end - at));
      yield new Uint8Array(piece.buffer);
    }
  }

  /** By the browser, which refuses data that break off and data after their end. */
  private async *inflated(entry: Entry, path: string): AsyncGenerator<Uint8Array> {
    const inflating = new DecompressionStream("deflate-raw");
    const writing = this.feed(entry, inflating.writable.getWriter());
    const reader = inflating.readable.getReader();
    try {
      for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
      await writing;
    } catch (error) {
      throw error instanceof Broken ? error : new Broken("CORRUPT", path);
    } finally {
      writing.catch(() => undefined);
      reader.cancel().catch(() => undefined);
    }
  }

  private async feed(entry: Entry, writer: WritableStreamDefaultWriter<BufferSource>): Promise<void> {
    for await (const piece of this.stored(entry)) await writer.write(piece as Uint8Array<ArrayBuffer>);
    await writer.close();
  }
}

/** The entries that are files of the bundle and may be read, by their paths in its folder. */
function sortOut(entries: readonly Entry[], flaws: Flaws): Map<string, Entry> {
  const top = topOf(entries);
  const found = new Map<string, Entry>();
  const folders = new Set<string>();
  for (const entry of entries) {
    const [first, ...rest] = entry.text.split("/");
    const path = rest.join("/");
    const outside = first === top ? null : "ROOTS";
    const flaw = judgeName(entry.text.replace(/\/+$/, "")) ?? judge(entry) ?? outside;
    if (flaw) flaws.add(flaw, entry.text);
    else if (entry.text.endsWith("/")) folders.add(path.replace(/\/+$/, ""));
    else if (found.has(path)) flaws.add("DUPLICATE", path);
    else found.set(path, entry);
  }
  for (const path of [...folders].sort()) if (found.has(path)) flaws.add("BOTH", path);
  return found;
}

/** The folder in which the bundle lies; some tools add others of their own. */
function topOf(entries: readonly Entry[]): string {
  const places = entries.map((entry) => entry.text.split("/"));
  const tops = new Set(places.flatMap(([top, ...rest]) => (rest.join("/") === BAGIT ? [top] : [])));
  if (tops.size !== 1) throw new Broken(tops.size ? "ROOTS" : "NOT_A_BUNDLE");
  return [...tops][0];
}

/** What is wrong with one entry, or nothing. */
function judge(entry: Entry): FlawKey | null {
  const isFolder = entry.text.endsWith("/");
  const kind = entry.host === UNIX ? (entry.attributes >>> 16) & KIND : 0;
  if (entry.flags & ENCRYPTED) return "ENCRYPTED";
  if (entry.flags & ~ALLOWED_FLAGS || ![STORED, DEFLATED].includes(entry.method)) return "METHOD";
  if (kind === LINK) return "LINK";
  if (![0, REGULAR, FOLDER].includes(kind) || (kind === FOLDER && !isFolder)) return "SPECIAL";
  // Nothing, deflated, takes two bytes.
  if (isFolder && (entry.size || entry.packed > (entry.method === DEFLATED ? 2 : 0))) return "SPECIAL";
  if (entry.method === STORED && entry.size !== entry.packed) return "HEADERS";
  return entry.size > Math.max(RATIO_FREE_SIZE, RATIO_MAX * entry.packed) ? "EXPANDS" : null;
}

// The directory

async function directory(source: Source): Promise<[number, Entry[]]> {
  const { count, size, offset, end } = await endOf(source);
  if (count > ENTRIES_MAX || size > DIRECTORY_SIZE_MAX) throw new Broken("TOO_MANY");
  if (offset + size !== end) throw new Broken(offset + size < end ? "PREPENDED" : "NOT_A_ZIP");
  if (count === 0) throw new Broken("NOT_A_BUNDLE");
  return [offset, parseLines(await read(source, offset, size), count)];
}

interface End {
  count: number;
  size: number;
  offset: number;
  end: number;
}

async function endOf(source: Source): Promise<End> {
  if (source.size < END_SIZE) throw new Broken("NOT_A_ZIP");
  const at = source.size - END_SIZE;
  const view = await read(source, at, END_SIZE);
  if (view.getUint32(0) !== 0x504b0506 || view.getUint16(20, true)) {
    const start = Math.max(0, at - COMMENT_MAX);
    const tail = new Uint8Array((await read(source, start, source.size - start)).buffer);
    const magic = Uint8Array.of(0x50, 0x4b, 5, 6);
    throw new Broken(tail.some((_, n) => startsWith(tail, magic, n)) ? "APPENDED" : "NOT_A_ZIP");
  }
  const here = view.getUint16(8, true);
  const [count, size, offset] = [view.getUint16(10, true), view.getUint32(12, true), view.getUint32(16, true)];
  if ([here, count].includes(FULL_16) || [size, offset].includes(FULL_32)) return endOf64(source, at);
  if (view.getUint32(4) || here !== count) throw new Broken("METHOD");
  return { count, size, offset, end: at };
}

/** The same, from the fields of 64 bits that then stand before it. */
async function endOf64(source: Source, end: number): Promise<End> {
  const at = end - LOCATOR_SIZE;
  if (at < END_64_SIZE) throw new Broken("NOT_A_ZIP");
  const locator = await read(source, at, LOCATOR_SIZE);
  if (locator.getUint32(0) !== 0x504b0607 || locator.getUint32(4) || locator.getUint32(16, true) !== 1)
    throw new Broken("NOT_A_ZIP");
  const place = number64(locator, 8);
  if (place !== at - END_64_SIZE) throw new Broken(place < at - END_64_SIZE ? "PREPENDED" : "NOT_A_ZIP");
  const view = await read(source, place, END_64_SIZE);
  if (view.getUint32(0) !== 0x504b0606 || number64(view, 4) !== END_64_SIZE - 12)
    throw new Broken("NOT_A_ZIP");
  const count = number64(view, 32);
  if (view.getUint32(16) || view.getUint32(20) || number64(view, 24) !== count) throw new Broken("METHOD");
  return { count, size: number64(view, 40), offset: number64(view, 48), end: place };
}

function number64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function parseLines(view: DataView, count: number): Entry[] {
  const data = new Uint8Array(view.buffer);
  const found: Entry[] = [];
  let at = 0;
  for (let n = 0; n < count; n++) {
    if (at + CENTRAL_SIZE > data.length) throw new Broken("NOT_A_ZIP");
    const u16 = (offset: number) => view.getUint16(at + offset, true);
    const u32 = (offset: number) => view.getUint32(at + offset, true);
    const [nameSize, extraSize, commentSize] = [u16(28), u16(30), u16(32)];
    const nameAt = at + CENTRAL_SIZE;
    const name = data.subarray(nameAt, nameAt + nameSize);
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(name);
    const next = nameAt + nameSize + extraSize + commentSize;
    if (view.getUint32(at) !== 0x504b0102 || next > data.length) throw new Broken("NOT_A_ZIP");
    if (commentSize || u16(34)) throw new Broken("METHOD", text);
    const extra = data.subarray(nameAt + nameSize, nameAt + nameSize + extraSize);
    const [size, packed, offset] = widened(extra, [u32(24), u32(20), u32(42)]);
    found.push({
      name, text, size, packed, offset,
      flags: u16(8), method: u16(10), crc: u32(16), host: u16(4) >> 8, attributes: u32(38),
    });
    at = next;
  }
  if (at !== data.length) throw new Broken("BETWEEN");
  return found;
}

/** The numbers with those from the ZIP64 field in place of the full ones. */
function widened(extra: Uint8Array, numbers: number[]): number[] {
  const field = extraFields(extra).get(1);
  const wanted = numbers.flatMap((number, place) => (number === FULL_32 ? [place] : []));
  if (field && wanted.length && field.byteLength >= 8 * wanted.length)
    wanted.forEach((place, n) => (numbers[place] = number64(field, 8 * n)));
  return numbers;
}

function extraFields(extra: Uint8Array): Map<number, DataView> {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.length);
  const found = new Map<number, DataView>();
  for (let at = 0; at < extra.length; ) {
    if (at + 4 > extra.length) throw new Broken("HEADERS");
    const [kind, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    at += 4;
    if (at + size > extra.length || found.has(kind)) throw new Broken("HEADERS");
    if (RENAMING.includes(kind)) throw new Broken("METHOD");
    found.set(kind, new DataView(extra.buffer, extra.byteOffset + at, size));
    at += size;
  }
  return found;
}

// Every byte before it

/** Where the data of each entry begin, by its offset: entry after entry, nothing between. */
async function account(source: Source, entries: readonly Entry[], end: number): Promise<Map<number, number>> {
  const starts = new Map<number, number>();
  let at = 0;
  for (const entry of [...entries].sort((a, b) => a.offset - b.offset)) {
    if (entry.offset !== at) throw new Broken(at ? "BETWEEN" : "PREPENDED", entry.text);
    const start = await checkLocal(source, entry);
    starts.set(at, start);
    at = start + entry.packed;
    if (at > end) throw new Broken("BETWEEN", entry.text);
    if (entry.flags & DESCRIPTOR) at += await descriptorSize(source, entry, at, end);
  }
  if (at !== end) throw new Broken("BETWEEN");
  return starts;
}

/** Where the data begin, after a local header that says what the directory says. */
async function checkLocal(source: Source, entry: Entry): Promise<number> {
  const head = await read(source, entry.offset, LOCAL_SIZE);
  const u16 = (at: number) => head.getUint16(at, true);
  const u32 = (at: number) => head.getUint32(at, true);
  const [nameSize, extraSize] = [u16(26), u16(28)];
  const rest = new Uint8Array((await read(source, entry.offset + LOCAL_SIZE, nameSize + extraSize)).buffer);
  const [size, packed] = widened(rest.subarray(nameSize), [u32(22), u32(18)]);
  const said = [u32(14), packed, size];
  const later = Boolean(u16(6) & DESCRIPTOR) && said.every((each) => each === 0);
  const agrees = [entry.crc, entry.packed, entry.size].every((each, n) => each === said[n]);
  const same =
    u16(6) === entry.flags && u16(8) === entry.method && equal(rest.subarray(0, nameSize), entry.name);
  if (head.getUint32(0) !== 0x504b0304 || !same || !(agrees || later))
    throw new Broken("HEADERS", entry.text);
  return entry.offset + LOCAL_SIZE + nameSize + extraSize;
}

/** The length of the descriptor behind the data, in one of its four spellings. */
async function descriptorSize(source: Source, entry: Entry, at: number, end: number): Promise<number> {
  const found = new Uint8Array((await read(source, at, Math.min(24, end - at))).buffer);
  for (const wide of [true, false]) {
    if (!wide && Math.max(entry.packed, entry.size) > FULL_32) continue;
    const spelled = new DataView(new ArrayBuffer(wide ? 24 : 16));
    spelled.setUint32(0, 0x504b0708);
    spelled.setUint32(4, entry.crc, true);
    [entry.packed, entry.size].forEach((number, n) =>
      wide
        ? spelled.setBigUint64(8 + 8 * n, BigInt(number), true)
        : spelled.setUint32(8 + 4 * n, number, true),
    );
    const marked = new Uint8Array(spelled.buffer);
    for (const each of [marked, marked.subarray(4)]) if (startsWith(found, each)) return each.length;
  }
  throw new Broken("HEADERS", entry.text);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n >>> 0;
});

function crc32(data: Uint8Array, before: number): number {
  let crc = ~before;
  for (let at = 0; at < data.length; at++) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ data[at]) & 255];
  return ~crc >>> 0;
}

/** A bundle that was unpacked, as a browser hands over a directory: files by their paths in it. */
export class Folder implements Bag {
  readonly flaws = new Flaws();
  readonly sizes: ReadonlyMap<string, number>;

  constructor(private readonly files: ReadonlyMap<string, Source>) {
    if (files.size > ENTRIES_MAX) throw new Broken("TOO_MANY");
    this.sizes = new Map([...files].map(([path, file]) => [path, file.size]));
  }

  async *chunks(path: string): AsyncGenerator<Uint8Array> {
    const file = this.files.get(path) as Source;
    for (let at = 0; at < file.size; at += CHUNK_SIZE) {
      const piece = await read(file, at, Math.min(CHUNK_SIZE, file.size - at));
      yield new Uint8Array(piece.buffer);
    }
  }
}
