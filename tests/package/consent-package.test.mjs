// `keepset/consent` as it ships, beyond what `addons.test.mjs` asks of every add-on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { install } from "./support/installed.mjs";

const { dist, folder } = install();

test("importing it on a server does nothing, as a module and as CommonJS, and nor does calling it there", () => {
  const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
  const use = "const followed = followConsent({}); followed.stop(); followed.stop(); console.log(Object.keys(all).join(), followed.decisions.storage.choice);";
  assert.equal(run("module", `import * as all from "keepset/consent"; const { followConsent } = all; ${use}`), "followConsent pending");
  assert.equal(run("commonjs", `const all = require("keepset/consent"); const { followConsent } = all; ${use}`), "followConsent pending");
});

test("it imports nothing, and no other file holds a copy of it", () => {
  assert.doesNotMatch(readFileSync(join(dist, "consent.js"), "utf8"), /\bimport\b/);
  for (const file of ["index.js", "global.js", "node.js", "capture.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /__tcfapi/, file);
});

test("it decodes no consent string: the page's managers hand over what they have read", () => {
  assert.doesNotMatch(readFileSync(join(dist, "consent.js"), "utf8"), /tcString|gppString|atob|IABTCF|fetch|localStorage|cookie/);
});
