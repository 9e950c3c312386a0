/** Evidence numbers (`EV`, date, ordinal, check digits) and times as they are printed. */

import { Malformed } from "./malformed.ts";

export const ORDINAL_MAX = 10 ** 12 - 1;
/** The year 10000 in UTC+8, in seconds. */
export const TIME_S_END = 253_402_272_000;
const BEIJING_MS = 8 * 3600 * 1000;
const NUMBER = /^EV([0-9]{8})([0-9]{12})-([0-9]{2})$/;

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

export function formatNumber(blockTimeMs: number, ordinal: number): string {
  const day = iso(blockTimeMs + BEIJING_MS).slice(0, 10).replaceAll("-", "");
  return withCheck(day + String(ordinal).padStart(12, "0"));
}

/** Its check digits are right. */
export function checkNumber(text: string, where = "evidence number"): void {
  const match = NUMBER.exec(text);
  if (!match) throw new Malformed(where, "not EV, 20 digits, a hyphen and 2 check digits");
  if (withCheck(match[1] + match[2]) !== text) throw new Malformed(where, "check digits are wrong");
}

function withCheck(digits: string): string {
  const check = 98n - ((BigInt(`1431${digits}`) * 100n) % 97n);
  return `EV${digits}-${String(check).padStart(2, "0")}`;
}

export function formatSeconds(timeS: number): string {
  const [local, utc] = [timeS * 1000 + BEIJING_MS, timeS * 1000].map((each) =>
    iso(each).slice(0, 19).replace("T", " "),
  );
  return `${local} 北京时间 UTC+8 (${utc} UTC)`;
}

export function formatMilliseconds(timeMs: number): string {
  const [local, utc] = [timeMs + BEIJING_MS, timeMs].map((each) =>
    iso(each).slice(0, 23).replace("T", " "),
  );
  return `${local} 北京时间 UTC+8 (${utc} UTC)`;
}
