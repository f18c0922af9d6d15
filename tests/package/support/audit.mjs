// `keepset audit` on a package, and what it found.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const keepset = join(process.env.KEEPSET_BIN ?? join(root, "target/debug"), "keepset");

/** Where `cargo xtask planted` puts the packages with a flaw. */
export const planted = join(root, "target/planted");

/** Looks quickly at the package whose `dist` this is; returns the exit code, the findings, the page and what was said. */
export async function audit(dist, ...options) {
  const folder = mkdtempSync(join(tmpdir(), "keepset-audit-"));
  const [json, html] = ["audit.json", "audit.html"].map((file) => join(folder, file));
  try {
    const args = ["audit", "--quick", "--package", dirname(dist), "--json", json, "--html", html, ...options];
    const { code, stdout, stderr } = await run(args);
    return { code, stdout, stderr, report: JSON.parse(readFileSync(json, "utf8")), page: readFileSync(html, "utf8") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The sections in which a claim does not hold, by their codes. */
export function failing({ sections }) {
  return sections.filter(({ findings }) => findings.some(({ holds }) => !holds)).map(({ code }) => code);
}

const run = (args) =>
  new Promise((resolve) => {
    execFile(keepset, args, { encoding: "utf8" }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
