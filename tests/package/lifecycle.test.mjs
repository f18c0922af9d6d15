// What a browser does to a page that is open: keeps it for "back", freezes it, takes its network and its database away, puts it into a frame of another site.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { collector } from "./support/collector.mjs";
import { compiled } from "./support/compiled.mjs";
import { DAY, shop } from "./support/packs.mjs";
import { browseAsPeopleDo, site, stores } from "./support/site.mjs";
import { browser, codes, files, grant, granted, installed, orders, ready, track, visit } from "./support/visit.mjs";

test("a page with a live segment goes into the back/forward cache, and comes out of it alive", async () => {
  const keeping = await browseAsPeopleDo();
  const shopSite = await site(installed.dist, { ...files(), "/away": "<!doctype html>away" });
  try {
    const page = await (await keeping.newContext()).newPage();
    await page.goto(shopSite.url);
    await page.waitForFunction(() => globalThis.keepset);
    await ready(page);
    await grant(page);
    await track(page, 1);
    assert.equal(await orders(page), 1);
    await page.evaluate(() => {
      globalThis.same = true;
      addEventListener("pageshow", ({ persisted }) => (globalThis.persisted = persisted));
      location.href = "/away";
    });
    await page.waitForURL(/away/);
    await page.evaluate(() => history.back());
    await page.waitForFunction(() => globalThis.persisted === true);
    assert.equal(await page.evaluate(() => same), true, "it is the page that was left, not a new one");
    await track(page, 1);
    await page.waitForFunction(() => keepset.explain("fan").then((why) => why?.condition.value === 2));
  } finally {
    await keeping.close();
    shopSite.close();
  }
});

test("a page that is frozen and goes on stores what comes then, and another tab goes on meanwhile", async () => {
  const [shopVisit, page] = await granted();
  await track(page, 1);
  assert.equal(await orders(page), 1);
  const session = await shopVisit.context.newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  const other = await shopVisit.enter();
  await track(other, 1);
  await other.waitForFunction(() => keepset.explain("fan").then((why) => why?.condition.value === 2), undefined, { timeout: 20_000 });
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await other.close();
  await track(page, 1);
  await page.waitForFunction(() => keepset.explain("fan").then((why) => why?.condition.value === 3), undefined, { timeout: 20_000 });
  const next = await shopVisit.enter();
  assert.equal(await orders(next), 3);
  await shopVisit.close();
});

test("a database that the browser closed while the page was in the background is opened again, and nothing is lost", async () => {
  const [shopVisit, page] = await granted();
  await track(page, 1);
  assert.equal(await orders(page), 1);
  // As WebKit leaves it: the connection is there and does nothing any more.
  await page.evaluate(() => {
    const real = IDBDatabase.prototype.transaction;
    globalThis.lost = 0;
    IDBDatabase.prototype.transaction = function (...args) {
      if (!this.dead && globalThis.lost === 0) {
        this.dead = true;
        globalThis.lost += 1;
      }
      if (this.dead) throw new DOMException("The database connection is closing.", "InvalidStateError");
      return real.apply(this, args);
    };
  });
  await track(page, 2);
  assert.equal(await orders(page), 3);
  await page.evaluate(() => keepset.consent.set({ sharing: "granted" }));
  assert.deepEqual([await page.evaluate(() => lost), await codes(page)], [1, []]);
  const next = await shopVisit.enter();
  assert.equal(await orders(next), 3);
  await shopVisit.close();
});

test("without a network events count, a report waits with its bytes, and leaves when the network is back", async () => {
  const front = await collector();
  const [shopVisit, page] = await granted(1, { options: { collector: front.url, pack: "/pack.keepset" }, files: { ...files({ collector: front.url, pack: "/pack.keepset" }), "/pack.keepset": compiled(installed, shop()) } });
  await track(page, 1);
  await page.evaluate((day) => skip(day), DAY);
  const preview = await page.evaluate(() => keepset.preview().then(({ sealed }) => [...sealed]));
  await shopVisit.context.setOffline(true);
  assert.equal(await page.evaluate(() => keepset.flush().then(({ sent }) => sent)), 0);
  await track(page, 1);
  await page.waitForFunction(() => keepset.features().then(([{ value }]) => value === 2));
  assert.deepEqual(await page.evaluate(() => keepset.preview().then(({ sealed }) => [...sealed])), preview);
  await shopVisit.context.setOffline(false);
  await page.waitForFunction(() => keepset.flush().then(({ sent }) => sent === 1 || keepset.ledger.list().then(([{ status }]) => status === "accepted")), undefined, { timeout: 20_000 });
  const [sent] = front.requests.filter(({ method }) => method === "POST");
  assert.deepEqual([...sent.body], preview);
  await shopVisit.close();
  front.close();
});

test("without a network a person gets everything that is known, and deletes it", async () => {
  const [shopVisit, page] = await granted();
  await track(page, 2);
  assert.equal(await orders(page), 2);
  await shopVisit.context.setOffline(true);
  const [data, file] = await page.evaluate(async () => [await keepset.exportData(), await (await keepset.ledger.export()).text()]);
  assert.deepEqual([data.memberships.map(({ id }) => id), data.features.find(({ id }) => id === "orders").value, data.intake.accepted], [["buyer"], 2, 2]);
  assert.ok(data.stored.length > 100);
  assert.equal(JSON.parse(file).format, "keepset-ledger");
  await page.evaluate(() => keepset.deleteAll());
  assert.deepEqual(await stores(page), {});
  assert.deepEqual(await codes(page), []);
  await shopVisit.close();
});

