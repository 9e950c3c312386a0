/** DER (X.690) read strictly, forward, element by element: no recursion for anybody to exhaust. One
 * thing has one spelling; what BER allows besides is refused. */

import { bigEndian, binary, decode } from "../evidence/bytes.ts";
import { Malformed } from "../evidence/malformed.ts";

export const [BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL, OID] = [1, 2, 3, 4, 5, 6];
export const [UTF8_STRING, PRINTABLE_STRING, IA5_STRING] = [0x0c, 0x13, 0x16];
export const [UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET] = [0x17, 0x18, 0x30, 0x31];
const LENGTH_BYTES_MAX = 3;
const ELEMENTS_MAX = 10_000;

export function context(number: number, constructed = true): number {
  return 0x80 | (constructed ? 0x20 : 0) | number;
}

export class Reader {
  private at = 0;

  constructor(
    private readonly data: Uint8Array,
    readonly where: string,
  ) {}

  /** Of the next element; null at the end. */
  get tag(): number | null {
    return this.data[this.at] ?? null;
  }

  /** The next element as it stands; what is inside it is not looked at. */
  whole(tag?: number): Uint8Array {
    const start = this.at;
    this.content(tag);
    return this.data.subarray(start, this.at);
  }

  open(tag: number): Reader {
    return new Reader(this.content(tag), this.where);
  }

  optional(tag: number): Reader | null {
    return this.tag === tag ? this.open(tag) : null;
  }

  end(): void {
    if (this.at !== this.data.length) throw this.wrong("something follows where nothing may");
  }

  /** All elements that are left, each of this tag. */
  *each(tag: number): Generator<Reader> {
    for (let count = 1; this.tag !== null; count++) {
      if (count > ELEMENTS_MAX) throw this.wrong(`a list of more than ${ELEMENTS_MAX}`);
      yield this.open(tag);
    }
  }

  integer(tag = INTEGER): bigint {
    const content = this.content(tag);
    if (!content.length) throw this.wrong("an integer of no bytes");
    const [first, second] = content;
    if (content.length > 1 && (first === 0 || first === 255) && first >> 7 === second >> 7)
      throw this.wrong("an integer with a byte too many");
    return BigInt.asIntN(8 * content.length, bigEndian(content));
  }

  /** A truth value that is left out if it is false. */
  defaultFalse(): boolean {
    if (this.tag !== BOOLEAN) return false;
    const content = this.content(BOOLEAN);
    if (content.length !== 1 || content[0] !== 255) throw this.wrong("a boolean that is not ff");
    return true;
  }

  oid(): string {
    const content = this.content(OID);
    if (!content.length || content[content.length - 1] & 0x80)
      throw this.wrong("an object identifier that breaks off");
    const arcs: bigint[] = [];
    let arc = 0n;
    let fresh = true;
    for (const byte of content) {
      if (fresh && byte === 0x80) throw this.wrong("an object identifier with a byte too many");
      arc = (arc << 7n) | BigInt(byte & 0x7f);
      fresh = !(byte & 0x80);
      if (!fresh) continue;
      arcs.push(arc);
      arc = 0n;
    }
    const first = arcs[0] / 40n < 2n ? arcs[0] / 40n : 2n;
    return [first, arcs[0] - 40n * first, ...arcs.slice(1)].join(".");
  }

  /** A bit string and how many bits of its last byte are none of it. */
  bits(): [Uint8Array, number] {
    const content = this.content(BIT_STRING);
    if (!content.length || content[0] > 7 || (content[0] && content.length === 1))
      throw this.wrong("a bit string that is none");
    const unused = content[0];
    if (unused && content[content.length - 1] & ((1 << unused) - 1))
      throw this.wrong("a bit string with unused bits that are set");
    return [content.subarray(1), unused];
  }

  /** The numbers of the bits that are set in a list of flags. */
  namedBits(): Set<number> {
    const [data] = this.bits();
    if (data.length && data[data.length - 1] === 0) throw this.wrong("a list of flags that ends with none");
    const found = new Set<number>();
    data.forEach((byte, at) => {
      for (let bit = 0; bit < 8; bit++) if (byte & (0x80 >> bit)) found.add(8 * at + bit);
    });
    return found;
  }

  utf8(): string {
    return decode(this.content(UTF8_STRING), this.where);
  }

  /** A time, in milliseconds, rounded down. */
  generalizedTime(): number {
    const match = /^(\d{14})(?:\.(\d{0,11}[1-9]))?Z$/.exec(binary(this.content(GENERALIZED_TIME)));
    if (!match) throw this.wrong("a time that is not YYYYMMDDhhmmss[.f]Z");
    return this.timeMs(match[1]) + Number((match[2] ?? "0").slice(0, 3).padEnd(3, "0"));
  }

  /** A time as RFC 5280 has them, in seconds. */
  certificateTime(): number {
    if (this.tag === UTC_TIME) {
      const match = /^(\d{12})Z$/.exec(binary(this.content(UTC_TIME)));
      if (!match) throw this.wrong("a time that is not YYMMDDhhmmssZ");
      return this.timeMs((match[1] >= "50" ? "19" : "20") + match[1]) / 1000;
    }
    const timeMs = this.generalizedTime();
    if (timeMs % 1000) throw this.wrong("a time with a part of a second");
    return timeMs / 1000;
  }

  wrong(why: string): Malformed {
    return new Malformed(this.where, why);
  }

  private timeMs(digits: string): number {
    const iso = digits.replace(/^(....)(..)(..)(..)(..)(..)$/, "$1-$2-$3T$4:$5:$6.000Z");
    const time = Date.parse(iso);
    if (Number.isNaN(time) || new Date(time).toISOString() !== iso)
      throw this.wrong("a time that never was");
    return time;
  }

  content(tag?: number): Uint8Array {
    const { data } = this;
    let at = this.at;
    if (at + 2 > data.length) throw this.wrong("it breaks off");
    if ((data[at] & 0x1f) === 0x1f) throw this.wrong("a tag of more than one byte");
    if (tag !== undefined && data[at] !== tag)
      throw this.wrong(`tag ${data[at].toString(16)} where ${tag.toString(16)} must stand`);
    let size = data[at + 1];
    at += 2;
    if (size === 0x80) throw this.wrong("an indefinite length, which DER has not");
    if (size > 0x80) {
      const width = size & 0x7f;
      if (width > LENGTH_BYTES_MAX) throw this.wrong("a length of 16 MiB or more");
      size = Number(bigEndian(data.subarray(at, at + width)));
      if (at + width > data.length || size < 0x80 || size >> (8 * (width - 1)) === 0)
        throw this.wrong("a length that is not written as shortly as it can be");
      at += width;
    }
    if (at + size > data.length) throw this.wrong("it breaks off");
    this.at = at + size;
    return data.subarray(at, this.at);
  }
}
