// The installed package in a page, under `script-src 'self' 'wasm-unsafe-eval'`, in Chromium.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { collector } from "./support/collector.mjs";
import { install, tools } from "./support/installed.mjs";
import { ALL, DAY, shop, START } from "./support/packs.mjs";
import { browse, site, stores } from "./support/site.mjs";

const { dist, folder } = install();
let browser;

before(async () => {
  browser = await browse();
});
after(() => browser.close());

/** The page's own code: a client in `keepset`, everything it tells in `heard`, a clock that can skip. */
const code = (options = {}, from = "/keepset/index.js") => `
  import { init } from "${from}";
  let skipped = Number(new URL(location).searchParams.get("skip") ?? 0);
  const listeners = new Set();
  globalThis.skip = (ms) => { skipped += ms; listeners.forEach((listener) => listener()); };
  globalThis.heard = [];
  globalThis.keepset = init({ pack: "/pack.json", clock: { now: () => ${START} + skipped, onJump: (f) => { listeners.add(f); return () => listeners.delete(f); } }, ...${JSON.stringify(options)} });
  for (const type of ["ready", "change", "consent", "report", "error"]) keepset.on(type, (event) => heard.push({ type, code: event.code, entered: event.entered, outcome: event.outcome, message: event.message }));
`;
const HTML = '<!doctype html><title>shop</title><script type="module" src="/page.js"></script>';
const files = (options, from) => ({ "/": HTML, "/page.js": code(options, from), "/pack.json": JSON.stringify(shop()) });

/** A fresh profile of the browser on a fresh site. */
async function visit({ options, from, serve, files: given } = {}) {
  const shopSite = await site(dist, given ?? files(options, from), serve);
  const context = await browser.newContext();
  const open = async (path = "/") => {
    const page = await context.newPage();
    page.problems = [];
    page.on("pageerror", (error) => page.problems.push(error.message));
    await page.goto(shopSite.url + path);
    await page.waitForFunction(() => globalThis.keepset);
    return page;
  };
  return { open, context, site: shopSite, close: () => context.close().then(() => shopSite.close()) };
}

const ready = (page) => page.evaluate(() => keepset.ready.then(() => keepset.status));
const grant = (page, choice = ALL) => page.evaluate((choice) => keepset.consent.set(choice), choice);
const track = (page, times) => page.evaluate((times) => { for (let n = 0; n < times; n += 1) keepset.track("purchase", { value: 1 }); }, times);
const orders = (page) => page.evaluate(() => keepset.explain("fan").then((why) => why.condition.value ?? 0));
const codes = (page) => page.evaluate(() => heard.filter(({ type }) => type === "error").map(({ code }) => code));

test("a segment is live in a page under a strict policy, from one fetch of the module", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  await grant(page);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  assert.deepEqual(shopVisit.site.requests.filter((path) => path !== "/favicon.ico"), ["/", "/page.js", "/keepset/index.js", "/keepset/core.wasm", "/pack.json"]);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
});

test("before consent nothing is stored, no request is made beyond the files, and no timer runs", async () => {
  const front = await collector();
  const shopVisit = await visit({ options: { collector: front.url } });
  const page = await shopVisit.open();
  await page.evaluate(() => { globalThis.timers = 0; const real = setTimeout; globalThis.setTimeout = (...a) => (timers++, real(...a)); });
  await ready(page);
  const requests = shopVisit.site.requests.length;
  await track(page, 20);
  await page.evaluate((day) => skip(40 * day), DAY);
  const asked = await page.evaluate(async () => [await keepset.flush(), await keepset.preview(), (await keepset.exportData()).stored, await keepset.ledger.next()]);
  assert.deepEqual(asked, [{ sent: 0, queued: 0, skipped: "no_consent" }, null, null, { state: "no_consent" }]);
  await page.waitForTimeout(500);
  assert.deepEqual(await stores(page), {});
  assert.equal(await page.evaluate(() => timers), 0);
  assert.deepEqual(front.requests, []);
  assert.equal(shopVisit.site.requests.length, requests);
  await shopVisit.close();
  front.close();
});

