// What a careful team asks before it adopts a package, and no other file of tests answers: docs/adoption.md names them all.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { collector } from "./support/collector.mjs";
import { compiled } from "./support/compiled.mjs";
import { tools } from "./support/installed.mjs";
import { ALL, DAY, handClock, shop } from "./support/packs.mjs";
import { codes, files, grant, installed, ready, track, visit } from "./support/visit.mjs";

const { dist } = installed;
const load = createRequire(join(tools, "x.js"));
const { createClient } = await import(pathToFileURL(join(dist, "node.js")).href);
const scripts = readdirSync(dist).filter((file) => /\.c?js$/.test(file));
/** Files that hold bytes and no code. */
const isBytes = (file) => /-inline\./.test(file);

test("no module waits while it is loaded: none has an await at its top, which is silent trouble in several browsers and bundlers", () => {
  const { transformSync } = load("esbuild");
  const refused = (code) => {
    try {
      // CommonJS has no such thing, so putting a module into it refuses it.
      transformSync(code, { format: "cjs", target: "esnext", logLevel: "silent" });
      return false;
    } catch (error) {
      return /[Tt]op-level await/.test(error.message);
    }
  };
  assert.ok(refused("await 1; export {};"), "it would be seen");
  const modules = scripts.filter((file) => file.endsWith(".js") && file !== "cli.js");
  assert.ok(modules.length > 50);
  assert.deepEqual(modules.filter((file) => refused(readFileSync(join(dist, file), "utf8"))), []);
});

test("every script has a source map, which names our sources where the package has them and carries what was generated", () => {
  for (const file of scripts.filter((name) => !isBytes(name))) {
    const code = readFileSync(join(dist, file), "utf8");
    const [, name] = code.match(/\/\/# sourceMappingURL=(\S+)\s*$/) ?? [];
    assert.equal(name, `${file}.map`, file);
    const map = readFileSync(join(dist, name), "utf8");
    // What `wasm2js` wrote of a module has no source that anyone could read, and would be most of the package.
    assert.ok(map.length < 400_000, file);
    const { sources, sourcesContent, mappings } = JSON.parse(map);
    const ours = sources.filter((source) => source.startsWith("../src/"));
    if (!/^nowasm-/.test(file)) assert.ok(ours.length > 0 || /^study\./.test(file), file);
    if (ours.length > 0) assert.ok(mappings.length > 50, file);
    for (const source of ours) assert.ok(existsSync(join(dist, source)), `${file}: ${source}`);
    for (const [index, source] of sources.entries()) if (!ours.includes(source)) assert.ok(/^(glue:\w+|report\.ts|study\.ts)$/.test(source) && sourcesContent[index]?.length > 50, `${file}: ${source}`);
  }
});

test("a bundler that follows the source maps has our sources in its own", async () => {
  const { build } = load("esbuild");
  const { outputFiles } = await build({ entryPoints: [join(dist, "index.js")], bundle: true, format: "esm", sourcemap: "external", outdir: installed.folder, write: false, logLevel: "silent" });
  const { sources, sourcesContent } = JSON.parse(outputFiles.find(({ path }) => path.endsWith(".map")).text);
  const carried = sources.flatMap((source, index) => (/\/src\/client\.ts$/.test(source) ? [sourcesContent[index]] : []));
  assert.deepEqual(carried, [readFileSync(join(installed.package, "src/client.ts"), "utf8")]);
});

test("the scripts that start a page say that their functions are compiled while they are loaded", () => {
  for (const file of ["index.js", "global.js", "worker-engine.js"]) assert.match(readFileSync(join(dist, file), "utf8"), /^\/\/# allFunctionsCalledOnLoad\n/, file);
});

test("the modules use what browsers have since 2021, and nothing younger", () => {
  const floor = ["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int", "reference-types", "sign-ext"];
  const valid = (file) => spawnSync(join(tools, ".bin/wasm-opt"), ["--mvp-features", ...floor.map((feature) => `--enable-${feature}`), file, "-o", "/dev/null"], { encoding: "utf8" }).status === 0;
  const modules = readdirSync(dist).filter((file) => file.endsWith(".wasm"));
  assert.ok(modules.length >= 7);
  for (const file of modules) assert.ok(valid(join(dist, file)), file);
  // A module with one instruction of SIMD (Safari 16.4) is none of them: (func (drop (v128.const i64x2 0 0))).
  const simd = join(installed.folder, "simd.wasm");
  writeFileSync(simd, Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 10, 23, 1, 21, 0, 253, 12, ...Array(16).fill(0), 26, 11]));
  assert.ok(WebAssembly.validate(readFileSync(simd)), "it is a module");
  assert.ok(!valid(simd));
});

