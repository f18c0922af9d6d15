// `keepset/element` as it ships: harmless on a server, small, and with the committed API.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { install } from "./support/installed.mjs";

const { dist, folder } = install();

test("importing it on a server does nothing, as a module and as CommonJS", () => {
  const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
  assert.equal(run("module", `import * as all from "keepset/element"; console.log(Object.keys(all).join());`), "KeepsetLedger");
  assert.equal(run("commonjs", `const all = require("keepset/element"); console.log(Object.keys(all).join());`), "KeepsetLedger");
});

test("it is at most 4 kB compressed, and a page that does not import it loads none of it", () => {
  const text = readFileSync(join(dist, "element.js"));
  const { length } = gzipSync(text, { level: 9 });
  assert.ok(length <= 4000, `${length} bytes`);
  assert.doesNotMatch(text.toString(), /\bimport\b/);
  for (const file of ["index.js", "global.js", "node.js", "capture.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /keepset-ledger"\)/, file);
});

test("a bundler does not drop it for being imported for its effect alone", () => {
  const { sideEffects } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8"));
  assert.ok(sideEffects.includes("./dist/element.js") && sideEffects.includes("./dist/element.cjs"));
});

test("the committed report of its API is the one that ships, and it is made of the client's own types", () => {
  const committed = readFileSync(new URL("../../pkg-template/api/element.d.ts", import.meta.url), "utf8");
  assert.equal(readFileSync(join(dist, "element.d.ts"), "utf8"), committed);
  assert.equal(readFileSync(join(dist, "element.d.cts"), "utf8"), committed.replaceAll("./index.js", "./index.cjs"));
  assert.match(committed, /set client\(client: Keepset \| null\)/);
});