test("the preview in a page is what the collector receives; cookies, referrer and page stay behind", async () => {
  const front = await collector();
  const shopVisit = await visit({ options: { collector: front.url } });
  const page = await shopVisit.open();
  await ready(page);
  await page.evaluate(() => { document.cookie = "id=7"; });
  await grant(page);
  await track(page, 3);
  await page.evaluate((day) => skip(day), DAY);
  const [preview, result] = await page.evaluate(async () => [[...(await keepset.preview()).body], await keepset.flush()]);
  assert.deepEqual(result, { sent: 1, queued: 0 });
  assert.equal(front.requests.length, 1);
  assert.deepEqual([...front.requests[0].body], preview);
  assert.equal(front.requests[0].headers.cookie, undefined);
  assert.equal(front.requests[0].headers.referer, undefined);
  await shopVisit.close();
  front.close();
});

test("two tabs: one holds the engine, ten events here and one there are all counted, and both see the change", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.open();
  const two = await shopVisit.open();
  await Promise.all([ready(one), ready(two)]);
  await grant(two);
  await Promise.all([track(one, 10), track(two, 1)]);
  for (const page of [one, two]) {
    await page.waitForFunction(() => keepset.has("fan"));
    assert.equal(await orders(page), 11);
    assert.deepEqual(await page.evaluate(() => heard.filter(({ type }) => type === "change").flatMap(({ entered }) => entered)), ["buyer", "fan"]);
    assert.equal(await page.evaluate(() => keepset.consent.get().storage), "granted");
  }
  const held = await one.evaluate(() => navigator.locks.query().then(({ held, pending }) => [held.length, pending.length]));
  assert.deepEqual(held, [1, 1]);
  await shopVisit.close();
});

test("two tabs of a browser without locks do not undo each other's work", async () => {
  const without = { "/off.js": "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });" };
  const shopVisit = await visit({ files: { ...files(), ...without, "/": `<!doctype html><script src="/off.js"></script>${HTML}` } });
  const one = await shopVisit.open();
  await ready(one);
  await grant(one);
  const two = await shopVisit.open();
  await ready(two);
  for (let turn = 0; turn < 5; turn += 1) await Promise.all([track(one, 2), track(two, 1)]);
  await Promise.all([one, two].map((page) => page.evaluate(() => keepset.destroy())));
  const three = await shopVisit.open();
  await ready(three);
  assert.equal(await orders(three), 15);
  await shopVisit.close();
});

test("when the tab with the engine closes, another takes it over and nothing is lost", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.open();
  await ready(one);
  await grant(one);
  const two = await shopVisit.open();
  await ready(two);
  await track(two, 5);
  assert.equal(await orders(two), 5);
  // The event is sent to a tab that is closing: it is kept until someone answers it.
  await Promise.all([one.close(), track(two, 1)]);
  await two.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length === 1 && pending.length === 0));
  assert.equal(await orders(two), 6);
  await shopVisit.close();
});

test("a tab that holds the engine and does not answer any more loses it", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.open();
  await ready(one);
  await grant(one);
  await track(one, 1);
  assert.equal(await orders(one), 1);
  const two = await shopVisit.open();
  await ready(two);
  // As a browser freezes a page in the background: its lock stays, its code does not run.
  void one.evaluate(() => { for (const end = Date.now() + 25_000; Date.now() < end; ); }).catch(() => undefined);
  await track(two, 1);
  await two.waitForFunction(() => keepset.explain("fan").then((why) => why?.condition.value === 2), undefined, { timeout: 20_000 });
  await track(two, 1);
  assert.equal(await orders(two), 3);
  await shopVisit.close();
});