test("every question to a client can be given up, and what cannot is a change that is under way", async () => {
  const api = readFileSync(join(dist, "index.d.ts"), "utf8");
  /** The methods of an interface that promise something, and whether they take a signal. */
  const promised = ["Keepset", "Ledger", "Consent"].flatMap((name) => {
    const [, body] = api.match(new RegExp(`interface ${name}\\b[^{]*\\{([^]*?)\\n\\}`));
    return [...body.matchAll(/^ {4}(\w+)(?:<[^>]*>)?\(((?:[^()]|\([^()]*\))*)\): Promise/gm)].map(([, method, takes]) => [method, /Cancellable|signal\?: AbortSignal|Options/.test(takes)]);
  });
  const names = (cancellable) => promised.filter(([, is]) => is === cancellable).map(([name]) => name).sort();
  assert.deepEqual(names(false), ["deleteAll", "destroy", "reset", "set", "setProfile"]);
  const client = createClient({ pack: shop(), storage: "memory" });
  await client.ready;
  const gone = AbortSignal.abort();
  const args = { explain: ["buyer"], simulate: [[{ name: "purchase" }]] };
  const ledger = ["list", "budget", "next", "export"];
  assert.ok(names(true).length >= 12, names(true).join());
  for (const name of names(true)) {
    const owner = ledger.includes(name) ? client.ledger : client;
    await assert.rejects(owner[name](...(args[name] ?? []), { signal: gone }), { code: "aborted" }, name);
  }
  await client.destroy();
});

test("clients that are destroyed leave no listener, no timer, no lock and no channel, however many there were", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.enter();
  await page.evaluate(() => keepset.destroy());
  const session = await shopVisit.context.newCDPSession(page);
  /** What the window and the document have listening, by kind. */
  const listening = async () => {
    const kinds = [];
    for (const expression of ["window", "document", "navigator", "globalThis.screen"]) {
      const { result } = await session.send("Runtime.evaluate", { expression });
      const { listeners } = await session.send("DOMDebugger.getEventListeners", { objectId: result.objectId });
      kinds.push(...listeners.map(({ type }) => `${expression} ${type}`));
    }
    return kinds.sort();
  };
  const before = await listening();
  const during = await page.evaluate(async () => {
    const { createClient } = await import("/keepset/index.js");
    const timers = new Set();
    const [set, clear] = [setTimeout, clearTimeout];
    globalThis.setTimeout = (work, ...rest) => { const id = set(() => (timers.delete(id), work()), ...rest); timers.add(id); return id; };
    globalThis.clearTimeout = (id) => (timers.delete(id), clear(id));
    globalThis.timers = timers;
    globalThis.clients = [];
    for (let n = 0; n < 20; n += 1) {
      const client = createClient({ pack: "/pack.json", name: `leak-${n}` });
      await client.consent.set({ segmentation: "granted", storage: "granted" });
      client.on("change", () => undefined);
      client.track("purchase", { value: 1 });
      await client.features();
      clients.push(client);
    }
    return clients.length;
  });
  assert.equal(during, 20);
  assert.ok((await listening()).length > before.length, "a client that is there is heard listening");
  await page.evaluate(() => Promise.all(clients.map((client) => client.destroy())));
  await page.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length + pending.length === 0));
  assert.deepEqual(await listening(), before);
  await page.waitForFunction(() => timers.size === 0);
  // Nothing of the page's holds them either.
  await page.evaluate(() => { globalThis.weak = clients.map((client) => new WeakRef(client)); clients.length = 0; });
  for (let round = 0; round < 5; round += 1) await session.send("HeapProfiler.collectGarbage");
  assert.equal(await page.evaluate(() => weak.filter((one) => one.deref()).length), 0);
  await shopVisit.close();
});

