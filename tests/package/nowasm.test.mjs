// The engine where WebAssembly is forbidden: `keepset/nowasm`, the same modules as JavaScript.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { collector } from "./support/collector.mjs";
import { compiled } from "./support/compiled.mjs";
import { draw, EPSILON, judge, pack } from "./support/draw.mjs";
import { unseal } from "./support/hpke.mjs";
import { tools } from "./support/installed.mjs";
import { ALL, DAY, handClock, shelf, shop } from "./support/packs.mjs";
import { hold, VECTORS } from "./support/vectors.mjs";
import { code, codes, files, grant, HTML, installed, ready, track, visit } from "./support/visit.mjs";

process.env.TZ = "UTC";
const { dist } = installed;
const at = (file) => pathToFileURL(join(dist, file)).href;
const nowasm = () => import(at("nowasm.js"));

/** As strict as a policy can be that lets a page have scripts of its own. */
const CSP = "default-src 'none'; script-src 'self'; connect-src 'self' http://127.0.0.1:*; require-trusted-types-for 'script'";
/** The page's own code, which names the engine for browsers without WebAssembly. */
const fallback = (options) => code(options).replace("clock:", 'nowasm: () => import("/keepset/nowasm.js"), clock:');
const pages = (options) => ({ ...files(options), "/page.js": fallback(options) });
/** Opens a tab in which somebody buys and is a buyer. */
async function buys(shopVisit) {
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  await grant(page);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  return page;
}
const asked = ({ requests }, pattern) => requests.filter((path) => pattern.test(path));

// A state of the engine as WebAssembly, written before this file does without.
const values = new Map();
const clock = handClock();
await written();
// Node's own `fetch` reads answers with it, so what is fetched below is fetched by pages.
delete globalThis.WebAssembly;
const { createClient } = createRequire(import.meta.url)(join(dist, "node.cjs"));

async function written() {
  const { createClient } = await import(at("node.js"));
  const client = createClient({ pack: shop(), clock, storage: shelf(values) });
  await client.consent.set(ALL);
  for (let n = 0; n < 11; n += 1) client.track("purchase", { value: 1 });
  await client.destroy();
}

/** A client in Node, which has no WebAssembly here. */
const start = (options) => createClient({ pack: shop(), clock, storage: shelf(values), nowasm, ...options });
const transport = (sent) => async ({ body }) => (sent.push(body), { outcome: "accepted" });

for (const name of VECTORS) test(`without WebAssembly the vector ${name} gives the same bits`, () => hold(name, createClient, { nowasm }));

test("what WebAssembly stored JavaScript reads and goes on with, and a report of it is one that the collector opens", async () => {
  const sent = [];
  const client = start({ collector: { url: "https://r.example", transport: transport(sent) } });
  await client.ready;
  assert.deepEqual(client.getSnapshot().segments.map(({ id }) => id), ["buyer", "fan"]);
  client.track("purchase", { value: 1 });
  assert.equal((await client.explain("fan")).condition.value, 12);
  clock.skip(DAY);
  const preview = await client.preview();
  assert.deepEqual(await client.flush(), { sent: 1, queued: 0 });
  assert.deepEqual(new Uint8Array(sent[0]), preview.sealed);
  assert.deepEqual(new Uint8Array(unseal(sent[0])), preview.body);
  await client.destroy();
});

test("without WebAssembly and without randomness there is no report, and nothing is charged", async () => {
  const real = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  const client = start({ storage: shelf(), collector: { url: "https://r.example", transport: transport([]) } });
  await client.consent.set(ALL);
  clock.skip(DAY);
  try {
    for (const value of [undefined, { getRandomValues() { throw new Error("no"); } }, { getRandomValues: (bytes) => bytes.fill(0) }]) {
      Object.defineProperty(globalThis, "crypto", { value, configurable: true });
      assert.deepEqual(await client.flush(), { sent: 0, queued: 0, skipped: "no_entropy" });
      assert.equal((await client.ledger.budget()).spent, 0);
    }
  } finally {
    Object.defineProperty(globalThis, "crypto", real);
  }
  assert.equal((await client.flush()).sent, 1);
  await client.destroy();
});