test("a tab closed in the middle of its writes leaves a readable profile with what was confirmed", async () => {
  const shopVisit = await visit();
  for (let round = 1; round <= 5; round += 1) {
    const page = await shopVisit.open();
    await ready(page);
    if (round === 1) await grant(page);
    assert.deepEqual(await codes(page), []);
    const found = await orders(page);
    await track(page, 1);
    assert.equal(await orders(page), found + 1);
    // Confirmed: an export holds the stored bytes only after a write.
    await page.evaluate(() => keepset.consent.set({ sharing: "granted" }));
    void page.evaluate(() => { setInterval(() => keepset.track("purchase", { value: 1 }), 0); }).catch(() => undefined);
    await page.waitForTimeout(20 * round);
    await page.close({ runBeforeUnload: false });
    const next = await shopVisit.open();
    await ready(next);
    assert.ok((await orders(next)) >= found + 1, "a confirmed event was lost");
    assert.equal(await next.evaluate(() => keepset.consent.get().storage), "granted");
    await next.close();
  }
  await shopVisit.close();
});

test("a rush of events right before the page is left is kept", async () => {
  const shopVisit = await visit({ serve: { wait: (url) => (url.includes("again") ? 50 : 0) } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  for (let visits = 1; visits <= 3; visits += 1) {
    await page.evaluate(() => {
      // A write has just begun, and the next would wait for more.
      keepset.track("purchase", { value: 1 });
      return new Promise((done) => setTimeout(() => {
        for (let n = 0; n < 200; n += 1) keepset.track("purchase", { value: 1 });
        location.href = "/?again";
        done();
      }, 5));
    });
    await page.waitForURL(/again/);
    await page.waitForFunction(() => globalThis.keepset);
    await ready(page);
    assert.equal(await orders(page), visits * 201);
  }
  await shopVisit.close();
});

test("a page that is hidden, perhaps for good, begins to write before anything else has its turn", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await page.waitForTimeout(300);
  const writes = await page.evaluate(async () => {
    let begun = 0;
    const real = IDBDatabase.prototype.transaction;
    IDBDatabase.prototype.transaction = function (...call) {
      begun += call[1] === "readwrite";
      return real.apply(this, call);
    };
    keepset.track("purchase", { value: 1 });
    await new Promise((done) => setTimeout(done, 8));
    const first = begun;
    for (let n = 0; n < 500; n += 1) keepset.track("purchase", { value: 1 });
    dispatchEvent(new PageTransitionEvent("pagehide", { persisted: false }));
    // What runs before the next task is part of leaving; nothing after it is sure to run.
    for (let n = 0; n < 20; n += 1) await null;
    return [first, begun];
  });
  assert.deepEqual(writes, [1, 2]);
  assert.equal(await orders(page), 501);
  await shopVisit.close();
});

test("a rush in two tabs and a third that is killed in the middle of its own: nothing confirmed is lost, nothing counts twice", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.open();
  const two = await shopVisit.open();
  await Promise.all([ready(one), ready(two)]);
  await grant(one);
  const third = await shopVisit.open();
  await ready(third);
  // Its events have ids, so that what it told before it died can be told again without counting twice.
  const rush = (page, from, times) => page.evaluate(([from, times]) => { for (let n = 0; n < times; n += 1) keepset.track("purchase", { value: 1 }, { id: `${from}-${n}` }); }, [from, times]);
  await Promise.all([track(one, 300), track(two, 30), rush(third, "third", 60)]);
  await third.evaluate(() => keepset.explain("fan"));
  void third.evaluate(() => { for (;;) keepset.track("visit"); }).catch(() => undefined);
  await third.close({ runBeforeUnload: false });
  await rush(two, "third", 60);
  assert.equal(await orders(two), 390);
  // The holder dies in the middle of its writes; the other goes on with what was confirmed and with its own.
  await rush(one, "late", 10);
  await Promise.all([one.close({ runBeforeUnload: false }), track(two, 11)]);
  await two.waitForFunction(() => navigator.locks.query().then(({ held }) => held.length === 1));
  await rush(two, "late", 10);
  assert.equal(await orders(two), 411);
  assert.deepEqual(await codes(two), []);
  await shopVisit.close();
});

