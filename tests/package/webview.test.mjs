// `keepset/webview` in Chromium, in the place of each platform's web view; around it the reference host that React Native apps use, in Node.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { KeepsetHost } from "../../webview/host.mjs";
import { tools } from "./support/installed.mjs";
import { ALL, DAY, shop, START } from "./support/packs.mjs";
import { site } from "./support/site.mjs";
import { browser, code, installed } from "./support/visit.mjs";

const Ajv = createRequire(join(tools, "x.js"))("ajv/dist/2020.js").default;
const valid = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(join(installed.package, "docs/webview.schema.json"), "utf8")));

const PAGE = code({ collector: "https://collector.test" })
  .replace('import { init }', 'import { webview } from "/keepset/webview.js";\nglobalThis.bridge = webview(globalThis.bridgeOptions);\nimport { init }')
  .replace('pack: "/pack.json",', 'pack: "/pack.json", ...(bridge ? { storage: bridge.storage } : {}),') + "\nbridge?.serve(keepset);";
const files = { "/": '<!doctype html><title>app</title><script type="module" src="/page.js"></script>', "/page.js": PAGE, "/pack.json": JSON.stringify(shop()) };
const served = await site(installed.dist, files);

/** What each platform puts around the page, as its documentation says; `toApp` resolves to the app's reply. */
const PLATFORMS = {
  "WKWebView, with replies": () => { globalThis.webkit = { messageHandlers: { keepset: { postMessage: (text) => toApp(text) } } }; globalThis.fromApp = (data) => dispatchEvent(new MessageEvent("keepset", { data })); },
  "Android's WebView": () => { globalThis.keepsetHost = { onmessage: null, postMessage: (text) => void toApp(text).then((data) => data && keepsetHost.onmessage({ data })) }; globalThis.fromApp = (data) => keepsetHost.onmessage({ data }); },
  "React Native": () => { globalThis.ReactNativeWebView = { postMessage: (text) => void toApp(text).then((data) => data && fromApp(data)) }; globalThis.fromApp = (data) => dispatchEvent(new MessageEvent("keepset", { data })); },
};
const [SOME] = Object.keys(PLATFORMS);

/** An app: one host, its store, and every message that crossed. */
function app() {
  const values = new Map();
  const host = new KeepsetHost({ get: async (key) => values.get(key), set: async (key, value) => void values.set(key, value), delete: async (key) => void values.delete(key) });
  const messages = [];
  const contexts = [];
  /** A web view with a browser's storage of its own. */
  const view = async (platform, { answer, options } = {}) => {
    const context = await browser().newContext();
    contexts.push(context);
    const page = await context.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.message));
    const post = (text) => (messages.push(text), void page.evaluate((text) => fromApp(text), text));
    const receive = host.attach(post);
    await page.exposeFunction("toApp", async (text) => {
      messages.push(text);
      const reply = answer ? await answer(text) : await receive(text);
      if (reply) messages.push(reply);
      return reply;
    });
    if (options) await page.addInitScript((options) => { globalThis.bridgeOptions = options; }, options);
    await page.addInitScript(PLATFORMS[platform]);
    await page.goto(served.url);
    await page.waitForFunction(() => globalThis.keepset);
    await page.evaluate(() => keepset.ready.then(() => undefined));
    return Object.assign(page, { receive, post });
  };
  const close = () => Promise.all(contexts.map((context) => context.close()));
  return { host, values, messages, view, close };
}

/** Fails on the first message that the schema does not describe. */
const described = (messages) => messages.forEach((text) => assert.ok(valid(JSON.parse(text)), `${text}\n${JSON.stringify(valid.errors)}`));

for (const platform of Object.keys(PLATFORMS)) {
  test(`in ${platform} the app keeps the profile, tracks and asks, and every message is as the schema says`, async () => {
    const { host, values, messages, view, close } = app();
    const told = [];
    host.onTell((message) => told.push(message));
    // Before there is an engine, what the app tracks is kept.
    const early = host.track("purchase", { value: 1 }, { at: START, eventId: "order-1" });
    const page = await view(platform);
    assert.equal(await page.evaluate(() => bridge.ready), true);
    await early;
    assert.deepEqual(await host.ask("consent.set", { choice: ALL }), ALL);
    await host.track("purchase", { value: 2, gift: true }, { at: START, eventId: "order-2" });
    await host.track("purchase", { value: 2 }, { at: START, eventId: "order-2" });
    assert.equal(await page.evaluate(() => keepset.has("buyer")), true);
    assert.equal(await host.ask("has", { segment: "buyer" }), true);
    assert.equal((await host.ask("explain", { segment: "buyer" })).condition.value, 1);
    assert.deepEqual((await host.ask("segments")).map(({ id }) => id), ["buyer"]);
    await assert.rejects(host.track("purchase", { value: -1 }), (error) => error.code === "refused" && /purchase: .*value/.test(error.message));
    await assert.rejects(host.ask("nothing"), { code: "unknown_call" });
    assert.equal(values.size, 1);
    assert.deepEqual(await page.evaluate(async () => (await indexedDB.databases()).length + localStorage.length), 0, "the web view itself keeps nothing");
    await page.evaluate(() => keepset.deleteAll());
    assert.equal(values.size, 0);
    assert.deepEqual(told.map(({ tell }) => tell).slice(0, 1), ["ready"]);
    assert.ok(told.some(({ tell, entered }) => tell === "change" && entered.includes("buyer")) && told.some(({ tell, consent }) => tell === "consent" && consent.sharing === "granted"));
    described(messages.filter((text) => !text.includes('"nothing"')));
    assert.deepEqual(page.problems, []);
    await close();
  });
}