// Its checks, seven of them, have a false-alarm rate of one in a million each.
test("two thousand reports drawn without WebAssembly follow the channel the estimator inverts", async () => {
  const { drawn, here } = await draw({ createClient, pack, choices: ALL, day: DAY, reports: 2_000, options: { nowasm } });
  assert.deepEqual(here, ["a"]);
  assert.equal(drawn.length, 2_000);
  assert.deepEqual(judge(drawn), []);
  assert.notDeepEqual(judge(drawn, EPSILON * 1.5), []);
});

test("more than fits into the first memory is taken in: what has grown is read where it is now", async () => {
  const big = shop();
  for (let n = 0; n < 400; n += 1) big.features[`f${n}`] = { kind: "sum", event: "purchase", property: "value", window_days: 28, title: `${n} ${"long ".repeat(40)}` };
  const grown = [];
  const Real = ArrayBuffer;
  globalThis.ArrayBuffer = class extends Real {
    constructor(size) {
      super(size);
      if (size % 65_536 === 0) grown.push(size);
    }
  };
  const client = start({ pack: big, storage: "memory" });
  await client.consent.set(ALL);
  for (let n = 0; n < 50; n += 1) client.track("purchase", { value: n });
  const features = await client.features();
  globalThis.ArrayBuffer = Real;
  assert.ok(grown.length > 0, "a memory has grown");
  assert.equal(features.length, 402);
  assert.equal(features.find(({ name, id }) => (name ?? id) === "f399").value, (49 * 50) / 2);
  await client.destroy();
});

test("a policy that forbids WebAssembly gets the engine as JavaScript: a segment, why, and a report that leaves", async () => {
  const front = await collector();
  const shopVisit = await visit({ files: pages({ collector: front.url }), serve: { csp: CSP } });
  const page = await buys(shopVisit);
  assert.equal(await page.evaluate(() => keepset.explain("buyer").then((why) => why.condition.value)), 1);
  assert.deepEqual(asked(shopVisit.site, /nowasm-report/), [], "what draws comes when a report is due");
  await page.evaluate((day) => skip(day), DAY);
  const [preview, result] = await page.evaluate(async () => [[...(await keepset.preview()).body], await keepset.flush()]);
  assert.deepEqual(result, { sent: 1, queued: 0 });
  assert.deepEqual([...unseal(front.requests.find(({ method }) => method === "POST").body)], preview);
  assert.deepEqual([await codes(page), page.problems], [[], []]);
  assert.deepEqual(asked(shopVisit.site, /keepset/).sort(), ["/keepset/index.js", "/keepset/nowasm-report.js", "/keepset/nowasm-study.js", "/keepset/nowasm.js"]);
  await shopVisit.close();
  front.close();
});

test("a browser without WebAssembly gets it, too, and one that has it never loads it", async () => {
  const off = { "/off.js": "delete globalThis.WebAssembly;", "/": `<!doctype html><script src="/off.js"></script>${HTML}` };
  for (const [more, loaded] of [[off, ["/keepset/nowasm.js"]], [{}, []]]) {
    const shopVisit = await visit({ files: { ...pages(), ...more } });
    const page = await buys(shopVisit);
    assert.deepEqual(asked(shopVisit.site, /nowasm.js/), loaded);
    assert.deepEqual(page.problems, []);
    await shopVisit.close();
  }
});

