/** Signed notes (c2sp.org/signed-note) and verifier keys. */

import { concat, decode, encode, equal, hex, readBase64, writeBase64 } from "./bytes.ts";
import { sha256 } from "./digests.ts";
import { PublicKey } from "./keys.ts";
import { Malformed } from "./malformed.ts";

export const TYPE_ED25519 = 0x01;
export const TYPE_COSIGNATURE = 0x04;
const TYPE_ML_DSA_44 = 0x06;
export const TYPE_OTHER = 0xff;
const KEY_ID_SIZE = 4;
export const SIGNATURES_MAX = 100;
const NOTE_SIZE_MAX = 1_000_000;
const NAME_LENGTH_MAX = 255;
const VKEY_LENGTH_MAX = 8192;
const LINE_START = "\u2014 ";
/** Unicode's White_Space, written out so that no version of a table decides. */
const NAME =
  /^[^\0-\x20+\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ud800-\udfff]+$/u;
const KEY_SIZES: Record<number, number> = {
  [TYPE_ED25519]: 32,
  [TYPE_COSIGNATURE]: 32,
  [TYPE_ML_DSA_44]: 1312,
};

/** One signature: whose it claims to be, and the bytes its type defines. */
export interface SignatureLine {
  readonly name: string;
  readonly keyId: string;
  readonly payload: Uint8Array;
}

export interface Note {
  readonly text: Uint8Array;
  readonly signatures: readonly SignatureLine[];
}

/** A key with the name it signs under; `key` includes the identifier where the type is ff. */
export class Vkey {
  readonly keyId: string;

  constructor(
    readonly name: string,
    readonly type: number,
    readonly key: Uint8Array,
  ) {
    const typed = concat(encode(`${name}\n`), Uint8Array.of(type), key);
    this.keyId = hex(sha256(typed).subarray(0, KEY_ID_SIZE));
  }

  get text(): string {
    return `${this.name}+${this.keyId}+${writeBase64(concat(Uint8Array.of(this.type), this.key))}`;
  }

  signed(line: SignatureLine): boolean {
    return line.name === this.name && line.keyId === this.keyId;
  }
}

export function formatLine(line: SignatureLine): Uint8Array {
  const id = Uint8Array.from({ length: KEY_ID_SIZE }, (_, n) =>
    parseInt(line.keyId.slice(2 * n, 2 * n + 2), 16),
  );
  return encode(`${LINE_START}${line.name} ${writeBase64(concat(id, line.payload))}\n`);
}

export function formatNote(note: Note): Uint8Array {
  return concat(note.text, encode("\n"), ...note.signatures.map(formatLine));
}

export function parseNote(data: Uint8Array): Note {
  if (data.length > NOTE_SIZE_MAX) throw new Malformed("note", `longer than ${NOTE_SIZE_MAX} bytes`);
  if (data.some((each) => each < 0x20 && each !== 0x0a))
    throw new Malformed("note", "a control character other than line feed");
  const text = decode(data, "note");
  const end = text.lastIndexOf("\n\n");
  if (end < 0 || !text.endsWith("\n") || end + 2 === text.length)
    throw new Malformed("note", "not a text, an empty line and signature lines");
  const lines = text.slice(end + 2, -1).split("\n");
  if (lines.length > SIGNATURES_MAX)
    throw new Malformed("note", `more than ${SIGNATURES_MAX} signatures`);
  return { text: encode(text.slice(0, end + 1)), signatures: lines.map(parseLine) };
}

/** One signature line without its line feed. */
export function parseLine(line: string): SignatureLine {
  if (!line.startsWith(LINE_START)) throw new Malformed("signature line", "does not start with a dash");
  const rest = line.slice(LINE_START.length);
  const space = rest.indexOf(" ");
  if (space < 0) throw new Malformed("signature line", "no signature after the name");
  const name = rest.slice(0, space);
  checkName("signature line", name);
  const signature = readBase64("signature line", rest.slice(space + 1));
  if (signature.length <= KEY_ID_SIZE)
    throw new Malformed("signature line", "no signature after the key id");
  return {
    name,
    keyId: hex(signature.subarray(0, KEY_ID_SIZE)),
    payload: signature.subarray(KEY_ID_SIZE),
  };
}

export function parseVkey(text: string): Vkey {
  if ([...text].length > VKEY_LENGTH_MAX) throw new Malformed("vkey", "too long");
  const [name, rest] = cut(text, "+");
  const [id, encoded] = cut(rest, "+");
  checkName("vkey", name);
  const typed = readBase64("vkey", encoded);
  if (typed.length < 2) throw new Malformed("vkey", "no key");
  const vkey = new Vkey(name, typed[0], typed.subarray(1));
  if (vkey.keyId !== id) throw new Malformed("vkey", "the key id is not that of this name and key");
  if (vkey.key.length !== (KEY_SIZES[vkey.type] ?? vkey.key.length))
    throw new Malformed("vkey", `${vkey.key.length} bytes are no key of its type`);
  if (vkey.type === TYPE_ED25519 || vkey.type === TYPE_COSIGNATURE)
    new PublicKey("ed25519", vkey.key); // Refuses what may not be enrolled.
  return vkey;
}

export function cut(text: string, at: string): [string, string] {
  const place = text.indexOf(at);
  return place < 0 ? [text, ""] : [text.slice(0, place), text.slice(place + at.length)];
}

export function sameLine(a: SignatureLine, b: SignatureLine): boolean {
  return a.name === b.name && a.keyId === b.keyId && equal(a.payload, b.payload);
}

function checkName(where: string, name: string): void {
  if (!NAME.test(name) || [...name].length > NAME_LENGTH_MAX)
    throw new Malformed(where, "a name is empty, too long or holds a space, a plus or a control character");
}
