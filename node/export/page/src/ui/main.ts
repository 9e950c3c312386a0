/** The page: what was dropped is told apart by its bytes, read here, and verified here. */

import { Archive, type Bag, Folder, type Source } from "../bundle/archive.ts";
import { checkBundle } from "../bundle/checking.ts";
import { api } from "../api.ts";
import { encode, startsWith } from "../evidence/bytes.ts";
import { type Hashed, Hashing } from "../evidence/digests.ts";
import { readFingerprint } from "../evidence/policy.ts";
import type { Language, Said } from "../evidence/verdict.ts";
import { verify } from "../evidence/verify.ts";
import { bundleJson, verdictJson } from "../report.ts";
import { type Root, Vouching } from "../signing/vouching.ts";
import { byId, h } from "./dom.ts";
import { other, TEXT } from "./text.ts";
import { type Result, showResult } from "./view.ts";

const CHUNK_SIZE = 1 << 20;
const PROOF_MAX = 16 << 20;
const FINGERPRINT_FILE = "policy-fingerprint.txt";
type Role = "bundle" | "proof" | "root" | "file";
const ROLES: Record<Role, Said> = {
  bundle: TEXT.roleBundle, proof: TEXT.roleProof, root: TEXT.roleRoot, file: TEXT.roleFile,
};

interface Chosen {
  readonly name: string;
  readonly role: Role;
  /** A file; of an unpacked bundle all its files, by their paths. */
  readonly source: File | ReadonlyMap<string, Source>;
}

let language: Language = navigator.language.startsWith("zh") || !navigator.language ? "zh" : "en";
let chosen: Chosen[] = [];
let shown: Result | null = null;

function say(said: Said): string {
  return said[language];
}

// Choosing

async function roleOf(file: File): Promise<Role> {
  const start = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  if (startsWith(start, encode("PK\u0003\u0004")) && /^EVB_|^PK/.test(nameOfFirst(start))) return "bundle";
  if (startsWith(start, encode("cunzheng/proof/")) || startsWith(start, encode("\ufeffcunzheng/proof/")))
    return "proof";
  if (/\.proof\.txt$/i.test(file.name)) return "proof";
  if (/^EVB_.*\.zip$/i.test(file.name)) return "bundle";
  return /\.pem$/i.test(file.name) ? "root" : "file";
}

/** The name of an archive's first entry, as far as it was read. */
function nameOfFirst(start: Uint8Array): string {
  return String.fromCharCode(...start.subarray(30, 34));
}

async function choose(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      if (file.name === FINGERPRINT_FILE) await takeFingerprint(file);
      else add({ name: file.name, role: await roleOf(file), source: file });
    } catch {
      complain(TEXT.unreadable);
    }
  }
  render();
}

/** As a court publishes it; lines that begin with # are remarks. */
async function takeFingerprint(file: File): Promise<void> {
  const text = await file.slice(0, CHUNK_SIZE).text();
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  byId<HTMLInputElement>("fingerprint").value = lines.join(" ");
}

/** The files of a chosen directory: an unpacked bundle, which is where its bagit.txt lies, or a folder
 * of anchors. */
async function chooseFolder(files: readonly (readonly [string, File])[]): Promise<void> {
  const top = files.find(([path]) => /^[^/]+\/bagit\.txt$/.test(path))?.[0].split("/")[0];
  const anchors = files.filter(([path]) => /\.pem$/i.test(path) || path.endsWith(`/${FINGERPRINT_FILE}`));
  if (top === undefined && anchors.length) return choose(anchors.map(([, file]) => file));
  const prefix = `${top ?? files[0]?.[0].split("/")[0] ?? ""}/`;
  const found = new Map(
    files.filter(([path]) => path.startsWith(prefix)).map(([path, file]) => [path.slice(prefix.length), file]),
  );
  if (found.size) add({ name: prefix, role: "bundle", source: found });
  render();
}

/** There is one bundle or one proof; whoever chooses another means that one. */
function add(each: Chosen): void {
  const main = each.role === "bundle" || each.role === "proof";
  const replaced = (old: Chosen) =>
    (main && (old.role === "bundle" || old.role === "proof")) ||
    (old.role === each.role && old.name === each.name);
  chosen = [...chosen.filter((old) => !replaced(old)), each];
  complain(null);
}

async function dropped(transfer: DataTransfer): Promise<void> {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const folder = entries.find((entry) => entry?.isDirectory);
  const files = [...transfer.files].filter((_, n) => !entries[n]?.isDirectory);
  if (folder) await chooseFolder(await walk(folder, ""));
  await choose(files);
}

async function walk(entry: FileSystemEntry, before: string): Promise<[string, File][]> {
  const path = `${before}${entry.name}`;
  if (entry.isFile)
    return [[path, await new Promise<File>((done, wrong) => (entry as FileSystemFileEntry).file(done, wrong))]];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: [string, File][] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, wrong) => reader.readEntries(done, wrong));
    if (!some.length) return found;
    for (const each of some) found.push(...(await walk(each, `${path}/`)));
  }
}

// Verifying

async function bytesOf(source: File): Promise<Uint8Array> {
  return new Uint8Array(await source.slice(0, PROOF_MAX).arrayBuffer());
}

async function hashFile(file: File): Promise<Hashed> {
  const hashing = new Hashing();
  for (let at = 0; at < file.size; at += CHUNK_SIZE) {
    hashing.update(new Uint8Array(await file.slice(at, at + CHUNK_SIZE).arrayBuffer()));
    await progress(at + CHUNK_SIZE, file.size);
  }
  return hashing.digests();
}

