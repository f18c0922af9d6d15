// `keepset/capture` as it ships, beyond what `addons.test.mjs` asks of every add-on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { install } from "./support/installed.mjs";

const { dist, folder } = install();

test("importing it on a server does nothing, as a module and as CommonJS, and nor does calling it there", () => {
  const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
  const use = "const stop = capture({}, { pageView: true }); stop(); console.log(typeof stop, Object.keys(all).join());";
  assert.equal(run("module", `import * as all from "keepset/capture"; const { capture } = all; ${use}`), "function capture");
  assert.equal(run("commonjs", `const all = require("keepset/capture"); const { capture } = all; ${use}`), "function capture");
});

test("it imports nothing, and no other file holds a copy of it", () => {
  assert.doesNotMatch(readFileSync(join(dist, "capture.js"), "utf8"), /\bimport\b/);
  for (const file of ["index.js", "global.js", "node.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /rage_click/, file);
});
