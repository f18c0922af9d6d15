// The package as npm would hand it out: what is in it, what it asks for, and what importing it does.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { install, tools } from "./support/installed.mjs";

const installed = install();
const manifest = JSON.parse(readFileSync(join(installed.package, "package.json"), "utf8"));
const node = (...args) => execFileSync(process.execPath, args, { cwd: installed.folder, encoding: "utf8" });
const run = (name, code) => {
  const file = join(installed.folder, name);
  writeFileSync(file, code);
  return node(file).trim();
};

test("installing adds no other package and runs no script", () => {
  assert.deepEqual(manifest.dependencies ?? {}, {});
  assert.deepEqual(manifest.scripts ?? {}, {});
  assert.deepEqual(readdirSync(join(installed.folder, "node_modules")).filter((name) => !name.startsWith(".")), ["keepset"]);
});

test("the tarball holds what the exports map names, the sources, the licences, the first pack and nothing foreign", () => {
  const files = installed.packed.files.map(({ path }) => path);
  for (const path of ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "THIRD-PARTY-LICENSES", "sbom.cdx.json", "docs/errors.md", "dist/core.wasm", "dist/core-full.wasm", "dist/study.wasm", "dist/cli.js", "dist/integrity.json", "src/index.ts", "packs/starter.json", "pack.schema.json"]) {
    assert.ok(files.includes(path), `${path} is missing`);
  }
  const named = JSON.stringify(manifest.exports).match(/\.\/dist\/[\w.-]+/g);
  for (const path of [...named, manifest.main, manifest.module, manifest.types, manifest.bin.keepset]) assert.ok(existsSync(join(installed.package, path)), `${path} is missing`);
  assert.deepEqual(files.filter((path) => !/^(dist|src|docs)\/|^(README\.md|LICENSE-\w+|THIRD-PARTY-LICENSES|sbom\.cdx\.json|package\.json|pack\.schema\.json|packs\/starter\.json)$/.test(path)), []);
});

test("publint finds nothing to say", () => {
  const output = node(join(tools, "publint/src/cli.js"), installed.package, "--strict");
  assert.match(output, /All good!/);
});

test("the types resolve for every kind of importer", () => {
  const cli = join(tools, "@arethetypeswrong/cli/dist/index.js");
  const output = node(cli, installed.tarball, "--exclude-entrypoints", "./core.wasm", "./core-full.wasm", "./global", "--format", "json");
  const { analysis, problems } = JSON.parse(output);
  assert.deepEqual(problems, {});
  const resolved = Object.values(analysis.entrypoints["."].resolutions).map(({ resolution }) => resolution.isJson === false && resolution.fileName);
  assert.equal(resolved.length, 4);
  resolved.forEach((file) => assert.match(file, /dist\/index\.d\.c?ts$/));
});

test("integrity.json holds the hash of every file a page can load", () => {
  const table = JSON.parse(readFileSync(join(installed.dist, "integrity.json"), "utf8"));
  const loadable = readdirSync(installed.dist).filter((file) => /\.(js|cjs|wasm)$/.test(file)).sort();
  assert.deepEqual(Object.keys(table).sort(), loadable);
  for (const [file, hash] of Object.entries(table)) {
    const found = createHash("sha384").update(readFileSync(join(installed.dist, file))).digest("base64");
    assert.equal(hash, `sha384-${found}`, file);
  }
});

test("no file builds code from text or fetches code from elsewhere", () => {
  for (const file of readdirSync(installed.dist).filter((name) => /\.c?js$/.test(name))) {
    const text = readFileSync(join(installed.dist, file), "utf8");
    assert.doesNotMatch(text, /\beval\(|new Function\b|import\(["']https?:|\bawait import\(["']http/, file);
  }
});

test("importing it as a module or as CommonJS gives the same functions and touches nothing", () => {
  const look = `
    const before = Object.getOwnPropertyNames(globalThis).sort().join();
    let touched = 0;
    for (const name of ["Module", "Instance", "compile", "instantiate"]) {
      const real = WebAssembly[name];
      WebAssembly[name] = new Proxy(real, { apply: (...a) => (touched++, Reflect.apply(...a)), construct: (...a) => (touched++, Reflect.construct(...a)) });
    }
    globalThis.fetch = () => { touched++; };
    const done = (keepset) => {
      const added = Object.getOwnPropertyNames(globalThis).sort().join() === before ? "nothing" : "something";
      console.log(Object.keys(keepset).sort().join(), touched, added, process.getActiveResourcesInfo().filter((x) => /Timeout|Immediate|Message|Worker|TCP/.test(x)).length);
    };`;
  const module = run("look.mjs", `${look}\nimport("keepset").then(done);`);
  const common = run("look.cjs", `${look}\ndone(require("keepset"));`);
  assert.equal(module, "KeepsetError,createClient,init,isKeepsetError,isSupported,version 0 nothing 0");
  assert.equal(common, module);
});

test("in a runtime that only serves pages every method answers, with nothing", () => {
  const output = execFileSync(process.execPath, ["--conditions=workerd", "--input-type=module", "--eval", `
    const { init, isSupported } = await import("keepset");
    const client = init({ pack: "{}" });
    client.track("purchase", { value: 1 });
    client.consent.set({ segmentation: "granted" });
    await client.ready;
    console.log(isSupported(), client.status, client.error.code, client.has("x"), await client.preview(), JSON.stringify(await client.flush()));
  `], { cwd: installed.folder, encoding: "utf8" });
  assert.equal(output.trim(), 'false unsupported wasm_unsupported false null {"sent":0,"queued":0,"skipped":"not_running"}');
});

test("the entry for such runtimes carries no engine at all", () => {
  const text = readFileSync(join(installed.dist, "edge.js"), "utf8");
  assert.doesNotMatch(text, /core-inline|core\.wasm|study|WebAssembly\.(Instance|instantiate)|indexedDB/);
});

test("the page of errors explains every code, and no code that does not exist", () => {
  const types = readFileSync(join(installed.dist, "index.d.ts"), "utf8");
  const codes = types.match(/type ErrorCode = ([^;]+);/)[1].match(/\w+/g).sort();
  const sections = readFileSync(join(installed.package, "docs/errors.md"), "utf8").match(/^## (\w+)$/gm).map((line) => line.slice(3)).sort();
  assert.deepEqual(sections, codes);
});

test("the committed report of the API is the one that ships", () => {
  const committed = readFileSync(new URL("../../pkg-template/api/index.d.ts", import.meta.url), "utf8");
  assert.equal(readFileSync(join(installed.dist, "index.d.ts"), "utf8"), committed);
  assert.equal(readFileSync(join(installed.dist, "index.d.cts"), "utf8"), committed);
});
