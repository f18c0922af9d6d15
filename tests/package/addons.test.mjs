// Every add-on as it ships: harmless on a server, small, loaded by nobody else, and with the committed API.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

import { ADDONS, fileOf, PEERS } from "../../pkg-template/entries.mjs";
import { bring, install } from "./support/installed.mjs";

const installed = install();
bring(installed, PEERS);
const { dist, folder } = installed;
const run = (type, code) => execFileSync(process.execPath, [`--input-type=${type}`, "--eval", code], { cwd: folder, encoding: "utf8" }).trim();
const text = (file) => readFileSync(join(dist, file), "utf8");

/** With what the page brings loaded already, says what an add-on exports, what it added to the globals, and how many timers and ports it holds. */
const look = (load, entry) => `
  ${PEERS.map((name) => `${load(name)};`).join(" ")}
  const before = Object.getOwnPropertyNames(globalThis).length;
  const all = ${load(entry)};
  console.log(Object.keys(all).filter((name) => name !== "default" && name !== "module.exports").sort().join(), Object.getOwnPropertyNames(globalThis).length - before, process.getActiveResourcesInfo().filter((x) => /Timeout|Immediate|Message/.test(x)).length);`;

/** What an entry may weigh in bytes of gzip, and the files that count: the engine as JavaScript stands for wasm and is weighed with what makes a report. */
const most = (entry) => (entry === "nowasm" ? [180_000, ["nowasm.js", "nowasm-report.js"], ["nowasm.global.js", "nowasm-report.global.js"]] : [4_000, [`${fileOf(entry)}.js`]]);

for (const entry of ADDONS) {
  test(`keepset/${entry} gives the same on a server as a module and as CommonJS, and touches nothing there`, () => {
    const module = run("module", look((name) => `await import("${name}")`, `keepset/${entry}`));
    assert.equal(run("commonjs", look((name) => `require("${name}")`, `keepset/${entry}`)), module);
    assert.match(module, /^\w[\w,]* 0 0$/);
  });

  const [bytes, ...loaded] = most(entry);
  test(`keepset/${entry} is at most ${bytes / 1_000} kB compressed, and no page loads it that does not import it`, () => {
    for (const files of loaded) {
      const length = files.reduce((sum, file) => sum + gzipSync(text(file), { level: 9 }).length, 0);
      assert.ok(length <= bytes, `${length} bytes`);
    }
    for (const other of ["index.js", "global.js", "node.js", "edge.js"]) assert.ok(!text(other).includes(`${fileOf(entry)}.js`), other);
  });

  test(`the committed report of the API of keepset/${entry} is the one that ships`, () => {
    const committed = readFileSync(new URL(`../../pkg-template/api/${fileOf(entry)}.d.ts`, import.meta.url), "utf8");
    assert.equal(text(`${fileOf(entry)}.d.ts`), committed);
    assert.equal(text(`${fileOf(entry)}.d.cts`), committed.replace(/"(\.\/[\w-]+)\.js"/g, '"$1.cjs"'));
  });
}
