/** certificate.pdf in a bundle: whether it goes with certificate.json, and what its signature is over
 * (docs/bundle-format.md, section 7). Nothing here reads PDF: a signature that covers all of the file but
 * its own place vouches for every byte that a reader of PDF may come to see. */

import { binary, concat, equal, fromHex, LF } from "../evidence/bytes.ts";
import type { Said } from "../evidence/verdict.ts";

const BYTE_RANGE = "/ByteRange";
const SUBFILTER = "/ETSI.CAdES.detached";
const RANGE = /\/ByteRange \[0 ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9}) ([1-9][0-9]{0,9})\]/g;
const GAP = /^<(3082(?:[0-9a-f]{2})+|3082(?:[0-9A-F]{2})+)>$/;
const HEADER_SIZE = 4;

/** The PDF has or had a signature, which is not over all of it. */
export class NotCovered extends Error {
  constructor(readonly said: Said) {
    super(said.en);
  }
}

export interface SignedPart {
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Whether certificate.json lies in the PDF, byte for byte: one line of it, and only one. */
export function ofCertificate(pdf: Uint8Array, data: Uint8Array): boolean {
  let count = 0;
  for (let at = 0; at <= pdf.length; ) {
    const next = pdf.indexOf(LF, at);
    const end = next < 0 ? pdf.length : next;
    if (end - at === data.length && equal(pdf.subarray(at, end), data)) count++;
    at = end + 1;
  }
  return data.length > 0 && count === 1;
}

/** What the one signature of the PDF is over; null if there is none. Throws `NotCovered`. */
export function signedPart(pdf: Uint8Array): SignedPart | null {
  const text = binary(pdf);
  const count = (what: string) => text.split(what).length - 1;
  if (!count(BYTE_RANGE) && !count(SUBFILTER)) return null;
  const found = [...text.matchAll(RANGE)];
  if (found.length !== 1 || count(BYTE_RANGE) !== 1 || count(SUBFILTER) !== 1)
    throw new NotCovered({
      zh: "PDF 签名损坏或不止一个", en: "the PDF's signature is damaged, or not its only one",
    });
  const [start, end, rest] = found[0].slice(1).map(Number);
  if (end + rest !== pdf.length)
    throw new NotCovered({
      zh: "PDF 签名未覆盖整个文件，其后可能有追加的数据",
      en: "the PDF's signature does not cover the whole file: something may have been appended",
    });
  const gap = start < end ? GAP.exec(text.slice(start, end)) : null;
  const held = fromHex(gap?.[1].toLowerCase() ?? "");
  const size = HEADER_SIZE + (held[2] << 8) + held[3];
  if (!gap || size > held.length || held.subarray(size).some((each) => each))
    throw new NotCovered({
      zh: "PDF 签名值的写法与签名程序所写不同，可能被改动",
      en: "the signature in the PDF is not spelled as a signer writes it",
    });
  const message = concat(pdf.subarray(0, start), pdf.subarray(end));
  return { message, signature: held.subarray(0, size) };
}