test("two web views of an app, each with a browser storage of its own, are one profile with one budget", async () => {
  const { host, view, close } = app();
  const one = await view(SOME);
  await host.ask("consent.set", { choice: ALL });
  await host.track("purchase", { value: 1 }, { at: START });
  const two = await view("Android's WebView");
  assert.deepEqual(await two.evaluate(() => [keepset.has("buyer"), keepset.consent.get().reporting]), [true, "granted"]);
  // The first report of a new device is due in a later window; both ask for it at once.
  for (const page of [one, two]) await page.evaluate((ms) => skip(ms), DAY);
  // Each may lose its turn to what the other stores at that moment; then nothing is drawn, and the next to ask draws.
  const ask = () => Promise.all([one, two].map((page) => page.evaluate(async () => (await keepset.preview())?.id)));
  let drawn = await ask();
  for (let round = 0; round < 20 && !drawn.some(Boolean); round += 1) drawn = await ask();
  for (const page of [one, two]) await page.evaluate(() => keepset.track("visit"));
  const ledgers = await Promise.all([one, two].map((page) => page.evaluate(async () => (await keepset.ledger.list()).map(({ id }) => id))));
  const budgets = await Promise.all([one, two].map((page) => page.evaluate(async () => (await keepset.ledger.budget()).spent)));
  assert.ok(drawn.some(Boolean), "nobody drew a report");
  assert.deepEqual(ledgers[0], ledgers[1]);
  assert.equal(ledgers[0].length, 1);
  assert.deepEqual(budgets, [2, 2]);
  await close();
});

test("an app of another version, one that answers nonsense and one that is silent: the page goes on in memory and sends no report", async () => {
  const answers = {
    "another version": (text) => JSON.stringify({ keepset: 1, re: JSON.parse(text).id, error: { code: "version", message: "this app speaks version 2" } }),
    nonsense: (text) => JSON.stringify({ keepset: 1, re: JSON.parse(text).id, value: 7 }),
    "no JSON": () => "<html>",
    silence: () => undefined,
  };
  for (const [what, answer] of Object.entries(answers)) {
    const { view, close } = app();
    const page = await view("React Native", { answer, options: { timeoutMs: 200 } });
    assert.equal(await page.evaluate(() => bridge.ready), false, what);
    await page.evaluate((all) => keepset.consent.set(all), ALL);
    await page.evaluate(() => keepset.track("purchase", { value: 1 }));
    await page.waitForFunction(() => keepset.has("buyer"));
    await page.evaluate((ms) => skip(ms), DAY);
    assert.deepEqual(await page.evaluate(() => keepset.flush()), { sent: 0, queued: 1, skipped: "not_durable" }, what);
    assert.ok((await page.evaluate(() => heard.map(({ code }) => code))).includes("storage_unavailable"), what);
    assert.deepEqual(page.problems, [], what);
    await close();
  }
});

test("what is no message of the bridge is passed over, and what asks for more than the page has is refused", async () => {
  const { view, messages, close } = app();
  const page = await view(SOME);
  const before = messages.length;
  for (const text of ["", "{", "null", "7", "[]", '{"keepset":"1","id":1,"call":"segments"}', '{"id":1,"call":"segments"}', '{"keepset":1,"re":99,"value":1}', '{"keepset":1,"call":"segments"}']) page.post(text);
  page.post('{"keepset":2,"id":5,"call":"segments"}');
  page.post('{"keepset":1,"id":6,"call":"constructor"}');
  page.post('{"keepset":1,"id":7,"call":"explain","segment":7}');
  await page.waitForFunction(() => true);
  const replies = () => messages.slice(before).map((text) => { try { return JSON.parse(text); } catch { return {}; } }).filter((message) => [5, 6, 7].includes(message?.re));
  while (replies().length < 3) await page.waitForTimeout(10);
  assert.deepEqual(replies().sort((a, b) => a.re - b.re).map(({ re, error, value }) => [re, error?.code ?? value]), [[5, "version"], [6, "unknown_call"], [7, null]]);
  assert.deepEqual(page.problems, []);
  await close();
});

test("without an app around it there is no bridge, and a closed one fails what waits", async () => {
  const context = await browser().newContext();
  const page = await context.newPage();
  await page.goto(served.url);
  await page.waitForFunction(() => globalThis.keepset);
  assert.equal(await page.evaluate(() => bridge), null);
  const { webview } = await import(join(installed.dist, "webview.js"));
  assert.equal(webview(), null, "nor on a server");
  let left = false;
  const stop = new AbortController();
  const bridge = webview({ port: { send: () => undefined, listen: () => () => { left = true; } }, signal: stop.signal });
  const waits = bridge.storage.get("x");
  stop.abort();
  await assert.rejects(waits, { name: "WebviewError", code: "closed" });
  await assert.rejects(bridge.storage.get("x"), { code: "closed" });
  assert.deepEqual([await bridge.ready, left, webview({ port: {}, signal: AbortSignal.abort() })], [false, true, null]);
  await context.close();
});
