/** Every name in a bundle, which names may stand where, and how large things may be
 * (docs/bundle-format.md, sections 2 and 3). */

export const ENTRIES_MAX = 150_000;
export const DIRECTORY_SIZE_MAX = 48 << 20;
export const DEPOSITS_MAX = 999;
export const PATH_LENGTH_MAX = 255;
export const PARTS_MAX = 6;
const ORIGINAL_SIZE_MAX = 2 ** 44;
const FILE_SIZE_MAX = 64 << 20;
const JSON_SIZE_MAX = 4 << 20;
const CERTIFICATE_SIZE_MAX = 64 << 10;
export const CERTIFICATES_MAX = 64;
export const BODIES_MAX = 1_000;
const PROOF_FILE_SIZE_MAX = 4 << 20;
export const TOTAL_SIZE_MAX = 2 ** 30;
export const RATIO_MAX = 200;
export const RATIO_FREE_SIZE = 1 << 20;

export const BAGIT = "bagit.txt";
export const BAG_INFO = "bag-info.txt";
export const MANIFEST_SHA256 = "manifest-sha256.txt";
export const MANIFEST_SM3 = "manifest-sm3.txt";
export const TAG_MANIFEST = "tagmanifest-sha256.txt";
export const TAG_FILES = [BAG_INFO, BAGIT, MANIFEST_SHA256, MANIFEST_SM3];
export const PAYLOAD = "data/";
const CERTIFICATE = "data/00-certificate/";
export const EVIDENCE = "data/01-evidence/";
export const RECORD = "data/02-record/";
export const PROOFS = "data/03-proof/";
export const SIGNATURES = "data/04-signatures/";
export const TIMESTAMPS = "data/05-timestamps/";
export const CERTIFICATES = "data/06-certificates/";
const CUSTODY = "data/08-custody/";
const FREE = [
  "data/07-environment/", CUSTODY, "data/09-statements/", "data/10-dossier-17/",
  "data/11-open-issues/", "data/12-verify/",
];
const CORE = [RECORD, PROOFS, SIGNATURES, TIMESTAMPS, CERTIFICATES];
export const PLATFORM = `${SIGNATURES}platform/`;
export const CONTENTS = `${CERTIFICATE}contents-sha256.txt`;
export const EVIDENCE_LIST = `${CERTIFICATE}evidence-list.json`;
export const CERTIFICATE_PDF = `${CERTIFICATE}certificate.pdf`;
export const CERTIFICATE_JSON = `${CERTIFICATE}certificate.json`;
export const CERTIFICATE_CMS = `${CERTIFICATE_JSON}.p7s`;
export const CERTIFICATE_SM2 = `${CERTIFICATE_JSON}.sm2.sig`;
export const EMPTY = `${EVIDENCE}EMPTY.txt`;
export const EVENTS = `${CUSTODY}events.jsonl`;

const NUMBER = "EV[0-9]{20}-[0-9]{2}";
const SIZE = "(?:0|[1-9][0-9]{0,15})";
const NAME = "[A-Za-z0-9][A-Za-z0-9._-]*";
const ORIGINAL = new RegExp(`^${EVIDENCE}([0-9]{3})_(${NUMBER})\\.bin$`);
const EXHIBIT = new RegExp(`^${CERTIFICATE}([0-9]{3})_(${NUMBER})\\.(pdf|json)$`);
const BODY = new RegExp(`^${TIMESTAMPS}(${SIZE})\\.body$`);
const BAG_NAME = new RegExp(`^EVB_${NUMBER}_[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}$`);
const OF_DEPOSIT = new RegExp(`^data/0[234]-[a-z]+/(${NUMBER})/`);
const LITERAL = new Set([
  ...TAG_FILES, TAG_MANIFEST, CONTENTS, EVIDENCE_LIST, CERTIFICATE_PDF, CERTIFICATE_JSON,
  EMPTY, CERTIFICATE_CMS, CERTIFICATE_SM2, `${TIMESTAMPS}tsa-info.json`,
  `${CERTIFICATES}six-items.txt`,
]);
const KNOWN = [
  ORIGINAL,
  EXHIBIT,
  new RegExp(`^${RECORD}${NUMBER}/(?:proof\\.txt|details\\.json|declared\\.json)$`),
  new RegExp(`^(?:${PROOFS}|${SIGNATURES})${NUMBER}/${NAME}$`),
  new RegExp(`^${PLATFORM}${SIZE}\\.body\\.(?:p7s|sm2\\.sig)$`),
  new RegExp(`^${TIMESTAMPS}(?:${SIZE}\\.(?:body|tsq|tsr)|consistency-${SIZE}-${SIZE}\\.txt)$`),
  new RegExp(`^${CERTIFICATES}${NAME}\\.pem$`),
  new RegExp(`^(?:${FREE.join("|")})(?:${NAME}/){0,3}${NAME}$`),
];