test("without a collector a page with everything granted asks for nothing but the package's own files, for a hundred days", async () => {
  const shopVisit = await visit({ files: { ...files({ pack: "/pack.keepset" }), "/pack.keepset": compiled(installed, shop()) } });
  const page = await shopVisit.enter();
  const asked = [];
  shopVisit.context.on("request", (request) => asked.push(request.url()));
  await grant(page);
  for (let day = 0; day < 100; day += 10) {
    await track(page, 3);
    await page.evaluate((ten) => skip(ten), 10 * DAY);
    await page.evaluate(() => Promise.all([keepset.flush(), keepset.preview(), keepset.features(), keepset.exportData()]));
  }
  await page.evaluate(() => keepset.explain("buyer"));
  const own = `${shopVisit.site.url}/keepset/`;
  assert.deepEqual(asked.filter((url) => !url.startsWith(own)), []);
  assert.deepEqual(asked.map((url) => url.slice(own.length)).sort(), ["study.js", "study.wasm"]);
  assert.deepEqual(await codes(page), []);
  await shopVisit.close();
});

test("the person's page tells what was withheld, and why, beside what left", async () => {
  const front = await collector();
  const clock = handClock();
  const client = createClient({ pack: shop(), collector: front.url, clock, storage: { ...keeping() } });
  await client.consent.set({ ...ALL, reporting: "denied" });
  assert.equal((await client.ledger.next()).state, "no_consent");
  await client.consent.set({ reporting: "granted" });
  const { state, lookAgainAt } = await client.ledger.next();
  assert.equal(state, "answered", "a new device waits for its next window");
  assert.ok(lookAgainAt > clock.now());
  clock.skip(DAY);
  await client.flush();
  assert.deepEqual([(await client.ledger.list()).map(({ outcome }) => outcome), (await client.ledger.next()).state], [["accepted"], "answered"]);
  await client.destroy();
  front.close();
});

/** A storage that lasts as long as this file. */
function keeping(values = new Map()) {
  return { get: async (key) => values.get(key), set: async (key, value) => void values.set(key, value), delete: async (key) => void values.delete(key) };
}

test("the first program is five lines that one would guess", () => {
  writeFileSync(join(installed.folder, "pack.json"), JSON.stringify(shop()));
  const program = `import { init } from "keepset";
import { readFileSync } from "node:fs";
const keepset = init({ pack: readFileSync("pack.json", "utf8") });
keepset.on("change", ({ entered }) => console.log(...entered));
keepset.consent.set({ segmentation: "granted" }).then(() => keepset.track("purchase", { value: 1 }));`;
  assert.equal(program.split("\n").length, 5);
  writeFileSync(join(installed.folder, "five.mjs"), program);
  assert.equal(execFileSync(process.execPath, ["five.mjs"], { cwd: installed.folder, encoding: "utf8" }).trim(), "buyer");
});

test("docs/adoption.md answers every question with something that is there", () => {
  const root = new URL("../../", import.meta.url);
  const page = readFileSync(new URL("docs/adoption.md", root), "utf8");
  const rows = page.split("\n").filter((line) => /^\| \d+ \|/.test(line));
  assert.deepEqual(rows.map((row) => Number(row.match(/^\| (\d+)/)[1])), Array.from({ length: 50 }, (_, index) => index + 1));
  for (const row of rows) {
    const named = [...row.matchAll(/`((?:tests\/e2e\/)?[\w-]+\.test\.mjs)`/g)].map(([, file]) => (file.startsWith("tests/") ? file : `tests/package/${file}`));
    const commands = row.match(/`cargo xtask \w+|`keepset audit/g) ?? [];
    const links = row.match(/\]\([\w./-]+\.md/g) ?? [];
    assert.ok(named.length + commands.length + links.length > 0, row);
    for (const file of named) assert.ok(existsSync(new URL(file, root)), `${file} in ${row}`);
  }
});

test("the privacy manifest for iOS says what docs/store-forms.md answers", () => {
  const manifest = readFileSync(new URL("../../webview/ios/PrivacyInfo.xcprivacy", import.meta.url), "utf8");
  const after = (key) => manifest.match(new RegExp(`<key>${key}</key>\\s*<(\\w+)/?>`))?.[1];
  assert.deepEqual(["NSPrivacyTracking", "NSPrivacyCollectedDataTypeLinked", "NSPrivacyCollectedDataTypeTracking"].map(after), ["false", "false", "false"]);
  assert.deepEqual([...manifest.matchAll(/<string>(NSPrivacyCollectedDataType\w+)<\/string>/g)].map(([, value]) => value), ["NSPrivacyCollectedDataTypeProductInteraction", "NSPrivacyCollectedDataTypePurposeAnalytics"]);
});
