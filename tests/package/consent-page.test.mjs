// A shop with a consent manager, in Chromium: before the answer nothing is asked, kept or told; after a refusal nothing is left.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ALL, cmpIsThere, CMP, follow, gates, LOCATOR, shopWith, uses } from "./support/cmp.mjs";
import { collector } from "./support/collector.mjs";
import { DAY } from "./support/packs.mjs";
import { stores } from "./support/site.mjs";
import { code, files, ready, track, visit } from "./support/visit.mjs";

for (const cmp of ["before", "after"]) {
  test(`with a manager that comes ${cmp} the client nothing is asked, kept or told before the answer, and nothing is left after a refusal`, async () => {
    const front = await collector();
    const shopVisit = await shopWith({ cmp, options: { collector: front.url } });
    const page = await shopVisit.open();
    await ready(page);
    await cmpIsThere(page);
    const requests = shopVisit.site.requests.length;
    await track(page, 20);
    await page.evaluate((day) => skip(40 * day), DAY);
    assert.deepEqual(await page.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "no_consent");
    await page.waitForTimeout(400);
    assert.deepEqual(await stores(page), {});
    assert.deepEqual(await uses(page, "record", "storage", "cache", "cookie", "beacon"), []);
    assert.doesNotMatch(JSON.stringify(await uses(page, "channel")), /purchase/);
    assert.equal(shopVisit.site.requests.length, requests);
    assert.deepEqual(front.requests, []);

    await page.evaluate((all) => cmp("useractioncomplete", all), ALL);
    await track(page, 1);
    await page.waitForFunction(() => keepset.has("buyer"));
    assert.deepEqual(Object.values(await gates(page)), ["granted", "granted", "granted", "granted"]);
    await page.waitForFunction(() => uses.some(([kind]) => kind === "record"));
    assert.deepEqual(Object.keys(await stores(page)), ["databases"]);

    await page.evaluate(() => cmp("useractioncomplete", []));
    assert.deepEqual(Object.values(await gates(page)), ["denied", "denied", "denied", "denied"]);
    await page.evaluate(() => keepset.consent.set({ storage: "denied" }));
    assert.deepEqual(await stores(page), {});
    assert.equal(await page.evaluate(() => keepset.has("buyer")), false);
    assert.deepEqual(front.requests, []);
    assert.deepEqual(page.problems, []);
    await page.reload();
    await ready(page);
    assert.deepEqual(await stores(page), {});
    await shopVisit.close();
    front.close();
  });
}

test("who comes back is known again only when the manager has answered, and nothing was erased in between", async () => {
  const front = await collector();
  const shopVisit = await shopWith({ cmp: "before", options: { collector: front.url }, follows: { signals: ["tcf"] } });
  const page = await shopVisit.enter();
  await page.evaluate((all) => cmp("useractioncomplete", all), ALL);
  await track(page, 11);
  await page.waitForFunction(() => keepset.has("fan"));
  // The choice is written first, then the events, on a busy machine in several goes: all are when nothing more is for a while.
  await page.waitForFunction(() => {
    const { length } = uses.filter(([kind]) => kind === "record");
    if (globalThis.written?.length !== length) globalThis.written = { length, since: performance.now() };
    return length > 1 && performance.now() - globalThis.written.since > 300;
  });
  await page.goto(`${shopVisit.site.url}/?skip=${DAY}`);
  await page.waitForFunction(() => globalThis.keepset?.status === "paused");
  await track(page, 1);
  assert.equal(await page.evaluate(() => keepset.flush().then(({ skipped }) => skipped)), "paused");
  assert.deepEqual(front.requests, []);
  await page.evaluate((all) => cmp("tcloaded", all), ALL);
  await page.waitForFunction(() => keepset.status === "ready" && keepset.has("fan"));
  assert.equal(await page.evaluate(() => keepset.explain("fan").then((why) => why.condition.value)), 11);
  await page.evaluate(() => keepset.flush());
  assert.equal(front.requests.length, 1);
  await page.goto(`${shopVisit.site.url}/?remembered=4`);
  await page.waitForFunction(() => globalThis.keepset?.consent.get().storage === "denied");
  await page.evaluate(() => keepset.consent.set({ storage: "denied" }));
  assert.deepEqual(await stores(page), {});
  await shopVisit.close();
  front.close();
});

