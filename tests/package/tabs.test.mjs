// One profile among the tabs of a site in Chromium, and what is on disk when one of them is left, hidden, frozen or killed.
import assert from "node:assert/strict";
import { test } from "node:test";

import { collector } from "./support/collector.mjs";
import { DAY } from "./support/packs.mjs";
import { stores } from "./support/site.mjs";
import { arrived, codes, files, grant, granted, HTML, orders, ready, tear, track, visit } from "./support/visit.mjs";

test("T1: two tabs: one holds the engine, ten events here and one there are all counted, and both see the change", async () => {
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

test("a page alone tells no one what changed, and another that opens later hears of everything from then on", async () => {
  const hook = "globalThis.said = []; const post = BroadcastChannel.prototype.postMessage; BroadcastChannel.prototype.postMessage = function (message) { said.push(message.is); return post.call(this, message); };";
  const [shopVisit, one] = await granted(1, { files: { ...files(), "/hook.js": hook, "/": `<!doctype html><script src="/hook.js"></script>${HTML}` } });
  await track(one, 1);
  await one.waitForFunction(() => keepset.has("buyer"));
  assert.deepEqual(await one.evaluate(() => said.filter((is) => is === "notice")), []);
  const two = await shopVisit.enter();
  await track(one, 10);
  await two.waitForFunction(() => keepset.has("fan"));
  await one.close();
  // The second holds the engine now, and knows of the third by the word it says when it opens.
  const three = await shopVisit.enter();
  await two.evaluate(() => keepset.reset());
  await three.waitForFunction(() => !keepset.has("buyer"));
  await shopVisit.close();
});

test("two tabs of a browser without locks do not undo each other's work", async () => {
  const without = { "/off.js": "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });" };
  const [shopVisit, one, two] = await granted(2, { files: { ...files(), ...without, "/": `<!doctype html><script src="/off.js"></script>${HTML}` } });
  for (let turn = 0; turn < 5; turn += 1) await Promise.all([track(one, 2), track(two, 1)]);
  await Promise.all([one, two].map((page) => page.evaluate(() => keepset.destroy())));
  const three = await shopVisit.enter();
  assert.equal(await orders(three), 15);
  await shopVisit.close();
});

test("when the tab with the engine closes, another takes it over and nothing is lost", async () => {
  const [shopVisit, one, two] = await granted(2);
  await track(two, 5);
  assert.equal(await orders(two), 5);
  // The event is sent to a tab that is closing: it is kept until someone answers it.
  await Promise.all([one.close(), track(two, 1)]);
  await two.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length === 1 && pending.length === 0));
  assert.equal(await orders(two), 6);
  await shopVisit.close();
});

test("a tab that holds the engine and does not answer any more loses it", async () => {
  const [shopVisit, one] = await granted();
  await track(one, 1);
  assert.equal(await orders(one), 1);
  const two = await shopVisit.enter();
  // As a browser freezes a page in the background: its lock stays, its code does not run.
  void one.evaluate(() => { for (const end = Date.now() + 25_000; Date.now() < end; ); }).catch(() => undefined);
  await track(two, 1);
  await two.waitForFunction(() => keepset.explain("fan").then((why) => why?.condition.value === 2), undefined, { timeout: 20_000 });
  await track(two, 1);
  assert.equal(await orders(two), 3);
  await shopVisit.close();
});

test("a tab whose engine stops in the middle of a draw leaves it to another, which sends the one report, and goes on with that one's", async () => {
  const front = await collector();
  const [shopVisit, one, two] = await granted(2, { options: { collector: front.url } });
  await track(one, 3);
  assert.equal(await orders(two), 3);
  await tear(one);
  for (const tab of [two, one]) await tab.evaluate((day) => skip(day), DAY);
  await one.waitForFunction(() => heard.some(({ code }) => code === "engine_crashed"));
  await two.evaluate(() => keepset.flush());
  assert.equal(front.requests.length, 1);
  await track(one, 1);
  for (const tab of [one, two]) assert.equal(await orders(tab), 4);
  assert.deepEqual([await codes(one), await codes(two), await ready(one)], [["engine_crashed"], [], "ready"]);
  await shopVisit.close();
  front.close();
});

test("a tab closed in the middle of its writes leaves a readable profile with what was confirmed", async () => {
  const shopVisit = await visit();
  for (let round = 1; round <= 5; round += 1) {
    const page = await shopVisit.enter();
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
    const next = await shopVisit.enter();
    assert.ok((await orders(next)) >= found + 1, "a confirmed event was lost");
    assert.equal(await next.evaluate(() => keepset.consent.get().storage), "granted");
    await next.close();
  }
  await shopVisit.close();
});

test("a rush of events right before the page is left is kept", async () => {
  const [shopVisit, page] = await granted(1, { serve: { wait: (url) => (url.includes("again") ? 50 : 0) } });
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
    await arrived(page);
    assert.equal(await orders(page), visits * 201);
  }
  await shopVisit.close();
});

test("a page that is hidden, perhaps for good, begins to write before anything else has its turn", async () => {
  const [shopVisit, page] = await granted();
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
  const third = await shopVisit.enter();
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
  const [shopVisit, one, two] = await granted(2);
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
  const three = await shopVisit.enter();
  assert.equal(await orders(three), 2);
  await shopVisit.close();
});

test("what events change is put behind what is stored, a few bytes each, and is read as one", async () => {
  const [shopVisit, page] = await granted();
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
  const again = await shopVisit.enter("/?again");
  await page.close({ runBeforeUnload: false });
  await again.waitForFunction(() => navigator.locks.query().then(({ held, pending }) => held.length === 1 && pending.length === 0));
  assert.equal(await orders(again), 4);
  assert.deepEqual(await codes(again), []);
  await again.evaluate(() => keepset.deleteAll());
  assert.deepEqual(await stores(again), {});
  await shopVisit.close();
});

test("a profile left alone for three years is gone when the page is opened, and with it what lay on disk", async () => {
  const [shopVisit, page] = await granted();
  await track(page, 20);
  await page.evaluate(() => keepset.destroy());
  await page.goto(`${shopVisit.site.url}/?skip=${DAY * 3 * 365}`);
  await arrived(page);
  const data = await page.evaluate(() => keepset.exportData());
  assert.deepEqual([data.memberships, data.intake.accepted, data.features.find(({ id }) => id === "orders").value], [[], 0, 0]);
  assert.equal(data.consent.storage, "granted");
  const before = await page.evaluate(() => keepset.getSnapshot().segments.length);
  assert.equal(before, 0);
  await shopVisit.close();
});

test("an event tracked as a link is followed is kept", async () => {
  // A next page that is there within a tenth of a second is a fast one.
  const [shopVisit, page] = await granted(1, { serve: { wait: (url) => (url.includes("again") ? 100 : 0) } });
  for (let click = 1; click <= 3; click += 1) {
    await page.evaluate(() => { keepset.track("purchase", { value: 1 }); keepset.track("purchase", { value: 1 }); location.href = "/?again"; });
    await page.waitForURL(/again/);
    await arrived(page);
    assert.equal(await orders(page), 2 * click);
  }
  await shopVisit.close();
});

test("deleteAll and a withdrawn storage leave nothing in any store, from any tab", async () => {
  const shopVisit = await visit();
  const one = await shopVisit.enter();
  const two = await shopVisit.enter();
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

test("a page kept for the back button gives the engine up and takes it again", async () => {
  const [shopVisit, page] = await granted();
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