test("a bundler makes a file of its own of it, which a page loads where it has to", async () => {
  const { build } = createRequire(join(tools, "x.js"))("esbuild");
  writeFileSync(join(installed.folder, "fallback.mjs"), fallback().replace("/keepset/index.js", "keepset").replace("/keepset/nowasm.js", "keepset/nowasm"));
  const { outputFiles } = await build({ entryPoints: [join(installed.folder, "fallback.mjs")], bundle: true, splitting: true, format: "esm", write: false, outdir: "/", logLevel: "error" });
  const built = Object.fromEntries(outputFiles.map(({ path, text }) => [path === "/fallback.js" ? "/page.js" : path, text]));
  assert.ok(built["/page.js"].length < 100_000);
  for (const [csp, loaded] of [[CSP, 1], [CSP.replace("'self';", "'self' 'wasm-unsafe-eval';"), 0]]) {
    const shopVisit = await visit({ files: { ...files(), ...built }, serve: { csp } });
    await buys(shopVisit);
    assert.equal(asked(shopVisit.site, /\/nowasm-[A-Z0-9]+\.js/).length, loaded, csp);
    await shopVisit.close();
  }
});

test("a plain script finds it by itself", async () => {
  const html = '<!doctype html><script src="/keepset/global.js"></script><script src="/page.js"></script>';
  const script = code().replace(/import .*;/, "const { init, isSupported } = globalThis.keepset; globalThis.supported = isSupported();");
  // A script that adds scripts wants their addresses trusted; that is so without WebAssembly as with it.
  const shopVisit = await visit({ files: { ...files(), "/": html, "/page.js": `{${script}}` }, serve: { csp: CSP.replace(/; require.*/, "") } });
  const page = await buys(shopVisit);
  assert.equal(await page.evaluate(() => keepset.explain("buyer").then((why) => why.condition.value)), 1);
  assert.equal(await page.evaluate(() => supported), true);
  assert.deepEqual(asked(shopVisit.site, /keepset/).sort(), ["global.js", "nowasm-study.global.js", "nowasm.global.js"].map((file) => `/keepset/${file}`));
  await shopVisit.close();
});

test("where it cannot be loaded either, the error says why there is no WebAssembly", async () => {
  const shopVisit = await visit({ files: pages(), serve: { csp: CSP, answer: (path) => (/nowasm/.test(path) ? [404, "text/plain", ""] : undefined) } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "failed");
  assert.deepEqual(await codes(page), ["csp_blocked"]);
  await shopVisit.close();
  for (const wrong of [7, "keepset/nowasm", {}]) assert.equal(start({ nowasm: wrong }).error.code, "invalid_options");
});

test("where a part of it cannot be loaded, the question fails alone, and the engine goes on", async () => {
  const shopVisit = await visit({
    files: { ...pages({ pack: "/pack.keepset" }), "/pack.keepset": compiled(installed, shop()) },
    serve: { csp: CSP, answer: (path) => (/nowasm-study/.test(path) ? [404, "text/plain", ""] : undefined) },
  });
  const page = await buys(shopVisit);
  assert.equal(await page.evaluate(() => keepset.explain("buyer")), null);
  await track(page, 10);
  await page.waitForFunction(() => keepset.has("fan"));
  assert.deepEqual([await codes(page), await ready(page)], [["wasm_load_failed"], "ready"]);
  await shopVisit.close();
});

test("no text in it is ever run, and the files of a page without it do not hold it", () => {
  for (const file of ["nowasm.js", "nowasm-report.js", "nowasm-study.js", "nowasm.global.js"]) {
    assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /\beval\(|\bnew Function\b|\bFunction\(|WebAssembly/, file);
  }
  for (const file of ["index.js", "node.js"]) assert.doesNotMatch(readFileSync(join(dist, file), "utf8"), /nowasm\.(js|cjs)/, file);
  // A worker has nobody to hand it over, so it names the file, and fetches it when its page named it.
  const worker = readFileSync(join(dist, "worker-engine.js"), "utf8");
  assert.deepEqual(worker.match(/.{14}nowasm[-.\w]*\.c?js.{2}/g), ['()=>import("./nowasm.js")']);
  assert.ok(worker.length < readFileSync(join(dist, "index.js"), "utf8").length);
});