test("a tab that holds the engine and is hidden saves at once, for its timers may rest", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.open();
  await ready(one);
  await grant(one);
  const two = await shopVisit.open();
  await ready(two);
  await one.waitForTimeout(200);
  await one.evaluate(() => {
    Object.defineProperty(document, "visibilityState", { get: () => "hidden" });
    const real = setTimeout;
    globalThis.setTimeout = (work, delay) => real(work, (delay ?? 0) + 60_000);
  });
  await track(two, 1);
  await two.waitForTimeout(10);
  await track(two, 1);
  // Its events are answered, so they are stored: it takes its leave without waiting.
  const took = await two.evaluate(async () => {
    const start = performance.now();
    await keepset.destroy();
    return performance.now() - start;
  });
  assert.ok(took < 900, `${took} ms`);
  await one.close({ runBeforeUnload: false });
  const three = await shopVisit.open();
  await ready(three);
  assert.equal(await orders(three), 2);
  await shopVisit.close();
});

test("what events change is put behind what is stored, a few bytes each, and is read as one", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  const parts = () => page.evaluate(async () => {
    const db = await new Promise((resolve) => { const r = indexedDB.open("keepset:default"); r.onsuccess = () => resolve(r.result); });
    const all = await new Promise((resolve) => { const r = db.transaction("profile").objectStore("profile").getAll(); r.onsuccess = () => resolve(r.result); });
    db.close();
    return all.map(({ length }) => length);
  });
  for (let n = 1; n <= 4; n += 1) {
    await track(page, 1);
    await page.waitForTimeout(150);
  }
  const [whole, ...behind] = await parts();
  assert.ok(behind.length >= 4 && behind.every((bytes) => bytes < 200 && bytes < whole), `${whole}, ${behind}`);
  const again = await shopVisit.open("/?again");
  await ready(again);
  await page.close({ runBeforeUnload: false });
  await again.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length === 1 && pending.length === 0));
  assert.equal(await orders(again), 4);
  assert.deepEqual(await codes(again), []);
  await again.evaluate(() => keepset.deleteAll());
  assert.deepEqual(await stores(again), {});
  await shopVisit.close();
});

test("a profile left alone for three years is gone when the page is opened, and with it what lay on disk", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await track(page, 20);
  await page.evaluate(() => keepset.destroy());
  await page.goto(`${shopVisit.site.url}/?skip=${DAY * 3 * 365}`);
  await page.waitForFunction(() => globalThis.keepset);
  await ready(page);
  const data = await page.evaluate(() => keepset.exportData());
  assert.deepEqual([data.memberships, data.intake.accepted, data.features.find(({ id }) => id === "orders").value], [[], 0, 0]);
  assert.equal(data.consent.storage, "granted");
  const before = await page.evaluate(() => keepset.getSnapshot().segments.length);
  assert.equal(before, 0);
  await shopVisit.close();
});

