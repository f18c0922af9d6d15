// What a page loads, and what it loads later: compiled packs, the part that reads JSON and explains, the part that draws noise.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import { collector } from "./support/collector.mjs";
import { compiled } from "./support/compiled.mjs";
import { ALL, DAY, handClock, shop } from "./support/packs.mjs";
import { serve } from "./support/server.mjs";
import { browser, code, codes, files, grant, installed, ready, track, visit } from "./support/visit.mjs";

const { createClient } = await import(pathToFileURL(join(installed.dist, "node.js")).href);
const bytes = compiled(installed, shop());
const damaged = bytes.map((byte, index) => (index === 60 ? byte ^ 1 : byte));
const foreign = bytes.map((byte, index) => (index === 4 ? byte + 1 : byte));

/** A visit to a site with a compiled pack. */
const compiledVisit = ({ files: more, ...rest } = {}) =>
  visit({ files: { ...files({ pack: "/pack.keepset", ...rest.options }), "/pack.keepset": bytes, ...more }, ...rest });
/** What a site was asked for of the study part, and of the one that draws noise. */
const studied = ({ requests }) => requests.filter((path) => /study/.test(path));
const drawn = ({ requests }) => requests.filter((path) => /report/.test(path));
const flush = (page) => page.evaluate(() => keepset.flush());
const skipDay = (page) => page.evaluate((day) => skip(day), DAY);
const explain = (page) => page.evaluate(() => keepset.explain("buyer").then((why) => why && [why.member, why.condition.value ?? 0]));

/** A client in Node that has bought once. */
async function bought(options) {
  const client = createClient({ pack: bytes, clock: handClock(), storage: "memory", ...options });
  await client.consent.set(ALL);
  client.track("purchase", { value: 1 });
  await client.ledger.list();
  return client;
}

test("a page with a compiled pack loads the script, the core and the pack; what explains comes when it is asked for, once", async () => {
  const shopVisit = await compiledVisit();
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  await grant(page);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  await page.evaluate(() => Promise.all([keepset.features(), keepset.preview(), keepset.exportData(), keepset.flush()]));
  const requests = shopVisit.site.requests.filter((path) => path !== "/favicon.ico");
  assert.deepEqual(requests.slice(0, 3), ["/", "/page.js", "/keepset/index.js"]);
  // These two are asked for together.
  assert.deepEqual(requests.slice(3).sort(), ["/keepset/core.wasm", "/pack.keepset"]);
  const asked = await page.evaluate(() => Promise.all([keepset.explain("buyer"), keepset.simulate([{ name: "purchase" }]), keepset.explain("fan")]));
  assert.deepEqual(asked.map((answer) => answer.member ?? answer), [true, [], false]);
  assert.deepEqual(await explain(page), [true, 1]);
  assert.deepEqual(studied(shopVisit.site).sort(), ["/keepset/study.js", "/keepset/study.wasm"]);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
});

/** A pack with a kind of feature that the usual core has not. */
const seldom = () => {
  const { features, segments, ...rest } = shop();
  const visited = { id: "visitor", title: "Visitor", reason: "because you came", enter: { feature: "visited", op: ">=", value: 1 } };
  return { ...rest, features: { ...features, visited: { kind: "session", measure: "count", event: "visit", window_days: 28 } }, segments: [...segments, visited] };
};