async function run(): Promise<void> {
  const typed = byId<HTMLInputElement>("fingerprint").value.trim();
  const fingerprint = readFingerprint(typed);
  if (typed && fingerprint === null) return complain(TEXT.fingerprintBad, "fingerprint");
  const main = chosen.find((each) => each.role === "bundle" || each.role === "proof");
  if (!main) return complain(TEXT.nothing, "files");
  complain(null);
  byId("go").setAttribute("disabled", "");
  try {
    shown = await result(main, fingerprint);
    render();
    byId("answer").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    complain(TEXT.unreadable);
  } finally {
    byId("go").removeAttribute("disabled");
    byId("progress").hidden = true;
  }
}

async function result(main: Chosen, fingerprint: string | null): Promise<Result> {
  const files = chosen.filter((each) => each.role === "file");
  const hashes: Hashed[] = [];
  for (const each of files) hashes.push(await hashFile(each.source as File));
  const all = { names: chosen.map((each) => each.name), fingerprint, atMs: Date.now() };
  const file = hashes[0] ?? null;
  if (main.role === "proof") {
    const verdict = verify(await bytesOf(main.source as File), fingerprint, file);
    return { ...all, verdict, bundle: null, file, unmatched: [] };
  }
  const roots: Root[] = [];
  for (const each of chosen.filter((one) => one.role === "root"))
    roots.push({ name: each.name, pem: await bytesOf(each.source as File) });
  const vouching = new Vouching(roots, Math.floor(all.atMs / 1000));
  const bundle = await checkBundle(() => openBag(main.source), fingerprint, vouching, hashes, report);
  await progress(1, 1);
  const unmatched = bundle.unmatched.map((place) => files[place].name);
  return { ...all, verdict: null, bundle, file, unmatched };
}

async function openBag(source: Chosen["source"]): Promise<Bag> {
  return source instanceof File ? Archive.open(source) : new Folder(source);
}

let painted = 0;

function report(done: number, all: number): void {
  const bar = byId<HTMLProgressElement>("bar");
  byId("progress").hidden = false;
  bar.value = Math.min(1, done / (all || 1));
}

/** Shows how far it is, and lets the page breathe a few times a second. */
async function progress(done: number, all: number): Promise<void> {
  report(done, all);
  if (performance.now() - painted < 100) return;
  await new Promise((go) => setTimeout(go));
  painted = performance.now();
}

// Showing

function complain(said: Said | null, field?: string): void {
  const place = byId("problem");
  place.textContent = said ? say(said) : "";
  byId("fingerprint").setAttribute("aria-invalid", String(field === "fingerprint"));
  if (field) byId(field).focus();
}

function render(): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = say(TEXT.title);
  for (const element of document.querySelectorAll<HTMLElement>("[data-text]"))
    element.textContent = say(TEXT[element.dataset.text as keyof typeof TEXT]);
  byId("chosen").replaceChildren(...chosen.map(chip));
  byId("form").hidden = shown !== null;
  byId("actions").hidden = shown === null;
  byId("result").replaceChildren(...(shown ? [showResult(shown, language)] : []));
}

function chip(each: Chosen): HTMLElement {
  const remove = h("button", { type: "button", "aria-label": `${say(TEXT.remove)} ${each.name}` }, "×");
  remove.addEventListener("click", () => {
    chosen = chosen.filter((other) => other !== each);
    render();
    byId("files").focus();
  });
  const role = h("span", { class: "role" }, say(ROLES[each.role]));
  return h("li", { class: each.role }, role, h("span", { class: "name" }, each.name), remove);
}

function save(): void {
  if (!shown) return;
  const value = shown.bundle ? bundleJson(shown.bundle) : shown.verdict && verdictJson(shown.verdict);
  const whole = { fingerprint: shown.fingerprint, verified_at_ms: shown.atMs, ...value };
  const url = URL.createObjectURL(new Blob([JSON.stringify(whole, null, 1)], { type: "application/json" }));
  h("a", { href: url, download: "verification.json" }).click();
  setTimeout(() => URL.revokeObjectURL(url));
}

function listen(): void {
  const [files, folder, zone] = [byId<HTMLInputElement>("files"), byId<HTMLInputElement>("folder"), byId("drop")];
  files.addEventListener("change", () => void choose([...(files.files ?? [])]).then(() => (files.value = "")));
  folder.addEventListener("change", () => {
    const found = [...(folder.files ?? [])].map((file) => [file.webkitRelativePath, file] as const);
    void chooseFolder(found).then(() => (folder.value = ""));
  });
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", () => zone.classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer && !shown) void dropped(event.dataTransfer);
  });
  byId("form").addEventListener("submit", (event) => {
    event.preventDefault();
    void run();
  });
  byId("language").addEventListener("click", () => {
    language = other(language);
    render();
  });
  byId("result").addEventListener("click", (event) => {
    if ((event.target as Element).id !== "back") return;
    shown = null;
    render();
    byId("fingerprint").focus();
  });
  byId("print").addEventListener("click", () => window.print());
  byId("save").addEventListener("click", save);
  byId("again").addEventListener("click", () => {
    shown = null;
    chosen = [];
    render();
    byId("files").focus();
  });
  window.addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll<HTMLDetailsElement>("details.part")) each.open = true;
  });
}

listen();
render();
Object.assign(globalThis, { cunzheng: Object.freeze(api) });