test("an event tracked as a link is followed is kept", async () => {
  // A next page that is there within a tenth of a second is a fast one.
  const shopVisit = await visit({ serve: { wait: (url) => (url.includes("again") ? 100 : 0) } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  for (let click = 1; click <= 3; click += 1) {
    await page.evaluate(() => { keepset.track("purchase", { value: 1 }); keepset.track("purchase", { value: 1 }); location.href = "/?again"; });
    await page.waitForURL(/again/);
    await page.waitForFunction(() => globalThis.keepset);
    await ready(page);
    assert.equal(await orders(page), 2 * click);
  }
  await shopVisit.close();
});

test("with storage denied segments live until the page is left, and nothing is written", async () => {
  const shopVisit = await visit({ options: { collector: "http://127.0.0.1:9" } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page, { segmentation: "granted", storage: "denied", reporting: "granted" });
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  await page.evaluate((day) => skip(day), DAY);
  assert.equal(await page.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "storage_needed");
  assert.deepEqual(await stores(page), {});
  await page.reload();
  await page.waitForFunction(() => globalThis.keepset);
  await ready(page);
  assert.equal(await page.evaluate(() => keepset.has("buyer")), false);
  await shopVisit.close();
});

test("deleteAll and a withdrawn storage leave nothing in any store, from any tab", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.open();
  await ready(one);
  const two = await shopVisit.open();
  await ready(two);
  for (const end of [() => keepset.deleteAll(), () => keepset.consent.set({ storage: "denied" })]) {
    await grant(one);
    await track(one, 1);
    assert.equal(await orders(one) > 0, true);
    assert.deepEqual(await stores(one), { databases: ["keepset:default"] });
    await two.evaluate(end);
    assert.deepEqual(await stores(two), {});
  }
  await shopVisit.close();
});

test("a damaged record says storage_corrupt and counts the budget as spent", async () => {
  const shopVisit = await visit({ options: { collector: "http://127.0.0.1:9" } });
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await track(page, 1);
  await orders(page);
  await page.evaluate(async () => {
    await keepset.destroy();
    const db = await new Promise((resolve) => { const r = indexedDB.open("keepset:default"); r.onsuccess = () => resolve(r.result); });
    await new Promise((resolve) => { const t = db.transaction("profile", "readwrite"); t.objectStore("profile").put("not bytes", "default"); t.oncomplete = resolve; });
    db.close();
  });
  await page.goto(`${shopVisit.site.url}/?skip=${DAY * 30}`);
  await page.waitForFunction(() => globalThis.keepset);
  await ready(page);
  assert.deepEqual(await codes(page), ["storage_corrupt"]);
  await grant(page);
  await page.evaluate((day) => skip(day), DAY);
  assert.equal(await page.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "budget");
  await shopVisit.close();
});

test("where the browser gives no storage, segments work in memory and no report is made", async () => {
  // A sandboxed frame has no origin: storage and locks throw there, and its own site is a stranger to it.
  const shopVisit = await visit({
    files: { ...files({ collector: "http://127.0.0.1:9", pack: shop() }), "/outer": '<!doctype html><iframe sandbox="allow-scripts" src="/"></iframe>' },
    serve: { csp: "default-src 'none'; frame-src *; script-src * 'wasm-unsafe-eval'; connect-src *", headers: { "access-control-allow-origin": "*" } },
  });
  const page = await shopVisit.context.newPage();
  await page.goto(`${shopVisit.site.url}/outer`);
  const inner = page.frames()[1];
  await inner.waitForFunction(() => globalThis.keepset);
  assert.equal(await ready(inner), "ready");
  await grant(inner);
  await track(inner, 1);
  await inner.waitForFunction(() => keepset.has("buyer"));
  await inner.evaluate((day) => skip(day), DAY);
  assert.equal(await inner.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "not_durable");
  assert.deepEqual(await codes(inner), ["storage_unavailable"]);
  await shopVisit.close();
});

test("a policy without WebAssembly gives csp_blocked, before anything is fetched", async () => {
  const shopVisit = await visit({ serve: { csp: "default-src 'none'; script-src 'self'; connect-src 'self'" } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "failed");
  assert.deepEqual(await codes(page), ["csp_blocked"]);
  assert.ok(!shopVisit.site.requests.some((path) => /core/.test(path)));
  await track(page, 1);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
});

test("a browser without WebAssembly is unsupported, and every method still answers", async () => {
  const without = { "/off.js": "delete globalThis.WebAssembly;" };
  const shopVisit = await visit({ files: { ...files(), ...without, "/": `<!doctype html><script src="/off.js"></script>${HTML}` } });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "unsupported");
  assert.deepEqual(await page.evaluate(async () => [keepset.has("buyer"), await keepset.preview(), (await keepset.flush()).skipped, keepset.error.code]), [false, null, "not_running", "wasm_unsupported"]);
  assert.deepEqual(page.problems, []);
  await shopVisit.close();
});

test("a server that answers core.wasm with a page, or not at all, falls back to the copy inside the package", async () => {
  for (const wrong of [[200, "text/html", "<!doctype html>"], [404, "text/plain", ""], [200, "application/wasm", Buffer.from("0061736d01000000ff", "hex")]]) {
    const shopVisit = await visit({ serve: { answer: (path) => (path.endsWith("core.wasm") ? wrong : undefined) } });
    const page = await shopVisit.open();
    assert.equal(await ready(page), "ready");
    assert.ok(shopVisit.site.requests.includes("/keepset/core-inline.js"));
    await shopVisit.close();
  }
});

test("a bundler that was told nothing gives a page that works, with or without code splitting", async () => {
  const { build } = createRequire(join(tools, "x.js"))("esbuild");
  writeFileSync(join(folder, "entry.mjs"), code({}, "keepset"));
  for (const splitting of [true, false]) {
    const { outputFiles } = await build({ entryPoints: [join(folder, "entry.mjs")], bundle: true, splitting, format: "esm", write: false, outdir: "/", logLevel: "error" });
    const built = Object.fromEntries(outputFiles.map(({ path, text }) => [path === "/entry.js" ? "/page.js" : path, text]));
    const shopVisit = await visit({ files: { ...files(), ...built } });
    const page = await shopVisit.open();
    assert.equal(await ready(page), "ready");
    assert.deepEqual(page.problems, []);
    await shopVisit.close();
  }
});

test("the module can be served from elsewhere and named in `wasm`", async () => {
  const shopVisit = await visit({ options: { wasm: "/keepset/core.wasm?v=1" }, from: "/keepset/node.js" });
  const page = await shopVisit.open();
  assert.equal(await ready(page), "ready");
  assert.ok(shopVisit.site.requests.includes("/keepset/core.wasm") && !shopVisit.site.requests.includes("/keepset/core-inline.js"));
  await shopVisit.close();
});

test("a plain script tag gives the same functions, from a server and from a file", async () => {
  const html = '<!doctype html><script src="/keepset/global.js" integrity="HASH" crossorigin="anonymous"></script><script src="/page.js"></script>';
  const table = JSON.parse(readFileSync(join(dist, "integrity.json"), "utf8"));
  const script = code().replace(/import .*;/, "const { init } = globalThis.keepset;").replace("globalThis.keepset = init", "globalThis.api = globalThis.keepset; globalThis.keepset = init");
  const shopVisit = await visit({ files: { ...files(), "/": html.replace("HASH", table["global.js"]), "/page.js": `{${script}}` } });
  const page = await shopVisit.open();
  assert.equal(await page.evaluate(() => keepset.ready.then(() => keepset.status)), "ready");
  assert.ok(await page.evaluate(() => api.isSupported() && typeof api.version === "string"));
  await shopVisit.close();
  writeFileSync(`${dist}/from-file.html`, `<!doctype html><script src="global.js"></script><script>globalThis.client = keepset.init({ pack: ${JSON.stringify(shop())} })</script>`);
  const context = await browser.newContext();
  const local = await context.newPage();
  await local.goto(`file://${dist}/from-file.html`);
  assert.equal(await local.evaluate(() => client.ready.then(() => client.status)), "ready");
  await context.close();
});

test("a page kept for the back button gives the engine up and takes it again", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await track(page, 1);
  assert.equal(await orders(page), 1);
  // The events a browser gives to a page it keeps; headless Chromium keeps none by itself.
  const free = () => navigator.locks.query().then(({ held }) => held.length === 0);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
  await page.waitForFunction(free);
  await track(page, 1);
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await page.waitForFunction(() => keepset.explain("fan").then((why) => why.condition.value === 2));
  assert.equal(await orders(page), 2);
  await shopVisit.close();
});

test("a destroyed client leaves no lock, no channel and no listener behind", async () => {
  const shopVisit = await visit();
  const page = await shopVisit.open();
  await ready(page);
  await grant(page);
  await page.evaluate(() => keepset.destroy());
  await page.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length + pending.length === 0));
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await page.waitForTimeout(100);
  assert.equal(await page.evaluate(() => navigator.locks.query().then(({ held }) => held.length)), 0);
  assert.equal(await page.evaluate(() => keepset.status), "destroyed");
  await shopVisit.close();
});
