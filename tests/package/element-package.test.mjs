// `keepset/element` as it ships, beyond what `addons.test.mjs` asks of every add-on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { install } from "./support/installed.mjs";

const { dist, folder } = install();

test("importing it on a server does nothing, as a module and as CommonJS", () => {
  const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
  assert.equal(run("module", `import * as all from "keepset/element"; console.log(Object.keys(all).join());`), "KeepsetLedger");
  assert.equal(run("commonjs", `const all = require("keepset/element"); console.log(Object.keys(all).join());`), "KeepsetLedger");
});

test("it imports nothing, and no other file holds a copy of it", () => {
  assert.doesNotMatch(readFileSync(join(dist, "element.js"), "utf8"), /\bimport\b/);
  for (const file of ["index.js", "global.js", "node.js", "capture.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /keepset-ledger"\)/, file);
});

test("a bundler does not drop it for being imported for its effect alone", () => {
  const { sideEffects } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
  assert.ok(sideEffects.includes("./dist/element.js") && sideEffects.includes("./dist/element.cjs"));
});
