// The installed package in a page, under `script-src 'self' 'wasm-unsafe-eval'`, in Chromium.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { collector } from "./support/collector.mjs";
import { tools } from "./support/installed.mjs";
import { DAY, shop } from "./support/packs.mjs";
import { stores } from "./support/site.mjs";
import { arrived, browser, code, codes, files, grant, granted, HTML, installed, orders, ready, track, visit } from "./support/visit.mjs";

const { dist, folder } = installed;

/** A page that may use nothing a policy can take away: `unload` handlers among them, which keep a page out of the back/forward cache. */
const PERMISSIONS = ["unload", "storage-access", "sync-xhr", "browsing-topics", "attribution-reporting", "local-fonts", "geolocation"].map((name) => `${name}=()`).join(", ");

test("T6: a segment is live in a page under strict policies, from one fetch of each module", async () => {
  const shopVisit = await visit({ serve: { headers: { "permissions-policy": PERMISSIONS } } });
  const page = await shopVisit.open();
  const violations = [];
  page.on("console", (message) => /policy/i.test(message.text()) && violations.push(message.text()));
  assert.equal(await ready(page), "ready");
  await grant(page);
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  assert.deepEqual(violations, []);
  const requests = shopVisit.site.requests.filter((path) => path !== "/favicon.ico");
  assert.deepEqual(requests.slice(0, 3), ["/", "/page.js", "/keepset/index.js"]);
  // The pack is JSON, so what reads it comes, too; the core is the one that the pack needs.
  assert.deepEqual(requests.slice(3).sort(), ["/keepset/core.wasm", "/keepset/study.js", "/keepset/study.wasm", "/pack.json"]);
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
  const page = await shopVisit.enter();
  await page.evaluate(() => { document.cookie = "id=7"; });
  await grant(page);
  await track(page, 3);
  await page.evaluate((day) => skip(day), DAY);
  const [preview, result] = await page.evaluate(async () => [[...(await keepset.preview()).sealed], await keepset.flush()]);
  assert.deepEqual(result, { sent: 1, queued: 0 });
  assert.equal(front.requests.length, 1);
  assert.deepEqual([...front.requests[0].body], preview);
  assert.equal(front.requests[0].headers.cookie, undefined);
  assert.equal(front.requests[0].headers.referer, undefined);
  await shopVisit.close();
  front.close();
});

test("what Chromium sends along with a report is what it sends along with any request, and the page asks it to leave the rest away", async () => {
  const front = await collector();
  const shopVisit = await visit({ options: { collector: front.url } });
  const page = await shopVisit.enter();
  await page.evaluate(() => {
    globalThis.asked = [];
    const real = fetch;
    globalThis.fetch = (url, init = {}) => {
      if (init.method === "POST") asked.push(Object.fromEntries(Object.entries(init).filter(([, value]) => typeof value !== "object")));
      return real(url, init);
    };
  });
  await grant(page);
  await page.evaluate((day) => skip(day), DAY);
  assert.equal(await page.evaluate(async () => (await keepset.flush()).sent), 1);
  assert.deepEqual(await page.evaluate(() => asked), [{ method: "POST", credentials: "omit", referrerPolicy: "no-referrer", redirect: "error", cache: "no-store", keepalive: true, mode: "cors" }]);
  const [{ headers, body }] = front.requests;
  const { "content-type": type, "content-length": length, ...rest } = headers;
  assert.deepEqual([type, Number(length)], ["application/vnd.keepset.sealed-reports", body.length]);
  // A list of what may be there: what a new browser adds is looked at here first.
  const known = ["accept", "accept-encoding", "accept-language", "cache-control", "connection", "host", "origin", "pragma", "user-agent"];
  assert.deepEqual(Object.keys(rest).filter((name) => !known.includes(name) && !/^sec-(fetch|ch-ua)(-|$)/.test(name)), []);
  await shopVisit.close();
  front.close();
});

test("T7: with storage denied segments live until the page is left, and nothing is written", async () => {
  const shopVisit = await visit({ options: { collector: "http://127.0.0.1:9" } });
  const page = await shopVisit.enter();
  await grant(page, { segmentation: "granted", storage: "denied", reporting: "granted" });
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer"));
  await page.evaluate((day) => skip(day), DAY);
  assert.equal(await page.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "storage_needed");
  assert.deepEqual(await stores(page), {});
  await page.reload();
  await arrived(page);
  assert.equal(await page.evaluate(() => keepset.has("buyer")), false);
  await shopVisit.close();
});

test("a damaged record says storage_corrupt and counts the budget as spent", async () => {
  const [shopVisit, page] = await granted(1, { options: { collector: "http://127.0.0.1:9" } });
  await track(page, 1);
  await orders(page);
  await page.evaluate(async () => {
    await keepset.destroy();
    const db = await new Promise((resolve) => { const r = indexedDB.open("keepset:default"); r.onsuccess = () => resolve(r.result); });
    await new Promise((resolve) => { const t = db.transaction("profile", "readwrite"); t.objectStore("profile").put("not bytes", "default"); t.oncomplete = resolve; });
    db.close();
  });
  await page.goto(`${shopVisit.site.url}/?skip=${DAY * 30}`);
  await arrived(page);
  assert.deepEqual(await codes(page), ["storage_corrupt"]);
  await grant(page);
  await page.evaluate((day) => skip(day), DAY);
  assert.equal(await page.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "budget");
  await shopVisit.close();
});

test("T7: where the browser gives no storage, segments work in memory and no report is made", async () => {
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

test("T6: a policy without WebAssembly gives csp_blocked, before anything is fetched", async () => {
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
  const context = await browser().newContext();
  const local = await context.newPage();
  await local.goto(`file://${dist}/from-file.html`);
  assert.equal(await local.evaluate(() => client.ready.then(() => client.status)), "ready");
  await context.close();
});

test("a destroyed client leaves no lock, no channel and no listener behind", async () => {
  const [shopVisit, page] = await granted();
  await page.evaluate(() => keepset.destroy());
  await page.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length + pending.length === 0));
  await page.evaluate(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
  await page.waitForTimeout(100);
  assert.equal(await page.evaluate(() => navigator.locks.query().then(({ held }) => held.length)), 0);
  assert.equal(await page.evaluate(() => keepset.status), "destroyed");
  await shopVisit.close();
});