test("in a frame of another site segments are live, and what is stored there is that frame's alone", async () => {
  const parting = await browseAsPeopleDo();
  const inner = await site(installed.dist, files(), { headers: { "permissions-policy": "storage-access=(), unload=()" } });
  // Another site to Chromium, for whom `localhost` and an address are not the same.
  const there = inner.url.replace("127.0.0.1", "localhost");
  const outer = await site(installed.dist, { "/": `<!doctype html><iframe src="${there}/"></iframe>` }, { csp: "frame-src *" });
  try {
    const context = await parting.newContext();
    const framed = async () => {
      const page = await context.newPage();
      await page.goto(outer.url);
      const frame = await page.waitForSelector("iframe").then((element) => element.contentFrame());
      await frame.waitForFunction(() => globalThis.keepset);
      assert.equal(await ready(frame), "ready");
      return frame;
    };
    const known = (page) => page.evaluate(() => [keepset.has("buyer"), keepset.consent.get().storage]);
    const frame = await framed();
    await grant(frame);
    await track(frame, 1);
    await frame.waitForFunction(() => keepset.has("buyer"));
    // It is stored: a second frame of that site in this one has it.
    await frame.evaluate(() => keepset.flush());
    const second = await framed();
    await second.waitForFunction(() => keepset.has("buyer"));
    assert.deepEqual(await known(second), [true, "granted"]);
    // The same site by itself knows nothing of it.
    const alone = await context.newPage();
    await alone.goto(there);
    await alone.waitForFunction(() => globalThis.keepset);
    assert.equal(await ready(alone), "ready");
    assert.deepEqual([await known(alone), await stores(alone)], [[false, "pending"], {}]);
  } finally {
    await parting.close();
    inner.close();
    outer.close();
  }
});

test("from the origins of apps, whose servers name no types, a segment is live", async () => {
  for (const origin of ["https://appassets.androidplatform.net", "https://localhost", "http://localhost"]) {
    const context = await browser().newContext();
    const pages = { ...files({ pack: "/pack.keepset" }), "/pack.keepset": compiled(installed, shop()) };
    // An app's asset loader: files, and a type for pages and scripts alone.
    await context.route(`${origin}/**`, (route) => {
      const path = new URL(route.request().url()).pathname;
      const body = pages[path] ?? (path.startsWith("/keepset/") ? readFileSync(join(installed.dist, path.slice("/keepset/".length))) : undefined);
      if (body === undefined) return route.fulfill({ status: 404, body: "" });
      const type = path === "/" ? { "content-type": "text/html" } : path.endsWith(".js") ? { "content-type": "text/javascript" } : {};
      return route.fulfill({ status: 200, headers: type, body: Buffer.from(body) });
    });
    const page = await context.newPage();
    await page.goto(`${origin}/`);
    await page.waitForFunction(() => globalThis.keepset);
    assert.equal(await ready(page), "ready", origin);
    await grant(page);
    await track(page, 1);
    await page.waitForFunction(() => keepset.has("buyer"));
    await context.close();
  }
});

test("what a page holds stays small: twenty thousand events of a whole shop take no more than 2 MB of WebAssembly and 6 of scripts", async () => {
  const retail = JSON.parse(readFileSync(new URL("../../packs/retail/pack.json", import.meta.url), "utf8"));
  const watch = `const real = WebAssembly.Instance; globalThis.memories = [];
    WebAssembly.Instance = new Proxy(real, { construct: (target, args) => { const made = new target(...args); memories.push(Object.values(made.exports).find((value) => value instanceof WebAssembly.Memory)); return made; } });`;
  const html = '<!doctype html><title>shop</title><script src="/watch.js"></script><script type="module" src="/page.js"></script>';
  const shopVisit = await visit({ files: { ...files({ pack: "/pack.keepset" }), "/": html, "/watch.js": watch, "/pack.keepset": compiled(installed, retail) } });
  const page = await shopVisit.enter();
  const session = await shopVisit.context.newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  await grant(page);
  const before = await heap();
  for (let round = 0; round < 20; round += 1) {
    await page.evaluate(async (hour) => {
      for (let n = 0; n < 1_000; n += 1) {
        if (n % 50 === 0) skip(hour);
        keepset.track("purchase", { value: (n % 90) + 1, trip: "stock_up" });
      }
      await keepset.features();
    }, 3_600_000);
  }
  const { intake } = await page.evaluate(() => keepset.exportData());
  assert.equal(intake.accepted, 20_000);
  const memories = await page.evaluate(() => memories.map(({ buffer }) => buffer.byteLength));
  assert.equal(memories.length, 1);
  assert.ok(memories[0] <= 2_000_000, `${memories[0]} bytes of WebAssembly memory`);
  const grown = (await heap()) - before;
  assert.ok(grown <= 6_000_000, `${grown} bytes more of scripts`);
  await shopVisit.close();
});
