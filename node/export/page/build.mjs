/* Builds verify.html: one file with its script and its style inside, and a policy that lets nothing else
 * in and nothing out. The same sources give the same bytes. `node build.mjs [TARGET]`. */

import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { build, transform } from "esbuild";

const here = new URL(".", import.meta.url);
const target = process.argv[2] ?? new URL("../kit/verify.html", here);

const bundled = await build({
  absWorkingDir: new URL(here).pathname,
  entryPoints: ["src/ui/main.ts"],
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "iife",
  legalComments: "none",
  target: ["chrome103", "firefox113", "safari16.4"],
  write: false,
});
const script = bundled.outputFiles[0].text.trim();
const css = await readFile(new URL("page.css", here), "utf8");
const style = (await transform(css, { loader: "css", minify: true, charset: "utf8" })).code.trim();
if (/<\/(script|style)/i.test(script + style)) throw new Error("would end its own element");

const digest = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `script-src ${digest(script)}`,
  `style-src ${digest(style)}`,
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");
const template = await readFile(new URL("page.html", here), "utf8");
const parts = { policy, style, script };
await writeFile(target, template.replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]));