test("the usual core is asked for while the pack is on its way, once for all clients of a page", async () => {
  const count = (file) => shopVisit.site.requests.filter((path) => path.includes(file)).length;
  // There is no pack for who asks for a core only afterwards.
  const answer = async (path) => {
    for (let n = 0; path === "/pack.keepset" && count("core") === 0; n += 1) {
      if (n === 500) return [404, "text/plain", ""];
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const shopVisit = await compiledVisit({ serve: { answer } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  await page.evaluate(async () => {
    const { createClient } = await import("/keepset/index.js");
    await Promise.all(["b", "c"].map((name) => createClient({ pack: `/pack.keepset?${name}`, name, storage: "memory" }).ready));
  });
  assert.deepEqual([count("pack.keepset"), count("core")], [3, 1]);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
});

test("a page that names the core for its pack loads that one alone", async () => {
  const [from, to] = ['pack: "/pack.json"', 'wasm: fetch("/keepset/core-full.wasm"), pack: "/pack.json"'];
  const named = files({ pack: "/full.keepset" });
  const shopVisit = await visit({ files: { ...named, "/page.js": named["/page.js"].replace(from, to), "/full.keepset": compiled(installed, seldom()) } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  assert.deepEqual(shopVisit.site.requests.filter((path) => /core/.test(path)), ["/keepset/core-full.wasm"]);
  await shopVisit.close();
});

test("a pack that names seldom kinds is computed by the fuller core, in the place of the usual one; a page can have both", async () => {
  const shopVisit = await compiledVisit({ options: { pack: "/full.keepset" }, files: { "/full.keepset": compiled(installed, seldom()) } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  await grant(page);
  await page.evaluate(() => keepset.track("visit"));
  await page.waitForFunction(() => keepset.has("visitor"));
  // The usual core was asked for in vain, and that may be called off before it is sent.
  const loaded = () => shopVisit.site.requests.filter((path) => !["/favicon.ico", "/keepset/core.wasm"].includes(path));
  assert.deepEqual(loaded(), ["/", "/page.js", "/keepset/index.js", "/full.keepset", "/keepset/core-full.wasm"]);
  const usual = await page.evaluate(async (all) => {
    const { createClient } = await import("/keepset/index.js");
    const other = createClient({ pack: "/pack.keepset", name: "other", storage: "memory" });
    await other.consent.set(all);
    other.track("purchase", { value: 1 });
    await other.features();
    return [other.has("buyer"), keepset.has("buyer"), keepset.has("visitor")];
  }, ALL);
  assert.deepEqual(usual, [true, false, true]);
  assert.deepEqual(loaded().slice(5), ["/pack.keepset"]);
  assert.ok(shopVisit.site.requests.includes("/keepset/core.wasm"));
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
});

test("the packs for shops need the usual core alone; a page that names it for another pack is told which one it needs", async () => {
  const needs = (pack) => compiled(installed, pack)[4] > 0x7f;
  const packed = (name) => JSON.parse(readFileSync(new URL(`../../packs/${name}/pack.json`, import.meta.url), "utf8"));
  assert.deepEqual(["retail", "starter", "clickstream"].map((name) => needs(packed(name))), [false, false, true]);
  assert.deepEqual([needs(shop()), needs(seldom())], [false, true]);
  const shopVisit = await compiledVisit({ options: { pack: "/full.keepset", wasm: "/keepset/core.wasm" }, files: { "/full.keepset": compiled(installed, seldom()) } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "failed");
  assert.deepEqual(await page.evaluate(() => [keepset.error.code, /core-full\.wasm/.test(keepset.error.message)]), ["pack_invalid", true]);
  await shopVisit.close();
});

test("of two tabs the one that holds the engine loads what explains, whichever asks", async () => {
  const shopVisit = await compiledVisit();
  const [first, second] = [await shopVisit.open(), await shopVisit.open()];
  await ready(first);
  await ready(second);
  await grant(second);
  await track(second, 2);
  assert.deepEqual(await explain(second), [true, 2]);
  assert.deepEqual(await explain(first), [true, 2]);
  assert.equal(studied(shopVisit.site).length, 2);
  await shopVisit.close();
});

test("a pack is told by its bytes, whatever its name, its type and the form it is given in", async () => {
  const text = JSON.stringify(shop());
  const front = await serve([], (request, response) => response.writeHead(200, { "content-type": "text/html" }).end(request.url === "/a" ? bytes : `\ufeff\n ${text}`));
  const view = new DataView(Uint8Array.from([7, 7, ...bytes, 7]).buffer, 2, bytes.length);
  const forms = [bytes, new Uint8Array(bytes), new Uint8Array(bytes).buffer, view, `${front.url}/a`, new URL(`${front.url}/a`), shop(), text, ` ${text}`, `${front.url}/b`, new URL(`${front.url}/b`), Buffer.from(text)];
  for (const pack of forms) {
    const client = await bought({ pack });
    assert.deepEqual([client.status, client.error, client.has("buyer")], ["ready", null, true], String(pack).slice(0, 30));
    assert.equal((await client.explain("buyer")).condition.value, 1);
    await client.destroy();
  }
  front.close();
  for (const [path, body] of [["/pack", text], ["/pack.json", bytes], ["/pack.keepset", text]]) {
    const shopVisit = await visit({ files: { ...files({ pack: path }), [path]: body } });
    const page = await shopVisit.open();
    assert.equal(await ready(page), "ready", path);
    assert.equal(studied(shopVisit.site).length, body === text ? 2 : 0, path);
    await shopVisit.close();
  }
});

test("T9: a compiled pack that is damaged, cut short or of another version is refused with a sentence", async () => {
  const broken = /^this is no compiled pack, or a damaged one$/;
  const packs = [[damaged, broken], [bytes.subarray(0, 40), broken], [bytes.subarray(0, 3), broken], [new Uint8Array(0), broken], [new ArrayBuffer(99), broken], [Buffer.from("<!doctype html>"), broken], [Buffer.concat([bytes, bytes]), broken], [foreign, /^another version of keepset compiled this pack; compile it again$/]];
  for (const [pack, sentence] of packs) {
    const client = createClient({ pack, storage: "memory" });
    await client.ready;
    assert.deepEqual([client.status, client.error.code], ["failed", "pack_invalid"]);
    assert.match(client.error.message, sentence);
    client.track("purchase", { value: 1 });
    assert.equal(await client.explain("buyer"), null);
  }
  const shopVisit = await compiledVisit({ files: { "/pack.keepset": "<!doctype html><title>log in</title>" } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "failed");
  assert.deepEqual(await codes(page), ["pack_invalid"]);
  assert.deepEqual(studied(shopVisit.site), []);
  await shopVisit.close();
});

test("a pack that is none by its kind is a mistake in the options, and one that is not there says what the server answered", async () => {
  for (const pack of [7, null, undefined, "", true, () => shop(), Promise.resolve(shop()), fetch("data:,{}"), new Response("{}"), new Blob(["{}"]), new Map()]) {
    const client = createClient({ pack, storage: "memory" });
    await client.ready;
    assert.equal(client.error.code, "invalid_options", String(pack));
    assert.match(client.error.message, /^options\.pack must be /);
  }
  const front = await serve([], (request, response) => response.writeHead(404).end("{}"));
  const client = createClient({ pack: `${front.url}/pack.keepset`, storage: "memory" });
  await client.ready;
  assert.equal(client.error.code, "pack_load_failed");
  assert.match(client.error.message, /the server answered 404/);
  front.close();
});

test("the answer is about the moment of the question, however long its part takes to come", async () => {
  const shopVisit = await compiledVisit({ serve: { wait: (url) => (/study\.wasm/.test(url) ? 400 : 0) } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await track(page, 2);
  const [before, after] = await page.evaluate(async () => {
    const first = keepset.explain("fan");
    for (let n = 0; n < 3; n += 1) keepset.track("purchase", { value: 1 });
    return Promise.all([first, keepset.explain("fan")]).then((both) => both.map(({ condition }) => condition.value));
  });
  assert.deepEqual([before, after], [2, 5]);
  await shopVisit.close();
});

test("where what explains does not come, only the question fails, and the next one tries again", async () => {
  for (const missing of [/study\.js/, /study(-inline\.js|\.wasm)/]) {
    let away = true;
    const shopVisit = await compiledVisit({ serve: { answer: (path) => (away && missing.test(path) ? [503, "text/plain", ""] : undefined) } });
    const page = await shopVisit.open();
    await ready(page);
    await grant(page);
    await track(page, 1);
    assert.equal(await explain(page), null);
    assert.deepEqual(await page.evaluate(() => keepset.simulate([{ name: "purchase" }])), []);
    assert.deepEqual(await codes(page), ["wasm_load_failed", "wasm_load_failed"]);
    assert.equal(await page.evaluate(() => keepset.status), "ready");
    await track(page, 1);
    away = false;
    assert.deepEqual(await explain(page), [true, 2], String(missing));
    await shopVisit.close();
  }
});

test("where study.wasm is not what came back, the copy inside the package takes its place", async () => {
  for (const wrong of [[200, "text/html", "<!doctype html>"], [404, "text/plain", ""]]) {
    const shopVisit = await compiledVisit({ serve: { answer: (path) => (path.endsWith("study.wasm") ? wrong : undefined) } });
    const page = await shopVisit.open();
    await ready(page);
    assert.deepEqual(await explain(page), [false, 0]);
    assert.ok(shopVisit.site.requests.includes("/keepset/study-inline.js"));
    await shopVisit.close();
  }
});

test("what draws the noise comes when a report may be due, once, whatever the report will say", async () => {
  const front = await collector();
  for (const orders of [0, 1]) {
    const shopVisit = await compiledVisit({ options: { collector: front.url } });
    const page = await shopVisit.open();
    await ready(page);
    await grant(page, { ...ALL, reporting: "denied" });
    await track(page, orders);
    assert.equal((await flush(page)).skipped, "no_consent");
    await grant(page);
    // The window in which the device was new is left unanswered.
    assert.equal((await flush(page)).skipped, "answered");
    assert.deepEqual(drawn(shopVisit.site), []);
    for (let windows = 0; windows < 2; windows += 1) {
      await skipDay(page);
      assert.deepEqual(await flush(page), { sent: 1, queued: 0 });
    }
    assert.deepEqual(drawn(shopVisit.site).sort(), ["/keepset/report.js", "/keepset/report.wasm"]);
    assert.deepEqual([studied(shopVisit.site), await codes(page), page.problems], [[], [], []]);
    await shopVisit.close();
  }
  front.close();
});

test("where what draws the noise does not come, nothing is charged, and the report is made when it comes", async () => {
  const front = await collector();
  for (const missing of [/report\.js/, /report(-inline\.js|\.wasm)/]) {
    let away = true;
    const shopVisit = await compiledVisit({ options: { collector: front.url }, serve: { answer: (path) => (away && missing.test(path) ? [503, "text/plain", ""] : undefined) } });
    const page = await shopVisit.open();
    await ready(page);
    await grant(page);
    await track(page, 1);
    await skipDay(page);
    assert.deepEqual(await flush(page), { sent: 0, queued: 0, skipped: "not_loaded" });
    assert.ok((await codes(page)).every((code) => code === "wasm_load_failed") && (await codes(page)).length > 0);
    assert.deepEqual(await page.evaluate(async () => [(await keepset.ledger.budget()).spent, await keepset.ledger.list(), keepset.has("buyer")]), [0, [], true]);
    away = false;
    assert.deepEqual(await flush(page), { sent: 1, queued: 0 });
    assert.equal(await page.evaluate(async () => (await keepset.ledger.budget()).spent), 2);
    await shopVisit.close();
  }
  front.close();
});

test("while what draws the noise is on its way, events count, choices are confirmed, and a withdrawal stops the report", async () => {
  const front = await collector();
  const shopVisit = await compiledVisit({ options: { collector: front.url }, serve: { wait: (url) => (/report/.test(url) ? 4_000 : 0) } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await skipDay(page);
  while (drawn(shopVisit.site).length === 0) await page.waitForTimeout(20);
  await track(page, 1);
  await grant(page, { sharing: "denied" });
  assert.ok(await page.evaluate(() => keepset.has("buyer")));
  await grant(page, { reporting: "denied" });
  assert.deepEqual(await page.evaluate(async () => [(await keepset.flush()).skipped, (await keepset.ledger.budget()).spent, keepset.consent.get().reporting]), ["no_consent", 0, "denied"]);
  assert.deepEqual([await codes(page), page.problems, front.requests], [[], [], []]);
  await shopVisit.close();
  front.close();
});

test("a pack of JSON whose reader does not come fails the client with a code, and a wrong one with its place", async () => {
  const without = await visit({ serve: { answer: (path) => (/study/.test(path) ? [404, "text/plain", ""] : undefined) } });
  const page = await without.open();
  assert.equal(await ready(page), "failed");
  assert.deepEqual(await codes(page), ["wasm_load_failed"]);
  await without.close();
  const wrong = await visit({ files: { ...files(), "/pack.json": JSON.stringify(shop({ colour: "blue" })) } });
  const other = await wrong.open();
  assert.equal(await ready(other), "failed");
  assert.match(await other.evaluate(() => keepset.error.message), /^\$\.colour: /);
  await wrong.close();
});

test("a client that is destroyed while what explains is on its way answers with nothing and says no error", async () => {
  const shopVisit = await compiledVisit({ serve: { wait: (url) => (/study\.wasm/.test(url) ? 1_500 : 0) } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  const answer = await page.evaluate(async () => {
    const why = keepset.explain("buyer");
    await keepset.destroy();
    return Promise.race([why, new Promise((resolve) => setTimeout(resolve, 3_000, "nothing came"))]);
  });
  assert.equal(answer, null);
  assert.deepEqual([await codes(page), page.problems], [[], []]);
  await shopVisit.close();
});

test("a plain script tag asks why, too, from a server and from a file", async () => {
  const script = code({ pack: "/pack.keepset" }).replace(/import .*;/, "const { init } = globalThis.keepset;");
  const html = '<!doctype html><script src="/keepset/global.js"></script><script src="/page.js"></script>';
  const shopVisit = await compiledVisit({ files: { "/": html, "/page.js": `{${script}}` } });
  const page = await shopVisit.open();
  assert.equal(await page.evaluate(() => keepset.ready.then(() => keepset.status)), "ready");
  assert.deepEqual(studied(shopVisit.site), []);
  assert.deepEqual(await explain(page), [false, 0]);
  assert.deepEqual(studied(shopVisit.site).sort(), ["/keepset/study.global.js", "/keepset/study.wasm"]);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
  writeFileSync(join(installed.dist, "why-from-file.html"), `<!doctype html><script src="global.js"></script><script>globalThis.keepset = keepset.init({ pack: Uint8Array.from(${JSON.stringify([...bytes])}) })</script>`);
  const context = await browser().newContext();
  const local = await context.newPage();
  await local.goto(`file://${installed.dist}/why-from-file.html`);
  assert.equal(await local.evaluate(() => keepset.ready.then(() => keepset.status)), "ready");
  assert.deepEqual(await explain(local), [false, 0]);
  await context.close();
});

test("a page that was bundled asks why, with the part as a file of its own and without", async () => {
  const { build } = createRequire(join(installed.folder, "../x.js"))(join(process.cwd(), "pkg-template/node_modules/esbuild"));
  writeFileSync(join(installed.folder, "why.mjs"), code({ pack: "/pack.keepset" }, "keepset"));
  for (const splitting of [true, false]) {
    const { outputFiles } = await build({ entryPoints: [join(installed.folder, "why.mjs")], bundle: true, splitting, format: "esm", write: false, outdir: "/", logLevel: "error" });
    const built = Object.fromEntries(outputFiles.map(({ path, text }) => [path === "/why.js" ? "/page.js" : path, text]));
    const shopVisit = await compiledVisit({ files: built });
    const page = await shopVisit.open();
    assert.equal(await ready(page), "ready");
    assert.deepEqual(await explain(page), [false, 0]);
    assert.deepEqual(page.problems, []);
    await shopVisit.close();
  }
});

test("required as CommonJS it compiles and explains alike", () => {
  writeFileSync(join(installed.folder, "why.cjs"), `
    const { createClient } = require("keepset");
    const client = createClient({ pack: ${JSON.stringify(shop())}, storage: "memory" });
    client.consent.set(${JSON.stringify(ALL)});
    client.track("purchase", { value: 1 });
    client.explain("buyer").then(({ member, condition }) => console.log(client.status, member, condition.value));
  `);
  assert.equal(execFileSync(process.execPath, ["why.cjs"], { cwd: installed.folder, encoding: "utf8" }).trim(), "ready true 1");
});
