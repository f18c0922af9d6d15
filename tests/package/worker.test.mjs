// `keepset/worker` in Chromium under a strict policy: the engine of all tabs is in one worker, the page's thread has none, and a worker that dies is replaced.
import assert from "node:assert/strict";
import { test } from "node:test";

import { collector } from "./support/collector.mjs";
import { compiled } from "./support/compiled.mjs";
import { ALL, DAY, sharing, shop } from "./support/packs.mjs";
import { stores } from "./support/site.mjs";
import { code, codes, grant, HTML, installed, orders, ready, tear, track, visit } from "./support/visit.mjs";

/** As strict as can be with a worker. */
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' http://127.0.0.1:*";
const PACK = compiled(installed, shop());

/** The page's code with the engine in a worker, and a note of every module that is made on the page's own thread. */
const page = (options, runtime = "inWorker()") => `
  globalThis.made = [];
  for (const name of ["Instance"]) WebAssembly[name] = new Proxy(WebAssembly[name], { construct: (...call) => (made.push(name), Reflect.construct(...call)) });
  const { inWorker } = await import("/keepset/worker.js");
  globalThis.KeepsetErrorOfPage = (await import("/keepset/index.js")).KeepsetError;
  ${code({ pack: "/pack.keepset", ...options }).replace("init({", `init({ runtime: ${runtime},`)}`;

/** A visit with the engine in a worker. */
async function worked({ options, runtime, csp = CSP, before = "", html = HTML, pack = PACK, ...rest } = {}) {
  const files = { "/": html, "/page.js": before + page(options, runtime), "/pack.keepset": pack, "/pack.json": JSON.stringify(shop()) };
  const shopVisit = await visit({ files, serve: { csp }, ...rest });
  const enter = async () => {
    const tab = await shopVisit.enter();
    assert.equal(await ready(tab), "ready", JSON.stringify(await tab.evaluate(() => [keepset.error?.message, keepset.error?.cause?.message])));
    return tab;
  };
  return { ...shopVisit, enter };
}
/** How many engines there are on this page's thread. */
const engines = (tab) => tab.evaluate(() => made.length);
const workers = (...tabs) => tabs.map((tab) => tab.workers().length);
/** Waits until so many orders count, and a moment more: none may count twice. */
async function counted(tab, expected) {
  await tab.waitForFunction((expected) => keepset.explain("fan").then((why) => why?.condition.value >= expected), expected);
  await tab.waitForTimeout(200);
  assert.equal(await orders(tab), expected);
}
/** A worker of a tab that may just have been started. */
const workerOf = async (tab) => tab.workers()[0] ?? (await tab.waitForEvent("worker"));

test("the client is the same with its engine in a worker: events, reasons, explanations, features, and what an event would change", async () => {
  const { enter, site, close } = await worked();
  const tab = await enter();
  await grant(tab);
  await track(tab, 11);
  await tab.waitForFunction(() => keepset.has("fan"));
  assert.equal(await orders(tab), 11);
  const told = await tab.evaluate(async () => ({
    reasons: heard.filter(({ type }) => type === "change").length,
    features: (await keepset.features()).map(({ id, value }) => [id, value]),
    simulated: (await keepset.simulate([{ name: "purchase", at: Date.UTC(2026, 3, 1) }])).map(({ segment, kind }) => `${segment} ${kind}`),
    stored: (await keepset.exportData()).stored !== null,
  }));
  assert.deepEqual(told.features.find(([id]) => id === "orders"), ["orders", 11]);
  assert.ok(told.simulated.includes("fan left") && told.stored && told.reasons > 0, JSON.stringify(told));
  await tab.evaluate((ms) => skip(ms), 29 * DAY);
  await tab.waitForFunction(() => !keepset.has("fan"));
  await tab.evaluate(() => keepset.track("purchase", { value: -1 }));
  await tab.waitForFunction(() => heard.some(({ code }) => code === "invalid_event"));
  assert.deepEqual([await engines(tab), workers(tab)], [0, [1]], "the page's own thread has no engine");
  assert.ok(site.requests.includes("/keepset/worker-engine.js"));
  assert.deepEqual(tab.problems, []);
  await close();
});

test("before anything leaves the worker asks the page: who confirms consent there, and Global Privacy Control as it is then", async () => {
  const front = await collector();
  const before = 'globalThis.gpcOn = false; Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => gpcOn, configurable: true }); Math.random = () => 0.999;';
  const { enter, close } = await worked({ options: { collector: front.url }, before, pack: compiled(installed, sharing()) });
  const tab = await enter();
  const sent = () => tab.evaluate(() => keepset.flush().then(({ sent, skipped }) => [sent, skipped ?? null]));
  const waits = async (kind) => {
    for (let n = 0; n < 100 && (await tab.evaluate(() => keepset.preview().then((waiting) => waiting?.kind))) !== kind; n += 1) await tab.evaluate((ms) => skip(ms), DAY / 12);
    assert.equal(await tab.evaluate(() => keepset.preview().then((waiting) => waiting?.kind)), kind);
  };
  await tab.evaluate(() => { keepset.consent.confirm = (purpose) => (globalThis.askedFor = purpose, globalThis.says()); });
  await grant(tab, { ...ALL, sharing: "denied" });
  await waits("report");
  const noes = [() => false, () => "yes", () => { throw new Error(); }, () => Promise.reject(), () => new Promise(() => undefined)];
  for (const [n, no] of noes.entries()) {
    await tab.evaluate(`globalThis.says = ${no}`);
    assert.deepEqual(await sent(), [0, "no_consent"], `${n}`);
  }
  assert.deepEqual([front.requests.length, await tab.evaluate(() => askedFor)], [0, "reporting"]);
  await tab.evaluate(() => { globalThis.says = () => true; });
  assert.deepEqual(await sent(), [1, null]);

  await grant(tab, { sharing: "granted", reporting: "denied" });
  await waits("label");
  await tab.evaluate(() => { gpcOn = true; });
  assert.deepEqual(await sent(), [0, "no_consent"]);
  assert.equal(front.requests.length, 1);
  await tab.evaluate(() => { gpcOn = false; });
  assert.deepEqual(await sent(), [1, null]);
  assert.deepEqual([front.requests.map(({ url }) => url), await tab.evaluate(() => askedFor)], [["/v1/reports", "/v1/labels"], "sharing"]);
  assert.deepEqual([await engines(tab), workers(tab)], [0, [1]]);
  await close();
  await front.close();
});

test("three tabs share one worker, and when the tab that has it closes another starts one of its own and nothing is lost", async () => {
  const { enter, close } = await worked();
  const [one, two, three] = [await enter(), await enter(), await enter()];
  await grant(three);
  await Promise.all([track(one, 4), track(two, 4), track(three, 4)]);
  for (const tab of [one, two, three]) {
    await tab.waitForFunction(() => keepset.has("fan"));
    assert.equal(await orders(tab), 12);
  }
  assert.deepEqual(workers(one, two, three), [1, 0, 0]);
  await Promise.all([one.close(), track(two, 1), track(three, 1)]);
  for (const tab of [two, three]) await counted(tab, 14);
  assert.deepEqual(workers(two, three).sort(), [0, 1]);
  assert.deepEqual([await engines(two), await engines(three)], [0, 0]);
  await close();
});

test("a worker that crashes is replaced, in three tabs, and every event before, during and after counts once", async () => {
  const { enter, close } = await worked();
  const [one, two, three] = [await enter(), await enter(), await enter()];
  await grant(one);
  await Promise.all([one, two, three].map((tab) => track(tab, 2)));
  assert.equal(await orders(two), 6);
  const first = await workerOf(one);
  const replaced = one.waitForEvent("worker");
  // As an error that nobody caught; the events are on their way to it.
  await first.evaluate(() => void setTimeout(() => { throw new Error("crash"); }));
  await Promise.all([one, two, three].map((tab) => track(tab, 3)));
  await replaced;
  for (const tab of [three, two, one]) await counted(tab, 15);
  assert.equal(workers(one)[0], 1);
  for (const tab of [one, two, three]) assert.deepEqual([await tab.evaluate(() => keepset.status), await codes(tab), tab.problems], ["ready", [], []]);
  await close();
});

test("a worker that dies without a word is found out by what it does not answer, and replaced", async () => {
  const { enter, close } = await worked();
  const [one, two] = [await enter(), await enter()];
  await grant(one);
  await track(one, 5);
  assert.equal(await orders(two), 5);
  const replaced = one.waitForEvent("worker", { timeout: 20_000 });
  await (await workerOf(one)).evaluate(() => close()).catch(() => undefined);
  await Promise.all([track(one, 3), track(two, 3)]);
  await replaced;
  for (const tab of [two, one]) await counted(tab, 11);
  assert.deepEqual(await codes(one), []);
  await close();
});

test("a worker that dies again and again ends the client with a word, and the page goes on", async () => {
  const { enter, close } = await worked();
  const tab = await enter();
  await grant(tab);
  for (let death = 1; death <= 4; death += 1) {
    const next = death < 4 ? tab.waitForEvent("worker") : undefined;
    await (await workerOf(tab)).evaluate(() => void setTimeout(() => { throw new Error("crash"); }));
    await next;
    if (next) await tab.evaluate(() => keepset.ledger.list());
  }
  await tab.waitForFunction(() => keepset.status === "failed");
  // The first word is of the engine that was opened anew after two deaths.
  assert.deepEqual(await codes(tab), ["engine_crashed", "engine_crashed"]);
  assert.equal(await tab.evaluate(() => keepset.error.constructor === KeepsetErrorOfPage && keepset.error.docs.endsWith("engine_crashed")), true);
  assert.deepEqual(tab.problems, []);
  await close();
});

test("an engine that stops in its worker goes on in another one, and the report of its window leaves once", async () => {
  const front = await collector();
  const { enter, close } = await worked({ options: { collector: front.url } });
  const tab = await enter();
  await grant(tab);
  await track(tab, 3);
  assert.equal(await orders(tab), 3);
  await tear(await workerOf(tab));
  const { flushed, budget } = await tab.evaluate(async (day) => (skip(day), { flushed: await keepset.flush(), budget: await keepset.ledger.budget() }), DAY);
  assert.deepEqual([flushed, budget.spent, front.requests.length], [{ sent: 1, queued: 0 }, budget.perReport, 1]);
  await track(tab, 1);
  await counted(tab, 4);
  assert.deepEqual([await codes(tab), await ready(tab), await engines(tab)], [["engine_crashed"], "ready", 0]);
  await close();
  front.close();
});

test("reports leave from the worker with the bytes the ledger shows, each charged once, and a withdrawal erases", async () => {
  const front = await collector();
  const { enter, close } = await worked({ options: { collector: front.url } });
  const tab = await enter();
  await grant(tab);
  await track(tab, 1);
  for (let day = 0; day < 2; day += 1) await tab.evaluate(async (day) => (skip(day), await keepset.flush()), DAY);
  const { lines, budget } = await tab.evaluate(async () => ({ lines: (await keepset.ledger.list()).map(({ sealed, outcome }) => [[...sealed], outcome]), budget: await keepset.ledger.budget() }));
  assert.deepEqual(lines.map(([bytes, outcome]) => [Buffer.from(bytes).toString("hex"), outcome]), front.requests.map(({ body }) => [body.toString("hex"), "accepted"]));
  assert.equal(budget.spent, 2 * front.requests.length);
  assert.ok(front.requests.length > 0);
  assert.ok((await stores(tab)).databases.length > 0);
  await tab.evaluate(() => keepset.deleteAll());
  assert.deepEqual(await stores(tab), {});
  assert.deepEqual([await engines(tab), await codes(tab)], [0, []]);
  await close();
  front.close();
});

test("what the browser says of privacy reaches the worker: no label is shared", async () => {
  const front = await collector();
  const labels = { id: "offers", owner: "The shop", purpose: "To send you offers that fit.", text_version: 1, every_days: 1, segments: [{ id: "buyer", reason: "Buyers get other offers." }] };
  const { plan: _, ...rest } = shop({ labels });
  for (const [privacy, expected] of [[true, 0], [false, 1]]) {
    const { enter, close, context } = await worked({ options: { collector: front.url, pack: rest } });
    await context.addInitScript((privacy) => Object.defineProperty(navigator, "globalPrivacyControl", { value: privacy }), privacy);
    front.requests.length = 0;
    const tab = await enter();
    await grant(tab);
    await track(tab, 1);
    for (let step = 0; step < 12 && (expected === 0 || front.requests.length === 0); step += 1) await tab.evaluate((ms) => (skip(ms), keepset.flush()), DAY / 4);
    assert.equal(Math.min(front.requests.length, 1), expected, `privacy control ${privacy}`);
    assert.equal(await engines(tab), 0);
    await close();
  }
  front.close();
});

for (const [what, change] of [
  ["a browser without workers", { before: "delete globalThis.Worker;" }],
  ["a policy that forbids workers", { csp: CSP.replace("worker-src 'self'", "worker-src 'none'") }],
  ["a policy that wants an address to be trusted", { csp: `${CSP}; require-trusted-types-for 'script'` }],
  ["a script that is not where it should be", { runtime: 'inWorker({ worker: "/nowhere.js" })' }],
  ["a function that starts no worker", { runtime: 'inWorker({ worker: () => { throw new Error("none"); } })' }],
  ["an option that is code of the page", { runtime: 'inWorker(), beforeSend: (report) => report' }],
]) {
  test(`with ${what} the engine is in the page, and nothing else changes`, async () => {
    const { enter, close } = await worked(change);
    const tab = await enter();
    await grant(tab);
    await track(tab, 2);
    assert.equal(await orders(tab), 2);
    assert.ok((await engines(tab)) > 0);
    assert.deepEqual([workers(tab), await codes(tab), tab.problems], [[0], [], []]);
    await close();
  });
}

test("where WebAssembly is forbidden in the worker, too, it has the engine as JavaScript, if the page names one", async () => {
  const csp = CSP.replace(" 'wasm-unsafe-eval'", "");
  const { enter, site, close } = await worked({ csp, runtime: 'inWorker(), nowasm: () => import("/keepset/nowasm.js")' });
  const tab = await enter();
  await grant(tab);
  await track(tab, 11);
  await tab.waitForFunction(() => keepset.has("fan"));
  assert.deepEqual([await orders(tab), workers(tab), tab.problems], [11, [1], []]);
  assert.ok(site.requests.includes("/keepset/nowasm.js"));
  await close();
});

test("what the engine refuses is refused in a worker with the same words", async () => {
  const { open, close } = await worked({ options: { pack: "{}" } });
  const tab = await open();
  await ready(tab);
  assert.deepEqual(await tab.evaluate(() => [keepset.status, keepset.error.code]), ["failed", "pack_invalid"]);
  assert.match(await tab.evaluate(() => keepset.error.message), /^\$: the key/);
  await close();
});

test("left and come back to, a page finds what it was told, and of the worker of a page that is gone nothing is left", async () => {
  const { enter, site, close, context } = await worked();
  const tab = await enter();
  await grant(tab, ALL);
  await track(tab, 3);
  assert.equal(await orders(tab), 3);
  await track(tab, 1);
  await tab.evaluate(() => keepset.destroy());
  assert.equal(await tab.evaluate(() => keepset.status), "destroyed");
  await tab.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length + pending.length === 0));
  for (let wait = 0; wait < 40 && tab.workers().length > 0; wait += 1) await tab.waitForTimeout(100);
  assert.deepEqual(workers(tab), [0]);
  const again = await context.newPage();
  await again.goto(site.url);
  await again.waitForFunction(() => globalThis.keepset);
  await ready(again);
  assert.equal(await orders(again), 4, "what was tracked before the end is kept");
  await close();
});
