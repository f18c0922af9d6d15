// A module as JavaScript, for where WebAssembly is forbidden: what `wasm2js` makes of it, and its glue.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { glue } from "./glue.mjs";
import { shorten } from "./names.mjs";

const WASM2JS = join(dirname(fileURLToPath(import.meta.url)), "node_modules/.bin/wasm2js");

/** The modules that have such a twin. */
export const NOWASM = ["core", "report", "study", "sentiment", "choose", "adapt", "restore"];

/** Returns the text of a module whose `initSync` needs no WebAssembly; `folder` holds the module, bound and lowered for it. */
export function scriptOf(folder, name) {
  const twin = `${name}-nowasm`;
  const short = shorten(readFileSync(join(folder, `${twin}.wasm`)), glue(folder, twin));
  return `${written(short.wasm)}\n${short.glue}`;
}

/** A module as the function `instantiate`. */
function written(wasm) {
  const folder = mkdtempSync(join(tmpdir(), "keepset-nowasm-"));
  try {
    const [module, script] = ["module.wasm", "script.js"].map((file) => join(folder, file));
    writeFileSync(module, wasm);
    execFileSync(WASM2JS, ["-Oz", "--emscripten", "--mvp-features", "-o", script, module]);
    return readFileSync(script, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
