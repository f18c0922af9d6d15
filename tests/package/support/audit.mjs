// `keepset audit` on a package or on a ledger, and what it found.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { har } from "./har.mjs";

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

/** Holds a ledger to requests; what else is `given` are documents by the name of their option. */
export function verify(ledger, requests, given) {
  const folder = mkdtempSync(join(tmpdir(), "keepset-verify-"));
  const file = (name, text) => (writeFileSync(join(folder, name), text), join(folder, name));
  const more = Object.entries(given).flatMap(([option, document]) => [`--${option}`, file(`${option}.json`, JSON.stringify(document))]);
  const done = spawnSync(keepset, ["audit", "verify", file("ledger.json", JSON.stringify(ledger)), ...more, "--capture", file("traffic.har", har(requests))], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  assert.equal(done.error, undefined);
  return done;
}

/** The sections in which a claim does not hold, by their codes. */
export function failing({ sections }) {
  return sections.filter(({ findings }) => findings.some(({ holds }) => !holds)).map(({ code }) => code);
}

const run = (args) =>
  new Promise((resolve) => {
    execFile(keepset, args, { encoding: "utf8" }, (error, stdout, stderr) => resolve({ code: error ? error.code : 0, stdout, stderr }));
  });