export const record = (number: string, name: string): string => `${RECORD}${number}/${name}`;
export const proof = (number: string, name: string): string => `${PROOFS}${number}/${name}`;
export const signature = (number: string, name: string): string => `${SIGNATURES}${number}/${name}`;
export const token = (size: number): string => `${TIMESTAMPS}${size}.tsr`;
export const consistency = (old: number, size: number): string =>
  `${TIMESTAMPS}consistency-${old}-${size}.txt`;
export const bodyCms = (size: number): string => `${PLATFORM}${size}.body.p7s`;
export const bodySm2 = (size: number): string => `${PLATFORM}${size}.body.sm2.sig`;

export function original(place: number, number: string): string {
  return `${EVIDENCE}${String(place).padStart(3, "0")}_${number}.bin`;
}

/** The evidence number of an original; null for another file. */
export function numberOfOriginal(path: string): string | null {
  return ORIGINAL.exec(path)?.[2] ?? null;
}

/** Place and number of the data of one certificate of several; null for another file. */
export function parseExhibit(path: string): readonly [number, string] | null {
  const match = EXHIBIT.exec(path);
  return match?.[3] === "json" ? [Number(match[1]), match[2]] : null;
}

/** The tree size of a checkpoint body; null for another file. */
export function sizeOfBody(path: string): number | null {
  const match = BODY.exec(path);
  return match && Number(match[1]);
}

/** The evidence number in whose folder a file of 02 to 04 stands. */
export function numberOfFolder(path: string): string | null {
  return OF_DEPOSIT.exec(path)?.[1] ?? null;
}

export function isBagName(name: string): boolean {
  return BAG_NAME.test(name);
}

/** When a bundle of this name says it was issued, in milliseconds; 0 for digits of no day. */
export function issuedAtMs(name: string): number {
  const digits = name.split("_")[2].slice(0, 15);
  const iso = digits.replace(/^(....)(..)(..)T(..)(..)(..)$/, "$1-$2-$3T$4:$5:$6.000Z");
  const time = Date.parse(iso);
  return Number.isNaN(time) || new Date(time).toISOString() !== iso ? 0 : time;
}

/** Whether contents-sha256.txt lists this payload file: all but itself, the certificate and folder 01. */
export function inContents(path: string): boolean {
  const apart = path.startsWith(`${CERTIFICATE}certificate.`) || path.startsWith(EVIDENCE);
  return path !== CONTENTS && !apart;
}

export function hasPlace(path: string): boolean {
  return LITERAL.has(path) || KNOWN.some((each) => each.test(path));
}

export function sizeMax(path: string): number {
  if (path.startsWith(EVIDENCE) && path !== EMPTY) return ORIGINAL_SIZE_MAX;
  if (path.startsWith(CERTIFICATES)) return CERTIFICATE_SIZE_MAX;
  if (CORE.some((each) => path.startsWith(each))) return PROOF_FILE_SIZE_MAX;
  return path.endsWith(".json") ? JSON_SIZE_MAX : FILE_SIZE_MAX;
}