test("Global Privacy Control keeps labels from being shared, whatever the manager and the page say", async () => {
  const setup = () => Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true, configurable: true });
  const shopVisit = await shopWith({ cmp: "before", setup });
  const page = await shopVisit.enter();
  await page.evaluate((all) => cmp("useractioncomplete", all), ALL);
  await page.evaluate(() => keepset.consent.set({ sharing: "granted" }));
  await page.waitForFunction(() => keepset.consent.get().storage === "granted");
  assert.deepEqual(await gates(page), { segmentation: "granted", storage: "granted", reporting: "granted", sharing: "denied" });
  assert.deepEqual(await page.evaluate(() => heardDecisions.at(-1).sharing), { choice: "denied", by: ["gpc"] });
  await shopVisit.close();
});

test("Google Consent Mode alone: the start is awaited, the answer is taken in, a refusal erases", async () => {
  const setup = () => {
    globalThis.dataLayer = [];
    globalThis.gtag = function () { dataLayer.push(arguments); };
    globalThis.say = (command, value) => gtag("consent", command, Object.fromEntries(["analytics_storage", "functionality_storage", "personalization_storage", "ad_user_data", "ad_personalization"].map((type) => [type, value])));
    say("default", "denied");
  };
  const shopVisit = await shopWith({ setup });
  const page = await shopVisit.enter();
  assert.deepEqual(Object.values(await gates(page)), ["pending", "pending", "pending", "pending"]);
  await page.evaluate(() => say("update", "granted"));
  await track(page, 1);
  await page.waitForFunction(() => keepset.has("buyer") && uses.some(([kind]) => kind === "record"));
  await page.evaluate(() => say("update", "denied"));
  await page.evaluate(() => keepset.consent.set({ storage: "denied" }));
  assert.deepEqual(await stores(page), {});
  assert.equal(await page.evaluate(() => dataLayer.length), 3);
  await shopVisit.close();
});

test("in a frame of another origin the manager of the page around it is heard by messages, and no one else is", async () => {
  const outer = '<!doctype html><body><script src="/cmp.js"></script><script src="/locator.js"></script><script src="/inner.js"></script>';
  const inner = 'const frame = document.createElement("iframe"); frame.src = location.href.replace("127.0.0.1", "localhost").replace("/outer", "/"); document.body.append(frame);';
  const shopVisit = await visit({
    files: { ...files({ storage: "memory" }), "/outer": outer, "/cmp.js": CMP, "/locator.js": LOCATOR, "/inner.js": inner, "/page.js": `${code({ storage: "memory" })}${follow({})}` },
    serve: { csp: "default-src 'none'; frame-src *; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" },
  });
  await shopVisit.context.addInitScript(() => { Math.random = () => 0.5; });
  const page = await shopVisit.context.newPage();
  await page.goto(`${shopVisit.site.url}/outer`);
  const frame = page.frames().find((frame) => frame.url().includes("localhost"));
  await frame.waitForFunction(() => globalThis.followed?.decisions.storage.by.includes("tcf"));
  assert.equal(await frame.evaluate(() => followed.decisions.storage.choice), "pending");
  // The frame itself, which is not the manager, tells a tale under the very name of the call.
  await frame.evaluate(() => postMessage({ __tcfapiReturn: { callId: "keepset-0.5", success: true, returnValue: { eventStatus: "tcloaded", publisher: { consents: { 1: true } } } } }, "*"));
  await page.waitForTimeout(100);
  assert.equal(await frame.evaluate(() => followed.decisions.storage.choice), "pending");
  await page.evaluate(() => cmp("useractioncomplete", [1, 5]));
  await frame.waitForFunction(() => keepset.consent.get().segmentation === "granted");
  assert.deepEqual(Object.values(await gates(frame)), ["granted", "granted", "denied", "denied"]);
  await frame.evaluate(() => followed.stop());
  await page.evaluate(() => cmp("useractioncomplete", []));
  await page.waitForTimeout(100);
  assert.equal(await frame.evaluate(() => keepset.consent.get().storage), "granted");
  await shopVisit.close();
});
