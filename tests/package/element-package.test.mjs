// The elements of the package as they ship, beyond what `addons.test.mjs` asks of every add-on.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { fileOf } from "../../pkg-template/entries.mjs";
import { install } from "./support/installed.mjs";

const { dist, folder } = install();

/** By entry: what it exports, and a text that only it has. */
for (const [entry, element, text] of [["element", "KeepsetLedger", "What left this device"], ["element/why", "KeepsetWhy", "keepset-why"], ["element/consent", "KeepsetConsent", "keepset-consent"]]) {
  test(`importing keepset/${entry} on a server does nothing, as a module and as CommonJS`, () => {
    const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
    assert.equal(run("module", `import * as all from "keepset/${entry}"; console.log(Object.keys(all).join());`), element);
    assert.equal(run("commonjs", `const all = require("keepset/${entry}"); console.log(Object.keys(all).join());`), element);
  });

  test(`keepset/${entry} imports nothing, and no other file holds a copy of it`, () => {
    assert.doesNotMatch(readFileSync(join(dist, `${fileOf(entry)}.js`), "utf8"), /\bimport\b/);
    for (const file of ["index.js", "global.js", "node.js", "capture.js", "devtools.js"]) assert.ok(!readFileSync(join(dist, file), "utf8").includes(text), file);
  });

  test(`a bundler does not drop keepset/${entry} for being imported for its effect alone`, () => {
    const { sideEffects } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
    for (const ending of ["js", "cjs"]) assert.ok(sideEffects.includes(`./dist/${fileOf(entry)}.${ending}`));
  });
}
